//! OffsetFetch.

use std::sync::Arc;

use crate::coordinator::Coordinator;
use crate::coordinator::command::FetchOffsets;
use crate::coordinator::reply::{FetchedOffset, TopicOffsets};
use crate::record::CommittedOffset;

impl Coordinator {
    /// What is not committed, be it for want of a group, is answered by -1 and no error.
    pub(crate) fn fetch_offsets(&self, fetch: &FetchOffsets) -> Vec<TopicOffsets> {
        let offsets = self.groups.get(&fetch.group).map(|group| &group.offsets);
        if let Some(topics) = &fetch.topics {
            let asked = topics.iter().map(|asked| {
                let committed = offsets.and_then(|offsets| offsets.topic(&asked.topic));
                let partitions = asked.partitions.iter().map(|partition| {
                    fetched(*partition, committed.and_then(|them| them.get(partition)))
                });
                TopicOffsets { topic: asked.topic.clone(), partitions: partitions.collect() }
            });
            return asked.collect();
        }
        let all = offsets.into_iter().flat_map(|offsets| offsets.topics());
        all.map(|(topic, partitions)| TopicOffsets {
            topic: topic.clone(),
            partitions: partitions
                .iter()
                .map(|(partition, offset)| fetched(*partition, Some(offset)))
                .collect(),
        })
        .collect()
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
