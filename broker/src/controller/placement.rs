//! Which shard owns which partition. Node-local: no client and no other broker ever sees it.

use std::collections::BTreeMap;

use pelton_cluster::{ClusterState, Record};
use pelton_model::{PartitionId, PartitionIndex, ShardId, TopicId};

use super::View;

pub type Placement = BTreeMap<PartitionId, ShardId>;

/// Where the partitions that `records` make go.
pub fn place_new(view: &View, records: &[Record], shards: usize) -> Vec<(PartitionId, ShardId)> {
    let mut new = Vec::new();
    for record in records {
        match record {
            Record::Topic { id, partition_count, .. } => {
                new.extend(partitions(*id, 0..*partition_count));
            }
            Record::PartitionsAdded { topic, partition_count } => {
                let before = view.cluster.topic_by_id(*topic).map_or(0, |it| it.partition_count);
                new.extend(partitions(*topic, before..*partition_count));
            }
            _ => {}
        }
    }
    spread(&view.placement, new, shards)
}

fn partitions(topic: TopicId, range: std::ops::Range<i32>) -> impl Iterator<Item = PartitionId> {
    range.map(move |index| PartitionId::new(topic, PartitionIndex::new(index)))
}

/// Each partition goes to the shard with the fewest of its topic, then the fewest at all.
pub fn spread(
    placed: &Placement,
    new: Vec<PartitionId>,
    shards: usize,
) -> Vec<(PartitionId, ShardId)> {
    let mut totals = vec![0usize; shards.max(1)];
    for shard in placed.values() {
        if let Some(total) = totals.get_mut(shard.index()) {
            *total += 1;
        }
    }
    let mut of_topic: BTreeMap<TopicId, Vec<usize>> = BTreeMap::new();
    new.into_iter()
        .map(|partition| {
            let counts = of_topic.entry(partition.topic).or_insert_with(|| {
                let mut counts = vec![0; totals.len()];
                let first = PartitionId::new(partition.topic, PartitionIndex::new(0));
                let last = PartitionId::new(partition.topic, PartitionIndex::new(i32::MAX));
                for (_, shard) in placed.range(first..=last) {
                    if let Some(count) = counts.get_mut(shard.index()) {
                        *count += 1;
                    }
                }
                counts
            });
            let chosen = (0..totals.len()).min_by_key(|at| (counts[*at], totals[*at])).unwrap_or(0);
            counts[chosen] += 1;
            totals[chosen] += 1;
            (partition, ShardId::new(chosen as u16))
        })
        .collect()
}

/// Partitions that the metadata knows and no shard has: made, but not placed before a crash.
pub fn unplaced(cluster: &ClusterState, placed: &Placement) -> Vec<PartitionId> {
    cluster
        .topics()
        .flat_map(|topic| topic.partitions())
        .filter(|partition| !placed.contains_key(partition))
        .collect()
}

#[cfg(test)]
#[path = "placement_test.rs"]
mod placement_test;
