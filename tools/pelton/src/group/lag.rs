//! How far groups are behind.

use std::collections::BTreeMap;

use pelton_client::{Admin, Committed, OffsetAt, TopicPartition, list_offsets};
use pelton_kafka::ErrorCode;
use pelton_model::{Offset, PartitionIndex};

use crate::failure::Result;

/// One partition that a group has committed an offset for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub of: TopicPartition,
    pub committed: Committed,
    /// Missing if the partition is not there any more.
    pub end: Option<Offset>,
}

impl Position {
    /// Records that are there and not committed; a commit beyond the end is not behind.
    pub fn lag(&self) -> Option<i64> {
        let end = self.end?;
        Some(end.get().saturating_sub(self.committed.offset.get()).max(0))
    }
}

pub async fn positions(admin: &Admin, group: &str) -> Result<Vec<Position>> {
    let committed = admin.group_offsets(group).await?;
    let ends = places(admin, committed.keys(), OffsetAt::Latest).await?;
    let positions = committed.into_iter().map(|(of, committed)| {
        let end = ends.get(&of).copied();
        Position { of, committed, end }
    });
    Ok(positions.collect())
}

/// Where a place of some partitions is. Missing: there is no such partition, or no such record.
pub async fn places(
    admin: &Admin,
    partitions: impl IntoIterator<Item = &TopicPartition>,
    at: OffsetAt,
) -> Result<BTreeMap<TopicPartition, Offset>> {
    let mut by_topic: BTreeMap<&str, Vec<PartitionIndex>> = BTreeMap::new();
    for of in partitions {
        by_topic.entry(&of.topic).or_default().push(of.partition);
    }
    let mut places = BTreeMap::new();
    for (topic, mut partitions) in by_topic {
        match admin.describe_topic(topic).await {
            Ok(known) => partitions.retain(|it| known.partitions.iter().any(|at| at.index == *it)),
            Err(error) if error.code() == Some(ErrorCode::UnknownTopicOrPartition) => continue,
            Err(error) => return Err(error.into()),
        }
        for (partition, offset) in list_offsets(admin.cluster(), topic, &partitions, at).await? {
            places.insert(TopicPartition { topic: topic.into(), partition }, offset);
        }
    }
    Ok(places)
}
