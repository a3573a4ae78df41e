//! What a coordinator has to know of the cluster.

use std::time::Duration;

use pelton_model::TopicId;

use crate::ids::TopicName;

/// The cluster as of a step; the caller's own view, so that nothing of it is kept twice.
pub trait Cluster {
    /// Grows whenever anything below may have changed.
    fn revision(&self) -> u64;

    fn topic(&self, name: &str) -> Option<TopicShape>;

    /// All topics that a subscription may mean.
    fn each_topic(&self, visit: &mut dyn FnMut(&TopicName));

    /// What is in force for a group of the consumer protocol.
    fn consumer_group_config(&self, group: &str) -> ConsumerGroupConfig;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicShape {
    pub id: TopicId,
    pub partition_count: i32,
}

/// `consumer.*` of a group, or else `group.consumer.*` of the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerGroupConfig {
    pub session_timeout: Duration,
    pub heartbeat_interval_ms: i32,
    /// Between two computations of the target assignment.
    pub assignment_interval: Duration,
}

impl Default for ConsumerGroupConfig {
    /// Kafka's defaults.
    fn default() -> Self {
        Self {
            session_timeout: Duration::from_secs(45),
            heartbeat_interval_ms: 5_000,
            assignment_interval: Duration::from_secs(1),
        }
    }
}
