//! Groups that turn from one protocol to the other.

use super::effects::{Effects, Now};
use super::reply::ConsumerBeat;
use super::{Coordinator, Kind};
use crate::cluster::Cluster;
use crate::consumer::{self, ConsumerGroup};
use crate::coordinator::command::ConsumerHeartbeat;
use crate::error::GroupError;
use crate::ids::GroupId;

impl Coordinator {
    /// # Errors
    /// Those of a bad request; GROUP_ID_NOT_FOUND; those of the group.
    pub(super) fn consumer_heartbeat(
        &mut self,
        now: Now,
        cluster: &dyn Cluster,
        mut beat: ConsumerHeartbeat,
        effects: &mut Effects,
    ) -> Result<ConsumerBeat, GroupError> {
        consumer::check_shape(&beat, &self.config)?;
        if beat.member_id.is_empty() {
            beat.member_id = std::mem::take(&mut beat.fresh_id);
        }
        if beat.member_epoch == 0 {
            self.make_room(&beat.group)?;
            self.turn_consumer(&beat.group, effects);
        }
        let id = beat.group.clone();
        match self.group(&id, now, cluster, effects) {
            Some((Kind::Consumer(group), mut step)) => match beat.member_epoch {
                0.. => group.heartbeat(beat, &mut step),
                _ => group.leave(&beat, &mut step),
            },
            Some((Kind::Classic(_), _)) | None => Err(GroupError::GroupIdNotFound),
        }
    }

    /// Members of the consumer protocol are in it.
    pub(super) fn is_used_by_consumers(&self, id: &GroupId) -> bool {
        let group = self.groups.get(id);
        group.is_some_and(|it| matches!(it.kind, Kind::Consumer(_)) && !it.is_empty())
    }

    /// A classic group without members becomes one of the consumer protocol. Its offsets stay.
    fn turn_consumer(&mut self, id: &GroupId, effects: &mut Effects) {
        let Some(group) = self.groups.get_mut(id) else { return };
        let Kind::Classic(classic) = &group.kind else { return };
        if !group.is_empty() {
            return;
        }
        if classic.is_written() {
            self.remove_group(id, effects);
        }
        // The removal takes a group that has no offsets with it.
        let group = self.groups.entry(id.clone()).or_insert_with_key(super::Group::new);
        group.kind = Kind::Consumer(ConsumerGroup::new(id.clone()));
    }

    /// The other way round.
    pub(super) fn turn_classic(&mut self, id: &GroupId, effects: &mut Effects) {
        let group = self.groups.get(id);
        if group.is_some_and(|it| matches!(it.kind, Kind::Consumer(_)) && it.is_empty()) {
            self.remove_group(id, effects);
            self.groups.entry(id.clone()).or_insert_with_key(super::Group::new);
        }
    }
}
