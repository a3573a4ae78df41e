//! A static member that comes back under its instance id without a member id (KIP-345): it takes
//! over what it was, its earlier life is fenced, and a stable group need not rebalance.

use super::join::refused;
use super::{ClassicGroup, State};
use crate::coordinator::command::Join;
use crate::coordinator::effects::{Step, Token, milliseconds};
use crate::coordinator::reply::Reply;
use crate::error::GroupError;
use crate::ids::MemberId;

impl ClassicGroup {
    pub(super) fn return_static(
        &mut self,
        token: Token,
        before: MemberId,
        id: MemberId,
        join: Join,
        step: &mut Step<'_>,
    ) -> Option<Reply> {
        let leader_before = self.leader.clone().unwrap_or_default();
        let can_skip_assignment = join.can_skip_assignment;
        self.replace(&before, &id, step);
        let timeout = milliseconds(join.session_timeout_ms);
        step.timers.set(self.session_timer(&id), step.after(timeout));
        self.update_member(&id, token, join, step);
        if self.state != State::Stable || self.vote() != self.protocol {
            self.rebalance_or_go_on(step);
            return None;
        }
        // Nothing changes for the others: only the new id has to be remembered.
        step.effects.records.push(self.record());
        let mut joined = self.joined(id.clone(), Vec::new());
        match can_skip_assignment {
            // A leader is told who is there, so that it can watch their topics.
            true if self.is_leader(&id) => {
                joined.members = self.joined_members();
                joined.skip_assignment = true;
            }
            true => {}
            // Told that it leads, an older client would assign anew.
            false => joined.leader = leader_before,
        }
        self.answer_join(&id, Reply::Joined(Ok(joined)), step);
        None
    }

    /// The same member under another id. Whatever still waits under the old one is fenced.
    fn replace(&mut self, before: &MemberId, id: &MemberId, step: &mut Step<'_>) {
        self.answer_join(before, refused(GroupError::FencedInstanceId, before.clone()), step);
        let was_leader = self.is_leader(before);
        let was_unsynced = self.unsynced.contains(before);
        step.timers.cancel(&self.session_timer(before));
        let Some(mut member) = self.remove_member(before) else { return };
        if let Some(token) = member.syncing.take() {
            step.reply(token, Reply::Synced(Err(GroupError::FencedInstanceId)));
        }
        member.is_new = false;
        self.add_member(id.clone(), member);
        if was_leader {
            self.leader = Some(id.clone());
        }
        if was_unsynced {
            self.unsynced.insert(id.clone());
        }
    }
}
