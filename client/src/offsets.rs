//! Where partitions begin and end, and what was the first record at or after a time.

use std::collections::BTreeMap;

use pelton_kafka::message;
use pelton_kafka::wire::ListOffsetsRequest;
use pelton_kafka::wire::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use pelton_model::{NodeId, Offset, PartitionIndex, TimestampMs};

use crate::cluster::{Cluster, Topic};
use crate::error::{Error, Result, check};
use crate::retry::Retry;

/// A place in a partition that only its leader knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetAt {
    /// Of the first record that is still there.
    Earliest,
    /// Of the next record to become visible: the high watermark.
    Latest,
    /// Of the first record with this timestamp or a later one.
    Timestamp(TimestampMs),
}

/// Asks the partitions' leaders, again while that is worth it. A partition is missing in the result
/// if it has no record at or after the time asked for.
pub async fn list_offsets(
    cluster: &Cluster,
    topic: &str,
    partitions: &[PartitionIndex],
    at: OffsetAt,
) -> Result<BTreeMap<PartitionIndex, Offset>> {
    let mut retry = Retry::new(cluster.options());
    loop {
        let attempt = async {
            let topic = cluster.topic(topic).await?;
            ask_leaders(cluster, &topic, partitions, at).await
        };
        match attempt.await {
            Ok(offsets) => return Ok(offsets),
            Err(error) => {
                cluster.forget(topic);
                retry.after(error).await?;
            }
        }
    }
}

async fn ask_leaders(
    cluster: &Cluster,
    topic: &Topic,
    partitions: &[PartitionIndex],
    at: OffsetAt,
) -> Result<BTreeMap<PartitionIndex, Offset>> {
    let mut by_leader: BTreeMap<NodeId, Vec<PartitionIndex>> = BTreeMap::new();
    for &partition in partitions {
        by_leader.entry(cluster.leader_of(topic, partition)?).or_default().push(partition);
    }
    let mut offsets = BTreeMap::new();
    for (leader, partitions) in by_leader {
        let asked = partitions.iter().map(|partition| {
            message!(ListOffsetsPartition {
                partition_index: partition.get(),
                timestamp: match at {
                    OffsetAt::Earliest => -2,
                    OffsetAt::Latest => -1,
                    OffsetAt::Timestamp(timestamp) => timestamp.get().max(0),
                },
            })
        });
        let request = message!(ListOffsetsRequest {
            replica_id: -1,
            topics: vec![message!(ListOffsetsTopic {
                name: (*topic.name).into(),
                partitions: asked.collect(),
            })],
        });
        let answer = cluster.connection(leader).await?.call(&request).await?.message;
        let answered = answer.topics.iter().filter(|found| *found.name == *topic.name);
        let answered: BTreeMap<_, _> = answered
            .flat_map(|found| &found.partitions)
            .map(|partition| (partition.partition_index, partition))
            .collect();
        for partition in partitions {
            let context = || format!("offsets of {}/{partition}", topic.name);
            let found = answered
                .get(&partition.get())
                .ok_or_else(|| Error::protocol(context(), "is missing in the answer"))?;
            check(found.error_code, None, context)?;
            if found.offset >= 0 {
                offsets.insert(partition, Offset::new(found.offset));
            }
        }
    }
    Ok(offsets)
}
