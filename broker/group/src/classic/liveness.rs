//! Heartbeats, and members that are not heard of.

use super::{ClassicGroup, State};
use crate::coordinator::command::Heartbeat;
use crate::coordinator::effects::Step;
use crate::error::GroupError;
use crate::ids::MemberId;

impl ClassicGroup {
    /// # Errors
    /// REBALANCE_IN_PROGRESS asks the member to join again; the others say that it is out.
    pub fn heartbeat(&mut self, beat: &Heartbeat, step: &mut Step<'_>) -> Result<(), GroupError> {
        self.check_member(&beat.member_id, beat.instance_id.as_ref())?;
        self.check_generation(beat.generation)?;
        match self.state {
            State::Empty => Err(GroupError::UnknownMemberId),
            State::PreparingRebalance => {
                self.hear_of(&beat.member_id, step);
                Err(GroupError::RebalanceInProgress)
            }
            State::CompletingRebalance | State::Stable => {
                self.hear_of(&beat.member_id, step);
                Ok(())
            }
        }
    }

    /// [`crate::timers::Timer::Session`] has fired.
    pub fn session_is_over(&mut self, id: &MemberId, step: &mut Step<'_>) {
        if self.pending.remove(id) {
            self.end_join_phase_if_complete(step);
            return;
        }
        let is_gone = self.members.get(id).is_some_and(|member| !member.is_kept_alive());
        if is_gone {
            self.expel(id, step);
            self.rebalance_or_go_on(step);
        }
    }

    /// After a reload, or a turn: every member of the record gets a session's time to be heard of. A
    /// group that is larger than allowed by now begins to shed, and one without a leader, which a
    /// turn has left, to hand out what the members of the other protocol had.
    pub fn begin(&mut self, step: &mut Step<'_>) {
        let ids: Vec<MemberId> = self.members.keys().cloned().collect();
        for id in &ids {
            self.hear_of(id, step);
        }
        let has_turned = !self.members.is_empty() && self.leader.is_none();
        if has_turned || self.members.len() > step.config.group_max_size {
            self.prepare(step);
        }
    }
}
