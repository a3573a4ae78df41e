//! OffsetCommit.

use crate::cluster::Cluster;
use crate::coordinator::command::CommitOffsets;
use crate::coordinator::effects::{Effects, Now};
use crate::coordinator::{Coordinator, Kind};
use crate::error::GroupError;
use crate::record::Record;

impl Coordinator {
    /// One outcome per offset, in order.
    ///
    /// # Errors
    /// What concerns the group as a whole; nothing is committed then.
    pub(crate) fn commit_offsets(
        &mut self,
        now: Now,
        cluster: &dyn Cluster,
        commit: CommitOffsets,
        effects: &mut Effects,
    ) -> Result<Vec<Result<(), GroupError>>, GroupError> {
        self.check_commit(now, cluster, &commit, effects)?;
        let CommitOffsets { group, retention_ms, offsets, .. } = commit;
        let metadata_max = self.config.offset_metadata_max;
        let mut outcomes = Vec::with_capacity(offsets.len());
        for offset in offsets {
            if offset.topic_is_gone {
                outcomes.push(Err(GroupError::UnknownTopicOrPartition));
                continue;
            }
            let metadata = offset.metadata.as_deref().unwrap_or_default();
            if metadata.encode_utf16().count() > metadata_max {
                outcomes.push(Err(GroupError::OffsetMetadataTooLarge));
                continue;
            }
            let (topic, partition) = (offset.topic.clone(), offset.partition);
            let value = Some(offset.committed(now.wall, retention_ms));
            let record = Record::OffsetCommit { group: group.clone(), topic, partition, value };
            self.apply(record.clone());
            effects.records.push(record);
            self.figures.offset_commits += 1;
            outcomes.push(Ok(()));
        }
        Ok(outcomes)
    }

    fn check_commit(
        &mut self,
        now: Now,
        cluster: &dyn Cluster,
        commit: &CommitOffsets,
        effects: &mut Effects,
    ) -> Result<(), GroupError> {
        if !self.groups.contains_key(&commit.group) {
            return match commit.generation {
                // From somebody without a group: it makes one of simple commits.
                ..0 => self.make_room(&commit.group),
                _ if commit.knows_member_epochs => Err(GroupError::GroupIdNotFound),
                _ => Err(GroupError::IllegalGeneration),
            };
        }
        match self.group(&commit.group, now, cluster, effects) {
            Some((Kind::Classic(group), mut step)) => group.check_commit(commit, &mut step),
            Some((Kind::Consumer(group), _)) => group.check_commit(commit, cluster),
            None => Err(GroupError::UnknownMemberId),
        }
    }

    /// Whether members of the group read the topic now: then its offsets are not to go.
    pub(crate) fn is_subscribed(kind: &Kind, topic: &str) -> bool {
        match kind {
            Kind::Classic(group) => group.is_subscribed(topic),
            Kind::Consumer(group) => group.is_subscribed(topic),
        }
    }
}
