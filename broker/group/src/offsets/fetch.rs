//! OffsetFetch.

use std::sync::Arc;

use pelton_model::TopicId;

use crate::cluster::Cluster;
use crate::coordinator::command::FetchOffsets;
use crate::coordinator::reply::{FetchedOffset, TopicOffsets};
use crate::coordinator::{Coordinator, Kind};
use crate::error::GroupError;
use crate::record::CommittedOffset;

impl Coordinator {
    /// What is not committed, be it for want of a group, is answered by -1 and no error. Nor is what
    /// was committed for a topic of the same name that is gone, and whose offsets are yet to follow.
    ///
    /// # Errors
    /// UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH in a group of the consumer protocol.
    pub(crate) fn fetch_offsets(
        &self,
        cluster: &dyn Cluster,
        fetch: &FetchOffsets,
    ) -> Result<Vec<TopicOffsets>, GroupError> {
        let group = self.groups.get(&fetch.group);
        if let Some(Kind::Consumer(consumer)) = group.map(|group| &group.kind) {
            consumer.check_fetch(fetch)?;
        }
        let offsets = group.map(|group| &group.offsets);
        if let Some(topics) = &fetch.topics {
            let asked = topics.iter().map(|asked| {
                let present = present_id(cluster, &asked.topic);
                let committed = offsets.and_then(|offsets| offsets.topic(&asked.topic));
                let partitions = asked.partitions.iter().map(|partition| {
                    let committed = committed.and_then(|them| them.get(partition));
                    fetched(*partition, committed.filter(|it| !is_of_another(it, present)))
                });
                TopicOffsets { topic: asked.topic.clone(), partitions: partitions.collect() }
            });
            return Ok(asked.collect());
        }
        let all = offsets.into_iter().flat_map(|offsets| offsets.topics());
        let all = all.map(|(topic, partitions)| {
            let present = present_id(cluster, topic);
            let committed = partitions.iter().filter(|(_, it)| !is_of_another(it, present));
            TopicOffsets {
                topic: topic.clone(),
                partitions: committed.map(|(at, offset)| fetched(*at, Some(offset))).collect(),
            }
        });
        Ok(all.filter(|topic| !topic.partitions.is_empty()).collect())
    }
}

/// Of the topic that has the name now.
fn present_id(cluster: &dyn Cluster, topic: &str) -> Option<TopicId> {
    cluster.topic(topic).map(|topic| topic.id)
}

/// Whether the topic that was meant had the name before the one that has it now. Old commits do not
/// say which was meant.
fn is_of_another(offset: &CommittedOffset, present: Option<TopicId>) -> bool {
    offset.topic_id != TopicId::ZERO && present.is_some_and(|present| offset.topic_id != present)
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
