//! Where partitions begin and end, and what was the first record at or after a time.

use std::collections::BTreeMap;

use futures::future::join_all;
use pelton_kafka::message;
use pelton_kafka::wire::ListOffsetsRequest;
use pelton_kafka::wire::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use pelton_kafka::wire::list_offsets_response::ListOffsetsPartitionResponse;
use pelton_model::{NodeId, Offset, PartitionIndex, TimestampMs};

use crate::cluster::{Cluster, Topic};
use crate::error::{Error, Result, check};

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
    let ask = async |known: &Topic| {
        let found = ask_leaders(cluster, known, partitions, at).await.into_iter();
        let found = found.filter_map(|(partition, found)| Some((partition, found.transpose()?)));
        found.map(|(partition, found)| Ok((partition, found?))).collect()
    };
    cluster.persist(topic, ask).await
}

/// Asks the partitions' leaders once, all at the same time: one that fails is nothing to the others.
/// None is of a partition that has no record at or after the time asked for.
pub(crate) async fn ask_leaders(
    cluster: &Cluster,
    topic: &Topic,
    partitions: &[PartitionIndex],
    at: OffsetAt,
) -> BTreeMap<PartitionIndex, Result<Option<Offset>>> {
    let mut by_leader: BTreeMap<NodeId, Vec<PartitionIndex>> = BTreeMap::new();
    let mut offsets = BTreeMap::new();
    for &partition in partitions {
        match cluster.leader_of(topic, partition) {
            Ok(leader) => by_leader.entry(leader).or_default().push(partition),
            Err(error) => {
                offsets.insert(partition, Err(error));
            }
        }
    }
    let asking = by_leader.into_iter().map(|(leader, partitions)| async move {
        let answer = ask_leader(cluster, leader, topic, &partitions, at).await;
        (partitions, answer)
    });
    for (partitions, answer) in join_all(asking).await {
        offsets.extend(partitions.into_iter().map(|partition| {
            let answer = answer.as_ref().map_err(Error::clone);
            (partition, answer.and_then(|answer| offset_in(answer, topic, partition)))
        }));
    }
    offsets
}

async fn ask_leader(
    cluster: &Cluster,
    leader: NodeId,
    topic: &Topic,
    partitions: &[PartitionIndex],
    at: OffsetAt,
) -> Result<BTreeMap<i32, ListOffsetsPartitionResponse>> {
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
    let answered = answer.topics.into_iter().filter(|found| *found.name == *topic.name);
    let answered = answered.flat_map(|found| found.partitions);
    Ok(answered.map(|partition| (partition.partition_index, partition)).collect())
}

fn offset_in(
    answer: &BTreeMap<i32, ListOffsetsPartitionResponse>,
    topic: &Topic,
    partition: PartitionIndex,
) -> Result<Option<Offset>> {
    let context = || format!("offsets of {}/{partition}", topic.name);
    let found = answer
        .get(&partition.get())
        .ok_or_else(|| Error::protocol(context(), "is missing in the answer"))?;
    check(found.error_code, None, context)?;
    Ok((found.offset >= 0).then(|| Offset::new(found.offset)))
}
