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

    /// What one record of the step's coordinator may take: `max.message.bytes` of
    /// `__consumer_offsets`, less a batch's overhead.
    fn record_bytes_max(&self) -> usize;

    /// What is in force for a group of the consumer protocol.
    fn consumer_group_config(&self, group: &str) -> ConsumerGroupConfig;

    /// Members of all groups of the consumer protocol whose coordinators share this one's core.
    fn consumer_members(&self) -> usize;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicShape {
    pub id: TopicId,
    pub partition_count: i32,
}

/// `consumer.*` of a group, or else `group.consumer.*` of the broker; the interval at least is the
/// broker's alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerGroupConfig {
    pub session_timeout: Duration,
    /// The longest that a member is told.
    pub heartbeat_interval_ms: i32,
    /// `pelton.group.consumer.min.heartbeat.interval.ms`: the shortest; 0: always the longest.
    pub heartbeat_interval_min_ms: i32,
    /// Between two computations of the target assignment.
    pub assignment_interval: Duration,
}

impl Default for ConsumerGroupConfig {
    /// Kafka's defaults, and ours.
    fn default() -> Self {
        Self {
            session_timeout: Duration::from_secs(45),
            heartbeat_interval_ms: 5_000,
            heartbeat_interval_min_ms: 1_000,
            assignment_interval: Duration::from_secs(1),
        }
    }
}
