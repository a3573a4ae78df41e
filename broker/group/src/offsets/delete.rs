//! OffsetDelete, DeleteGroups, and topics that are gone.

use std::collections::BTreeSet;
use std::ops::Bound;

use pelton_model::TopicId;

use crate::coordinator::command::DeleteOffsets;
use crate::coordinator::effects::Effects;
use crate::coordinator::reply::PartitionOutcome;
use crate::coordinator::{Coordinator, Kind};
use crate::error::GroupError;
use crate::ids::{GroupId, TopicName};
use crate::record::Record;

impl Coordinator {
    /// # Errors
    /// GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP for the group; GROUP_SUBSCRIBED_TO_TOPIC by partition.
    pub(crate) fn delete_offsets(
        &mut self,
        delete: DeleteOffsets,
        effects: &mut Effects,
    ) -> Result<Vec<PartitionOutcome>, GroupError> {
        let group = self.groups.get(&delete.group).ok_or(GroupError::GroupIdNotFound)?;
        match &group.kind {
            Kind::Classic(classic) => classic.check_offset_delete()?,
            Kind::Consumer(_) => {}
        }
        let mut outcomes = Vec::new();
        let mut gone = Vec::new();
        for asked in delete.topics {
            let is_subscribed = Self::is_subscribed(&group.kind, &asked.topic);
            for partition in asked.partitions {
                let topic = asked.topic.clone();
                if !is_subscribed && group.offsets.get(&topic, partition).is_some() {
                    gone.push((topic.clone(), partition));
                }
                let outcome = match is_subscribed {
                    true => Err(GroupError::GroupSubscribedToTopic),
                    false => Ok(()),
                };
                outcomes.push(PartitionOutcome { topic, partition, outcome });
            }
        }
        self.forget(&delete.group, gone, effects);
        Ok(outcomes)
    }

    /// # Errors
    /// GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP.
    pub(crate) fn delete_group(
        &mut self,
        id: &GroupId,
        effects: &mut Effects,
    ) -> Result<(), GroupError> {
        let group = self.groups.get(id).ok_or(GroupError::GroupIdNotFound)?;
        if !group.is_empty() {
            return Err(GroupError::NonEmptyGroup);
        }
        let gone = group.offsets.iter().map(|(topic, partition, _)| (topic.clone(), partition));
        self.forget(id, gone.collect(), effects);
        self.remove_group(id, effects);
        Ok(())
    }

    /// Where to go on from, if there are more groups than were to be looked at.
    pub(crate) fn forget_topics(
        &mut self,
        topics: &[(TopicName, TopicId)],
        after: Option<GroupId>,
        count_max: usize,
        effects: &mut Effects,
    ) -> Option<GroupId> {
        let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let groups = self.groups.range::<GroupId, _>((from, Bound::Unbounded)).take(count_max);
        let groups: Vec<GroupId> = groups.map(|(id, _)| id.clone()).collect();
        for id in &groups {
            let Some(group) = self.groups.get(id) else { continue };
            let mut gone = Vec::new();
            for (topic, topic_id) in topics {
                for (partition, offset) in group.offsets.topic(topic).into_iter().flatten() {
                    // A topic of the same name may be there again, and have commits of its own.
                    if offset.topic_id == *topic_id {
                        gone.push((topic.clone(), *partition));
                    }
                }
            }
            self.forget(id, gone, effects);
        }
        if groups.len() < count_max { None } else { groups.last().cloned() }
    }

    /// The topics that the groups behind `after`, `count_max` at most, have offsets of, as the
    /// commits named them; and where to go on from, if there are more groups.
    pub fn committed_topics(
        &self,
        after: Option<&GroupId>,
        count_max: usize,
    ) -> (BTreeSet<(TopicName, TopicId)>, Option<GroupId>) {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut topics = BTreeSet::new();
        let (mut count, mut last) = (0, None);
        for (id, group) in self.groups.range::<GroupId, _>((from, Bound::Unbounded)).take(count_max)
        {
            let offsets = group.offsets.iter();
            topics.extend(offsets.map(|(topic, _, offset)| (topic.clone(), offset.topic_id)));
            (count, last) = (count + 1, Some(id.clone()));
        }
        (topics, last.filter(|_| count == count_max))
    }

    /// Tombstones for committed offsets.
    pub(crate) fn forget(
        &mut self,
        group: &GroupId,
        gone: Vec<(TopicName, i32)>,
        effects: &mut Effects,
    ) {
        for (topic, partition) in gone {
            let group = group.clone();
            let record = Record::OffsetCommit { group, topic, partition, value: None };
            self.apply(record.clone());
            effects.records.push(record);
        }
    }
}
