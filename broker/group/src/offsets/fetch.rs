//! OffsetFetch.

use std::sync::Arc;

use crate::coordinator::command::FetchOffsets;
use crate::coordinator::reply::{FetchedOffset, TopicOffsets};
use crate::coordinator::{Coordinator, Kind};
use crate::error::GroupError;
use crate::record::CommittedOffset;

impl Coordinator {
    /// What is not committed, be it for want of a group, is answered by -1 and no error.
    ///
    /// # Errors
    /// UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH in a group of the consumer protocol.
    pub(crate) fn fetch_offsets(
        &self,
        fetch: &FetchOffsets,
    ) -> Result<Vec<TopicOffsets>, GroupError> {
        let group = self.groups.get(&fetch.group);
        if let Some(Kind::Consumer(consumer)) = group.map(|group| &group.kind) {
            consumer.check_fetch(fetch)?;
        }
        let offsets = group.map(|group| &group.offsets);
        if let Some(topics) = &fetch.topics {
            let asked = topics.iter().map(|asked| {
                let committed = offsets.and_then(|offsets| offsets.topic(&asked.topic));
                let partitions = asked.partitions.iter().map(|partition| {
                    fetched(*partition, committed.and_then(|them| them.get(partition)))
                });
                TopicOffsets { topic: asked.topic.clone(), partitions: partitions.collect() }
            });
            return Ok(asked.collect());
        }
        let all = offsets.into_iter().flat_map(|offsets| offsets.topics());
        let all = all.map(|(topic, partitions)| TopicOffsets {
            topic: topic.clone(),
            partitions: partitions
                .iter()
                .map(|(partition, offset)| fetched(*partition, Some(offset)))
                .collect(),
        });
        Ok(all.collect())
    }
}

fn fetched(partition: i32, committed: Option<&CommittedOffset>) -> FetchedOffset {
    match committed {
        Some(offset) => FetchedOffset {
            partition,
            offset: offset.offset,
            leader_epoch: offset.leader_epoch,
            metadata: offset.metadata.clone(),
        },
        None => FetchedOffset { partition, offset: -1, leader_epoch: -1, metadata: Arc::from("") },
    }
}
