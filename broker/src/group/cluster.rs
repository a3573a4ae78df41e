//! The cluster as coordinators see it.

use std::time::Duration;

use pelton_cluster::ConfigResource;
use pelton_cluster::config::group_integer;
use pelton_group::{Cluster, ConsumerGroupConfig, TopicName, TopicShape};
use pelton_model::PartitionId;

use crate::shard::Shard;

/// A batch's own bytes, beside its one record.
const BATCH_OVERHEAD_BYTES: i64 = 512;

const MESSAGE_BYTES_MAX_DEFAULT: i64 = 1 << 20;

/// As the coordinator of one partition of `__consumer_offsets` sees it.
pub(super) struct ClusterView<'a> {
    pub shard: &'a Shard,
    pub partition: PartitionId,
}

impl Cluster for ClusterView<'_> {
    fn revision(&self) -> u64 {
        self.shard.view.borrow().cluster.revision()
    }

    fn topic(&self, name: &str) -> Option<TopicShape> {
        let view = self.shard.view.borrow();
        let topic = view.cluster.topic(name)?;
        Some(TopicShape { id: topic.id, partition_count: topic.partition_count })
    }

    fn each_topic(&self, visit: &mut dyn FnMut(&TopicName)) {
        for topic in self.shard.view.borrow().cluster.topics() {
            visit(&TopicName::new(topic.name.clone()));
        }
    }

    /// Looked up each time, as in Kafka: a group that has outgrown a record goes on as soon as
    /// records may be larger. None is larger than a segment, which holds it whole.
    fn record_bytes_max(&self) -> usize {
        let bytes_max = match self.shard.config_of(self.partition.topic) {
            Some(config) => config.max_message_bytes.min(config.segment_bytes),
            // The topic is going, which the append will find out.
            None => MESSAGE_BYTES_MAX_DEFAULT,
        };
        usize::try_from(bytes_max - BATCH_OVERHEAD_BYTES).unwrap_or(0)
    }

    fn consumer_group_config(&self, group: &str) -> ConsumerGroupConfig {
        let view = self.shard.view.borrow();
        let overrides = view.cluster.overrides(&ConfigResource::Group(group.to_owned()));
        self.shard.with_broker_configs(|broker| {
            let integer = |name| group_integer(overrides, broker, name);
            let milliseconds =
                |name| Duration::from_millis(u64::try_from(integer(name)).unwrap_or(0));
            ConsumerGroupConfig {
                session_timeout: milliseconds("consumer.session.timeout.ms"),
                heartbeat_interval_ms: i32::try_from(integer("consumer.heartbeat.interval.ms"))
                    .unwrap_or(i32::MAX),
                heartbeat_interval_min_ms: i32::try_from(
                    broker.integer("pelton.group.consumer.min.heartbeat.interval.ms"),
                )
                .unwrap_or(i32::MAX),
                assignment_interval: milliseconds("consumer.assignment.interval.ms"),
            }
        })
    }

    fn consumer_members(&self) -> usize {
        self.shard.groups.consumer_members.get()
    }
}
