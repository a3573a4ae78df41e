//! What a broker process is started with, resolved: every value is valid.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use pelton_cluster::Overrides;
use pelton_cluster::config::BrokerLayers;
use pelton_model::NodeId;
use pelton_storage::StoreOptions;

/// See the module. Kafka's own configs stand under `kafka`, by their names.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// Absolute.
    pub data_dir: PathBuf,
    pub node_id: NodeId,
    pub listen: SocketAddr,
    /// What Metadata tells clients; port 0: the port that was bound.
    pub advertise_host: String,
    pub advertise_port: u16,
    /// The processors to run on, one shard each; never empty.
    pub cpus: Vec<usize>,
    pub metrics: Option<SocketAddr>,
    /// `--set` and the file's `[kafka]`: the static layer of broker configs.
    pub kafka: Overrides,
    pub store: StoreOptions,
    /// Bytes of requests that one shard holds at once (R3).
    pub frame_budget_bytes: usize,
    /// How long a stop waits for requests in flight.
    pub stop_timeout: Duration,
}

impl BrokerConfig {
    /// Checks the static layer of Kafka configs.
    pub fn check_kafka(&self) -> Result<(), String> {
        pelton_cluster::config::check_static_configs(&self.kafka).map_err(|error| error.to_string())
    }

    /// Names of the static layer that mean nothing to a broker: slips, or another program's.
    pub fn unknown_kafka_names(&self) -> impl Iterator<Item = &str> {
        let names = self.kafka.keys().map(String::as_str);
        names.filter(|name| !pelton_cluster::config::is_static_name_known(name))
    }

    /// The static layer alone: for what is read once, at the start.
    pub fn at_start(&self) -> BrokerLayers<'_> {
        static NOTHING: Overrides = Overrides::new();
        BrokerLayers { dynamic: &NOTHING, all_brokers: &NOTHING, fixed: &self.kafka }
    }
}
