//! A workload file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_yaml_ng::Value;

use super::parse_yaml;
use crate::error::{Error, Result};

/// Field for field as OMB's `Workload`, with its defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OmbWorkload {
    #[serde(default)]
    pub name: String,
    pub topics: u64,
    pub partitions_per_topic: u64,
    #[serde(default = "no_key")]
    pub key_distributor: String,
    pub message_size: u32,
    #[serde(default)]
    pub use_randomized_payloads: bool,
    #[serde(default)]
    pub random_bytes_ratio: f64,
    #[serde(default)]
    pub subscriptions_per_topic: u64,
    #[serde(default)]
    pub producers_per_topic: u64,
    #[serde(default)]
    pub consumer_per_subscription: u64,
    #[serde(default)]
    pub producer_rate: u32,
    #[serde(default)]
    pub producer_increment_rate: u32,
    #[serde(default, rename = "consumerBacklogSizeGB")]
    pub consumer_backlog_size_gb: u64,
    #[serde(default)]
    pub test_duration_minutes: u64,
    #[serde(default = "one")]
    pub warmup_duration_minutes: u64,
    /// What decides nothing here, or what we do not know.
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// They say how payloads come about and how a search for the rate goes: not what is sent.
const WITHOUT_EFFECT: [&str; 6] = [
    "randomizedPayloadPoolSize",
    "payloadFile",
    "producerStartRate",
    "acceptableBacklog",
    "producerIncrementSeconds",
    "backlogDrainRatio",
];

impl OmbWorkload {
    /// # Errors
    /// It is no YAML, or lacks what every workload has.
    pub fn parse(text: &str) -> Result<Self> {
        parse_yaml("workload", text)
    }

    pub(super) fn has_keys(&self) -> bool {
        self.key_distributor != "NO_KEY"
    }

    pub(super) fn check(&self) -> Result<()> {
        let unsupported =
            |what: &str| Err(Error::Invalid(format!("workload {:?}: {what}", self.name)));
        if self.subscriptions_per_topic > 1 {
            return unsupported("subscriptionsPerTopic above 1 is not supported: one group reads");
        }
        if self.topics == 0 || self.partitions_per_topic == 0 {
            return unsupported("topics and partitionsPerTopic are 1 at least");
        }
        if self.producers_per_topic == 0 {
            return unsupported("producersPerTopic 0 is not supported: pelton bench fetch reads");
        }
        if self.subscriptions_per_topic > 0 && self.consumer_per_subscription == 0 {
            return unsupported("a subscription without consumers (consumerPerSubscription: 0)");
        }
        if self.producer_increment_rate > 0 {
            return unsupported("producerIncrementRate is not supported: give one producerRate");
        }
        if !["NO_KEY", "KEY_ROUND_ROBIN", "RANDOM_NANO"].contains(&self.key_distributor.as_str()) {
            return unsupported(&format!("unknown keyDistributor {}", self.key_distributor));
        }
        if self.message_size == 0 {
            return unsupported("messageSize 0");
        }
        let unknown = self.others.keys().find(|name| !WITHOUT_EFFECT.contains(&name.as_str()));
        match unknown {
            Some(name) => unsupported(&format!("{name} is not supported")),
            None => Ok(()),
        }
    }
}

fn no_key() -> String {
    "NO_KEY".into()
}

fn one() -> u64 {
    1
}
