//! The target assignment: what every member is to have.

use std::collections::{BTreeMap, BTreeSet};

use pelton_model::TopicId;

use super::ConsumerGroup;
use crate::assignor::Subscriber;
use crate::coordinator::effects::Step;
use crate::error::GroupError;
use crate::ids::MemberId;
use crate::record::{Assignment, ConsumerGroupMetadata, ConsumerRecord, TargetAssignmentMetadata};

/// What a partition takes in the record of what a member has: itself, and its epoch.
const PARTITION_BYTES: usize = 8;
/// What a topic takes beside its partitions.
const TOPIC_BYTES: usize = 40;

impl ConsumerGroup {
    /// Something has changed.
    pub(super) fn raise_epoch(&mut self, step: &mut Step<'_>) {
        let metadata_hash = self.hash_topics(step.cluster);
        self.looked.hash_revision = Some(step.cluster.revision());
        let metadata = ConsumerGroupMetadata { epoch: self.group_epoch + 1, metadata_hash };
        self.write(ConsumerRecord::Metadata(Some(metadata)), step);
        self.looked.rebalances += 1;
    }

    /// Whether the topics of the group are other ones than the group epoch was made for.
    pub(super) fn topics_have_changed(&mut self, step: &Step<'_>) -> bool {
        let revision = step.cluster.revision();
        if self.looked.hash_revision == Some(revision) {
            return false;
        }
        self.looked.hash_revision = Some(revision);
        self.hash_topics(step.cluster) != self.metadata_hash
    }

    /// Computes the target assignment if it is older than the last change; not more often than the
    /// group's assignment interval allows, so that a group that forms does not have it computed for
    /// each member that comes.
    ///
    /// # Errors
    /// RECORD_TOO_LARGE: a member would have to have more than can be written.
    pub(super) fn assign(&mut self, step: &mut Step<'_>) -> Result<(), GroupError> {
        if self.group_epoch <= self.assignment_epoch || !self.may_assign(step) {
            return Ok(());
        }
        for (id, target) in self.compute(step)? {
            self.write(ConsumerRecord::Target(id, Some(target)), step);
        }
        let metadata = TargetAssignmentMetadata {
            assignment_epoch: self.group_epoch,
            assignment_timestamp: step.now.wall,
        };
        self.write(ConsumerRecord::TargetMetadata(Some(metadata)), step);
        Ok(())
    }

    fn may_assign(&self, step: &Step<'_>) -> bool {
        let interval = step.cluster.consumer_group_config(&self.id).assignment_interval;
        let waited_ms = step.now.wall.get().saturating_sub(self.assigned_at.get());
        // The wall clock may have gone back.
        waited_ms < 0 || u128::try_from(waited_ms).unwrap_or(0) >= interval.as_millis()
    }

    /// The targets that are not what they were.
    fn compute(&self, step: &Step<'_>) -> Result<Vec<(MemberId, Assignment)>, GroupError> {
        let mut counts: BTreeMap<TopicId, i32> = BTreeMap::new();
        // Most members of a group subscribe to the same, so their topics are looked up once.
        let mut subscriptions: Vec<BTreeSet<TopicId>> = Vec::new();
        let mut known = BTreeMap::new();
        let mut places = Vec::with_capacity(self.members.len());
        for member in self.members.values() {
            let wanted = (&member.metadata.topics, &member.metadata.regex);
            let place = *known.entry(wanted).or_insert_with(|| {
                let topics = self.topics_of(&member.metadata, step.cluster);
                counts.extend(&topics);
                subscriptions.push(topics.into_keys().collect());
                subscriptions.len() - 1
            });
            places.push(place);
        }
        let subscribers: Vec<Subscriber<'_>> = self
            .members
            .iter()
            .zip(&places)
            .map(|((member_id, member), place)| Subscriber {
                member_id,
                instance_id: member.metadata.instance_id.as_ref(),
                topics: &subscriptions[*place],
                current: self.target.get(member_id),
            })
            .collect();
        let targets = self.assignor(step.config).assign(&subscribers, &counts);
        let bytes_max = step.cluster.record_bytes_max();
        let mut changed = Vec::new();
        for (id, target) in self.members.keys().zip(targets) {
            let partition_count: usize = target.values().map(BTreeSet::len).sum();
            let bytes = partition_count * PARTITION_BYTES + target.len() * TOPIC_BYTES;
            if bytes > bytes_max {
                return Err(GroupError::RecordTooLarge);
            }
            if self.target.get(id) != Some(&target) {
                changed.push((id.clone(), target));
            }
        }
        Ok(changed)
    }
}
