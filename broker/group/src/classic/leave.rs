//! LeaveGroup: members that go, or that an operator sends away by their instance ids.

use super::ClassicGroup;
use crate::coordinator::command::LeavingMember;
use crate::coordinator::effects::Step;
use crate::coordinator::reply::LeftMember;
use crate::error::GroupError;

impl ClassicGroup {
    /// One outcome per member, in order; one rebalance for all.
    pub fn leave(&mut self, members: Vec<LeavingMember>, step: &mut Step<'_>) -> Vec<LeftMember> {
        let mut left = Vec::with_capacity(members.len());
        for LeavingMember { member_id, instance_id } in members {
            let leaving = LeavingMember { member_id, instance_id };
            let outcome = self.leave_one(&leaving, step);
            let LeavingMember { member_id, instance_id } = leaving;
            left.push(LeftMember { member_id, instance_id, outcome });
        }
        if left.iter().any(|member| member.outcome.is_ok()) && self.has_members_or_rebalances() {
            self.rebalance_or_go_on(step);
        }
        left
    }

    fn leave_one(
        &mut self,
        leaving: &LeavingMember,
        step: &mut Step<'_>,
    ) -> Result<(), GroupError> {
        let LeavingMember { member_id, instance_id } = leaving;
        if member_id.is_empty() {
            let named = instance_id.as_ref().and_then(|instance| self.instances.get(instance));
            let id = named.cloned().ok_or(GroupError::UnknownMemberId)?;
            self.expel(&id, step);
            return Ok(());
        }
        if self.pending.remove(member_id) {
            step.timers.cancel(&self.session_timer(member_id));
            return Ok(());
        }
        self.check_member(member_id, instance_id.as_ref())?;
        self.expel(member_id, step);
        Ok(())
    }

    /// A pending member that leaves an empty group changes nothing.
    fn has_members_or_rebalances(&self) -> bool {
        self.state != super::State::Empty
    }
}
