//! A driver file of Kafka's driver.

use std::collections::BTreeMap;
use std::time::Duration;

use pelton_client::Acks;
use pelton_model::Compression;
use serde::Deserialize;
use serde_yaml_ng::Value;

use super::{parse_yaml, properties};
use crate::error::{Error, Result};
use crate::plan::FetchPlan;

const KAFKA: &str = "io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDriver";

/// Field for field as the file; the configs are Java properties.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OmbDriver {
    pub driver_class: String,
    #[serde(default = "one")]
    pub replication_factor: i16,
    #[serde(default)]
    topic_config: Option<String>,
    #[serde(default)]
    common_config: Option<String>,
    #[serde(default)]
    producer_config: Option<String>,
    #[serde(default)]
    consumer_config: Option<String>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// What the configs come to.
pub(super) struct Settings {
    pub bootstrap: Option<String>,
    pub topic_configs: BTreeMap<String, String>,
    pub acks: Acks,
    pub linger: Duration,
    pub batch_bytes: u64,
    pub in_flight: usize,
    pub compression: Compression,
    pub fetch: FetchPlan,
    pub notes: Vec<String>,
}

/// Asks for more than a connection holds (50 MiB by default) are cut.
const FETCH_BYTES_MAX: i32 = 64 << 20;

impl OmbDriver {
    /// # Errors
    /// It is no YAML, or names no driver.
    pub fn parse(text: &str) -> Result<Self> {
        parse_yaml("driver", text)
    }

    pub(super) fn settings(&self) -> Result<Settings> {
        if self.driver_class != KAFKA {
            let reason =
                format!("driver {}: only Kafka's is supported ({KAFKA})", self.driver_class);
            return Err(Error::Invalid(reason));
        }
        let of = |config: &Option<String>| properties::parse(config.as_deref().unwrap_or_default());
        let mut settings = Settings {
            bootstrap: None,
            topic_configs: of(&self.topic_config).into_iter().collect(),
            // What Kafka's producers do if nothing is said.
            acks: Acks::All,
            linger: Duration::from_millis(5),
            batch_bytes: 16 << 10,
            in_flight: 5,
            compression: Compression::None,
            fetch: FetchPlan::default(),
            notes: Vec::new(),
        };
        for (name, value) in of(&self.common_config) {
            settings.common(&name, &value)?;
        }
        for (name, value) in of(&self.producer_config) {
            settings.producer(&name, &value)?;
        }
        for (name, value) in of(&self.consumer_config) {
            settings.consumer(&name, &value)?;
        }
        for name in self.others.keys().filter(|name| !["name", "reset"].contains(&name.as_str())) {
            settings.notes.push(format!("{name} of the driver has no effect"));
        }
        Ok(settings)
    }
}

impl Settings {
    fn common(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "bootstrap.servers" => self.bootstrap = Some(value.into()),
            "security.protocol" if value == "PLAINTEXT" => {}
            _ if is_security(name) => return Err(unsupported(name, value)),
            _ => self.no_effect(name),
        }
        Ok(())
    }

    fn producer(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "acks" => {
                self.acks = match value {
                    "0" => Acks::None,
                    "1" => Acks::Leader,
                    "all" | "-1" => Acks::All,
                    _ => return Err(unsupported(name, value)),
                }
            }
            "linger.ms" => self.linger = Duration::from_millis(number(name, value)?),
            "batch.size" => self.batch_bytes = number(name, value)?,
            "max.in.flight.requests.per.connection" => self.in_flight = number(name, value)?,
            "compression.type" => {
                let codec = Compression::ALL.into_iter().find(|codec| codec.name() == value);
                self.compression = codec.ok_or_else(|| unsupported(name, value))?;
            }
            "transactional.id" => return Err(unsupported(name, value)),
            "enable.idempotence" if value == "true" => self.notes.push(
                "batches carry no producer id (enable.idempotence): they are encoded beforehand"
                    .into(),
            ),
            "enable.idempotence" => {}
            _ if is_security(name) => return Err(unsupported(name, value)),
            _ => self.no_effect(name),
        }
        Ok(())
    }

    fn consumer(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "fetch.min.bytes" => self.fetch.min_bytes = number(name, value)?,
            "fetch.max.wait.ms" => self.fetch.max_wait_ms = number(name, value)?,
            "fetch.max.bytes" => {
                self.fetch.max_bytes = number::<i32>(name, value)?.min(FETCH_BYTES_MAX);
            }
            "max.partition.fetch.bytes" => self.fetch.partition_max_bytes = number(name, value)?,
            // Everything is read from where it began, and nothing is committed.
            "auto.offset.reset" | "enable.auto.commit" => {}
            "isolation.level" if value == "read_uncommitted" => {}
            "isolation.level" => return Err(unsupported(name, value)),
            _ if is_security(name) => return Err(unsupported(name, value)),
            _ => self.no_effect(name),
        }
        Ok(())
    }

    fn no_effect(&mut self, name: &str) {
        self.notes.push(format!("{name} has no effect"));
    }
}

fn is_security(name: &str) -> bool {
    ["security.", "sasl.", "ssl."].iter().any(|prefix| name.starts_with(prefix))
}

fn unsupported(name: &str, value: &str) -> Error {
    Error::Invalid(format!("{name}={value} of the driver is not supported"))
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T> {
    value.parse().map_err(|_| Error::Invalid(format!("{name}={value} is not a number that fits")))
}

fn one() -> i16 {
    1
}
