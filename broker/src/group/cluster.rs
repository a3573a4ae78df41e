//! The cluster as coordinators see it.

use std::time::Duration;

use pelton_cluster::ConfigResource;
use pelton_cluster::config::group_integer;
use pelton_group::{Cluster, ConsumerGroupConfig, TopicName, TopicShape};

use crate::shard::Shard;

pub(super) struct ClusterView<'a>(pub &'a Shard);

impl Cluster for ClusterView<'_> {
    fn revision(&self) -> u64 {
        self.0.view.borrow().cluster.revision()
    }

    fn topic(&self, name: &str) -> Option<TopicShape> {
        let view = self.0.view.borrow();
        let topic = view.cluster.topic(name)?;
        Some(TopicShape { id: topic.id, partition_count: topic.partition_count })
    }

    fn each_topic(&self, visit: &mut dyn FnMut(&TopicName)) {
        for topic in self.0.view.borrow().cluster.topics() {
            visit(&TopicName::new(topic.name.clone()));
        }
    }

    fn consumer_group_config(&self, group: &str) -> ConsumerGroupConfig {
        let view = self.0.view.borrow();
        let overrides = view.cluster.overrides(&ConfigResource::Group(group.to_owned()));
        self.0.with_broker_configs(|broker| {
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
        self.0.groups.consumer_members.get()
    }
}
