//! SyncGroup: the leader brings the assignment, everyone fetches its part.

use bytes::Bytes;

use super::{ClassicGroup, State};
use crate::coordinator::command::Sync;
use crate::coordinator::effects::{Step, Token};
use crate::coordinator::reply::{Reply, Synced};
use crate::error::GroupError;
use crate::ids::MemberId;
use crate::timers::Timer;

impl ClassicGroup {
    /// The reply, or none: it comes with the leader's assignment.
    pub fn sync(&mut self, token: Token, sync: Sync, step: &mut Step<'_>) -> Option<Reply> {
        if let Err(error) = self.check_sync(&sync) {
            return Some(Reply::Synced(Err(error)));
        }
        match self.state {
            State::Empty => Some(Reply::Synced(Err(GroupError::UnknownMemberId))),
            State::PreparingRebalance => Some(Reply::Synced(Err(GroupError::RebalanceInProgress))),
            State::CompletingRebalance => {
                self.count_synced(&sync.member_id, step);
                let is_leader = self.is_leader(&sync.member_id);
                let member = self.members.get_mut(&sync.member_id)?;
                if let Some(given_up) = member.syncing.replace(token) {
                    step.reply(given_up, Reply::Synced(Err(GroupError::RebalanceInProgress)));
                }
                if is_leader {
                    self.assign(sync.assignments, step);
                }
                None
            }
            State::Stable => {
                self.count_synced(&sync.member_id, step);
                self.hear_of(&sync.member_id, step);
                Some(Reply::Synced(Ok(self.synced(&sync.member_id))))
            }
        }
    }

    fn check_sync(&self, sync: &Sync) -> Result<(), GroupError> {
        self.check_member(&sync.member_id, sync.instance_id.as_ref())?;
        self.check_generation(sync.generation)?;
        let differs = |given: &Option<String>, ours: &Option<String>| {
            given.is_some() && ours.is_some() && given != ours
        };
        let is_other = differs(&sync.protocol_type, &self.protocol_type)
            || differs(&sync.protocol, &self.protocol);
        if is_other { Err(GroupError::InconsistentGroupProtocol) } else { Ok(()) }
    }

    fn count_synced(&mut self, id: &MemberId, step: &mut Step<'_>) {
        self.unsynced.remove(id);
        if self.unsynced.is_empty() {
            step.timers.cancel(&Timer::Sync(self.id.clone()));
        }
    }

    /// Members that the leader left out get nothing, whatever they had before.
    fn assign(&mut self, assignments: Vec<(MemberId, Bytes)>, step: &mut Step<'_>) {
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
        }
        for (id, assignment) in assignments {
            if let Some(member) = self.members.get_mut(&id) {
                member.assignment = assignment;
            }
        }
        let record = self.record();
        if record.value().is_some_and(|value| value.len() > step.cluster.record_bytes_max()) {
            self.drop_assignments(GroupError::RecordTooLarge, step);
            self.prepare(step);
            return;
        }
        step.effects.records.push(record);
        self.go_to(State::Stable, step.now);
        let ids: Vec<MemberId> = self.members.keys().cloned().collect();
        for id in ids {
            let waiting = self.members.get_mut(&id).and_then(|member| member.syncing.take());
            if let Some(token) = waiting {
                step.reply(token, Reply::Synced(Ok(self.synced(&id))));
                self.hear_of(&id, step);
            }
        }
    }

    fn synced(&self, id: &MemberId) -> Synced {
        let member = self.members.get(id);
        Synced {
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            assignment: member.map(|member| member.assignment.clone()).unwrap_or_default(),
        }
    }
}
