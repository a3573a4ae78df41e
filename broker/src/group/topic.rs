//! `__consumer_offsets`: made when somebody first looks for a coordinator.

use pelton_cluster::ErrorKind;
use pelton_model::{PartitionId, PartitionIndex, ShardId};

use crate::kafka::Call;
use crate::message::TopicToCreate;

/// Its name, as every tool knows it.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// The partition that a group lives on, and who owns it; none as long as there is no such topic.
pub fn locate(call: &Call, group: &str) -> Option<(PartitionId, ShardId)> {
    let view = call.shard().view.borrow();
    let topic = view.cluster.topic(OFFSETS_TOPIC)?;
    let index = PartitionIndex::new(pelton_group::partition_of(group, topic.partition_count));
    let partition = PartitionId::new(topic.id, index);
    Some((partition, view.owner(partition)?))
}

/// All partitions with their owners.
pub fn partitions(call: &Call) -> Vec<(PartitionId, ShardId)> {
    let view = call.shard().view.borrow();
    let topic = view.cluster.topic(OFFSETS_TOPIC);
    let partitions = topic.into_iter().flat_map(|topic| topic.partitions());
    partitions.filter_map(|partition| Some((partition, view.owner(partition)?))).collect()
}

/// Makes the topic if it is not there; whether it is now.
pub async fn ensure(call: &Call) -> bool {
    let exists = || call.shard().view.borrow().cluster.topic(OFFSETS_TOPIC).is_some();
    if exists() {
        return true;
    }
    match call.create_topics(vec![to_create(call)], false).await {
        Ok(outcomes) => {
            for error in outcomes.into_iter().filter_map(Result::err) {
                // Somebody else was faster, which is as good.
                if error.kind != ErrorKind::TopicAlreadyExists {
                    tracing::error!(%error, "{OFFSETS_TOPIC} cannot be made");
                }
            }
        }
        Err(why) => tracing::error!(why, "{OFFSETS_TOPIC} cannot be made"),
    }
    exists()
}

/// As it is made, whoever is the first to ask for it.
pub fn to_create(call: &Call) -> TopicToCreate {
    let shard = call.shard();
    let broker_count = shard.view.borrow().cluster.broker_count().max(1);
    shard.with_broker_configs(|broker| {
        let factor = broker.integer("offsets.topic.replication.factor");
        let config = |name: &str, value: String| (name.to_owned(), Some(value));
        TopicToCreate {
            name: OFFSETS_TOPIC.to_owned(),
            partition_count: i32::try_from(broker.integer("offsets.topic.num.partitions"))
                .unwrap_or(50),
            // A cluster with fewer brokers than replicas wanted still gets its topic, as in Kafka.
            replication_factor: i16::try_from(factor.min(broker_count as i64)).unwrap_or(1),
            assignments: Vec::new(),
            configs: vec![
                config("cleanup.policy", "compact".to_owned()),
                config("compression.type", "producer".to_owned()),
                config("segment.bytes", broker.integer("offsets.topic.segment.bytes").to_string()),
            ],
        }
    })
}
