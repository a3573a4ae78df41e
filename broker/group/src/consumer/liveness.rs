//! Members that are not heard of, and those that do not give up what they are to give up.

use super::{ConsumerGroup, Member};
use crate::coordinator::effects::{Step, milliseconds};
use crate::ids::MemberId;
use crate::record::MemberState;

impl ConsumerGroup {
    pub(super) fn hear_of(&self, id: &MemberId, step: &mut Step<'_>) {
        let metadata = self.members.get(id).map(|member| &member.metadata);
        let timeout = match metadata.and_then(|metadata| metadata.classic.as_ref()) {
            Some(classic) => milliseconds(classic.session_timeout_ms),
            None => step.cluster.consumer_group_config(&self.id).session_timeout,
        };
        step.timers.set(self.session_timer(id), step.after(timeout));
    }

    /// [`crate::timers::Timer::Session`] has fired.
    pub fn session_is_over(&mut self, id: &MemberId, step: &mut Step<'_>) {
        if self.members.contains_key(id) {
            self.expel(std::slice::from_ref(id), step);
        }
    }

    /// [`crate::timers::Timer::Rebalance`] has fired.
    pub fn rebalance_time_is_up(&mut self, id: &MemberId, step: &mut Step<'_>) {
        let has_failed = |member: &Member| {
            member.metadata.classic.is_some()
                || member.current.state == MemberState::UnrevokedPartitions
        };
        if self.members.get(id).is_some_and(has_failed) {
            self.expel(std::slice::from_ref(id), step);
        }
    }

    /// After a reload: everybody gets all of its time again.
    pub fn begin(&mut self, step: &mut Step<'_>) {
        for (id, member) in &self.members {
            self.hear_of(id, step);
            let is_classic = member.metadata.classic.is_some();
            if !is_classic && member.current.state == MemberState::UnrevokedPartitions {
                let timeout = milliseconds(member.metadata.rebalance_timeout_ms);
                step.timers.set(self.rebalance_timer(id), step.after(timeout));
            }
        }
    }
}
