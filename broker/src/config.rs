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
    /// Whether the broker sends itself a record a second through each core.
    pub canary: bool,
    /// `--set` and the file's `[kafka]`: the static layer of broker configs.
    pub kafka: Overrides,
    pub store: StoreOptions,
    /// Bytes of requests that one shard holds at once (R3), unless `queued.max.request.bytes` says
    /// what all of them hold.
    pub frame_budget_default_bytes: usize,
    /// How long a stop waits for requests in flight.
    pub stop_timeout: Duration,
}

impl BrokerConfig {
    /// Checks the static layer of Kafka configs.
    pub fn check_kafka(&self) -> Result<(), String> {
        let checked = pelton_cluster::config::check_static_configs(&self.kafka);
        // What kind of error it would be for a client is nothing to an operator.
        checked.map_err(|error| error.message.unwrap_or_else(|| format!("{:?}", error.kind)))
    }

    /// Names of the static layer that mean nothing to a broker: slips, or another program's.
    pub fn unknown_kafka_names(&self) -> impl Iterator<Item = &str> {
        let names = self.kafka.keys().map(String::as_str);
        names.filter(|name| !pelton_cluster::config::is_static_name_known(name))
    }

    /// Those of the static layer that are known and do nothing, and why: whoever has set them is to
    /// hear of it.
    pub fn kafka_names_without_effect(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let why = pelton_cluster::config::why_without_effect;
        self.kafka.keys().filter_map(move |name| Some((name.as_str(), why(name)?)))
    }

    /// Bytes of requests that one shard holds at once (R3): its share of `queued.max.request.bytes`
    /// where that is positive.
    pub fn frame_budget_bytes(&self) -> usize {
        match usize::try_from(self.at_start().integer("queued.max.request.bytes")) {
            Ok(of_all) if of_all > 0 => of_all / self.cpus.len().max(1),
            _ => self.frame_budget_default_bytes,
        }
    }

    /// `socket.listen.backlog.size`, for each shard's socket.
    pub fn listen_backlog(&self) -> i32 {
        i32::try_from(self.at_start().integer("socket.listen.backlog.size")).unwrap_or(i32::MAX)
    }

    /// The static layer alone: for what is read once, at the start.
    pub fn at_start(&self) -> BrokerLayers<'_> {
        static NOTHING: Overrides = Overrides::new();
        BrokerLayers { dynamic: &NOTHING, all_brokers: &NOTHING, fixed: &self.kafka }
    }
}
