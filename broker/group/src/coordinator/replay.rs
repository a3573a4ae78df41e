//! From the log back to the state.

use super::effects::{Effects, Now, Step};
use super::{Coordinator, Group, Kind};
use crate::classic::ClassicGroup;
use crate::cluster::Cluster;
use crate::codec::DecodeError;
use crate::consumer::ConsumerGroup;
use crate::ids::GroupId;
use crate::record::{ConsumerRecord, Record};
use crate::timers::Timer;

impl Coordinator {
    /// Takes over one record of the log, in the log's order. What other protocols wrote is skipped.
    ///
    /// # Errors
    /// The record cannot be read: damage, or a later release. Going on would forget a commit.
    pub fn replay(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), DecodeError> {
        if let Some(record) = Record::decode(key, value)? {
            self.apply(record);
        }
        Ok(())
    }

    /// The log has been replayed: from here on members have to be heard of.
    pub fn begin(&mut self, now: Now, cluster: &dyn Cluster) -> Effects {
        let mut effects = Effects::default();
        let Self { config, timers, groups, .. } = self;
        for group in groups.values_mut() {
            let effects = &mut effects;
            let mut step = Step { now, config, cluster, timers, effects };
            match &mut group.kind {
                Kind::Classic(group) => group.begin(&mut step),
                Kind::Consumer(group) => group.begin(&mut step),
            }
        }
        for id in self.groups.keys().cloned().collect::<Vec<_>>() {
            self.count_members(&id);
        }
        self.watch_expiry(now);
        effects
    }

    /// What a record says becomes so. Commits take this way in running as in replay.
    pub(crate) fn apply(&mut self, record: Record) {
        match record {
            Record::OffsetCommit { group, topic, partition, value: Some(offset) } => {
                let entry = self.groups.entry(group);
                let group = entry.or_insert_with_key(Group::new);
                group.offsets.set(topic, partition, offset);
            }
            Record::OffsetCommit { group, topic, partition, value: None } => {
                if let Some(group) = self.groups.get_mut(&group) {
                    group.offsets.remove(&topic, partition);
                }
            }
            Record::GroupMetadata { group: id, value: Some(metadata) } => {
                let group = self.groups.entry(id.clone()).or_insert_with_key(Group::new);
                if let Kind::Classic(classic) = &mut group.kind {
                    classic.restore(metadata);
                } else {
                    let mut classic = ClassicGroup::new(id);
                    classic.restore(metadata);
                    group.kind = Kind::Classic(classic);
                }
            }
            Record::GroupMetadata { group, value: None } => {
                if self.groups.get_mut(&group).is_some_and(|it| it.classic().is_some()) {
                    self.drop_kind(&group);
                }
            }
            Record::Consumer { group, record } => self.apply_consumer(group, record),
        }
    }

    /// A value makes the group one of the consumer protocol; tombstones of one that is not there
    /// are what compaction has left of an earlier one.
    fn apply_consumer(&mut self, id: GroupId, record: ConsumerRecord) {
        let is_end = record == ConsumerRecord::Metadata(None);
        let brings_something = record.has_value();
        let group = match self.groups.get_mut(&id) {
            Some(group) => group,
            None if brings_something => {
                self.groups.entry(id.clone()).or_insert_with_key(Group::new)
            }
            None => return,
        };
        if brings_something && matches!(group.kind, Kind::Classic(_)) {
            group.kind = Kind::Consumer(ConsumerGroup::new(id.clone()));
        }
        let Kind::Consumer(consumer) = &mut group.kind else { return };
        consumer.apply(record);
        if is_end && consumer.is_empty() {
            self.drop_kind(&id);
        }
    }

    /// Offsets that were committed after the group had gone are a group of simple commits.
    pub(super) fn drop_kind(&mut self, id: &GroupId) {
        let Some(group) = self.groups.get_mut(id) else { return };
        if group.offsets.is_empty() {
            self.consumer_members -= group.members_counted;
            self.groups.remove(id);
        } else {
            group.kind = Group::new(id).kind;
        }
        for timer in [Timer::Join(id.clone()), Timer::Sync(id.clone())] {
            self.timers.cancel(&timer);
        }
    }

    pub(crate) fn remove_group(&mut self, id: &GroupId, effects: &mut Effects) {
        let records = match self.groups.get(id).map(|group| &group.kind) {
            Some(Kind::Consumer(consumer)) => {
                let of_group = |record| Record::Consumer { group: id.clone(), record };
                consumer.tombstones().into_iter().map(of_group).collect()
            }
            Some(Kind::Classic(_)) | None => {
                vec![Record::GroupMetadata { group: id.clone(), value: None }]
            }
        };
        for record in records {
            self.apply(record.clone());
            effects.records.push(record);
        }
    }
}
