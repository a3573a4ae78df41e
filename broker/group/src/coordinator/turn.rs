//! Groups that turn from one protocol to the other.

use super::effects::{Effects, Now};
use super::reply::ConsumerBeat;
use super::{Coordinator, Kind};
use crate::classic::ClassicGroup;
use crate::cluster::Cluster;
use crate::consumer::{self, ConsumerGroup, ConsumerState};
use crate::coordinator::command::ConsumerHeartbeat;
use crate::error::GroupError;
use crate::ids::GroupId;
use crate::record::Record;

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
            self.upgrade(&beat, now, cluster, effects)?;
        }
        let id = beat.group.clone();
        let outcome = match self.group(&id, now, cluster, effects) {
            Some((Kind::Consumer(group), mut step)) => match beat.member_epoch {
                0.. => group.heartbeat(beat, &mut step),
                _ => group.leave(&beat, &mut step),
            },
            Some((Kind::Classic(_), _)) | None => Err(GroupError::GroupIdNotFound),
        };
        self.downgrade(&id, now, cluster, effects);
        outcome
    }

    /// A member of the consumer protocol joins a classic group of consumers: the group becomes one
    /// of the consumer protocol, with the classic members in it. Whoever waits joins again. For a
    /// member that is not going to be let in nothing turns: a rebalance that is under way would be
    /// forgotten over it.
    ///
    /// # Errors
    /// GROUP_ID_NOT_FOUND: what the members say in bytes cannot be read; GROUP_MAX_SIZE_REACHED.
    fn upgrade(
        &mut self,
        beat: &ConsumerHeartbeat,
        now: Now,
        cluster: &dyn Cluster,
        effects: &mut Effects,
    ) -> Result<(), GroupError> {
        let rules = self.config.consumer;
        let id = &beat.group;
        let Some((group, mut step)) = self.classic(id, now, cluster, effects) else {
            return Ok(());
        };
        let may = rules.migration_policy.upgrade
            && group.uses_consumer_protocol()
            && group.member_count() <= rules.group_max_size;
        if !may {
            return Ok(());
        }
        let records = group.as_consumer_group(cluster).map_err(|_| GroupError::GroupIdNotFound)?;
        let is_there = group.has_member(&beat.member_id);
        consumer::check_size(beat, group.member_count(), is_there, &step)?;
        group.turn_away(&mut step);
        self.remove_group(id, effects);
        for record in records {
            let record = Record::Consumer { group: id.clone(), record };
            self.apply(record.clone());
            effects.records.push(record);
        }
        if let Some((Kind::Consumer(group), mut step)) = self.group(id, now, cluster, effects) {
            group.begin(&mut step);
        }
        Ok(())
    }

    /// The last member of the consumer protocol has gone, or has come back with the other one: classic
    /// members that remain are a classic group again.
    pub(super) fn downgrade(
        &mut self,
        id: &GroupId,
        now: Now,
        cluster: &dyn Cluster,
        effects: &mut Effects,
    ) {
        let rules = self.config;
        let Some((Kind::Consumer(group), mut step)) = self.group(id, now, cluster, effects) else {
            return;
        };
        let may = rules.consumer.migration_policy.downgrade
            && group.all_are_classic()
            && group.member_count() <= rules.group_max_size;
        if !may {
            return;
        }
        let has_settled = group.state() == ConsumerState::Stable;
        let (generation, members) = group.as_classic(cluster);
        group.stop_timers(&mut step);
        let mut classic = ClassicGroup::of_consumers(id.clone(), generation, members, &mut step);
        if !has_settled {
            classic.forget_leader();
        }
        self.remove_group(id, effects);
        effects.records.push(classic.record());
        let group = self.groups.entry(id.clone()).or_insert_with_key(super::Group::new);
        group.kind = Kind::Classic(classic);
        if let Some((group, mut step)) = self.classic(id, now, cluster, effects) {
            group.begin(&mut step);
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
