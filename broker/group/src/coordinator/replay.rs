//! From the log back to the state.

use super::effects::{Effects, Now, Step};
use super::{Coordinator, Group, Kind};
use crate::codec::DecodeError;
use crate::ids::GroupId;
use crate::record::Record;
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
    pub fn begin(&mut self, now: Now) -> Effects {
        let mut effects = Effects::default();
        let Self { config, timers, groups, .. } = self;
        for group in groups.values_mut().filter_map(Group::classic) {
            group.begin(&mut Step { now, config, timers, effects: &mut effects });
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
            Record::GroupMetadata { group, value: Some(metadata) } => {
                let group = self.groups.entry(group).or_insert_with_key(Group::new);
                let Kind::Classic(classic) = &mut group.kind;
                classic.restore(metadata);
            }
            Record::GroupMetadata { group, value: None } => self.drop_metadata(&group),
        }
    }

    /// Offsets that were committed after the group had gone are a group of simple commits.
    fn drop_metadata(&mut self, id: &GroupId) {
        let Some(group) = self.groups.get_mut(id) else { return };
        if group.offsets.is_empty() {
            self.groups.remove(id);
        } else {
            group.kind = Group::new(id).kind;
        }
        for timer in [Timer::Join(id.clone()), Timer::Sync(id.clone())] {
            self.timers.cancel(&timer);
        }
    }

    pub(crate) fn remove_group(&mut self, id: &GroupId, effects: &mut Effects) {
        let record = Record::GroupMetadata { group: id.clone(), value: None };
        self.apply(record.clone());
        effects.records.push(record);
    }
}
