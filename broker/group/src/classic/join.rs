//! JoinGroup, from anybody but a static member that returns.

use std::time::Duration;

use super::member::Member;
use super::{ClassicGroup, State, bytes_of_join};
use crate::coordinator::command::{Join, Protocol};
use crate::coordinator::effects::{Step, Token, milliseconds};
use crate::coordinator::reply::{JoinRefused, Joined, JoinedMember, Reply};
use crate::error::GroupError;
use crate::ids::MemberId;
use crate::limits::GROUP_METADATA_BYTES_MAX;

/// A new member sends no heartbeats while its JoinGroup waits, and whether it is still there
/// cannot be seen. So long it is believed to be.
const NEW_MEMBER_JOIN_TIMEOUT: Duration = Duration::from_secs(300);

impl ClassicGroup {
    /// The reply, or none: it comes when the join phase ends.
    pub fn join(&mut self, token: Token, join: Join, step: &mut Step<'_>) -> Option<Reply> {
        if !self.has_room_for(&join.member_id, step.config.group_max_size) {
            self.shed(&join.member_id, step);
            return Some(refused(GroupError::GroupMaxSizeReached, MemberId::default()));
        }
        if self.metadata_bytes + bytes_of_join(&join) > GROUP_METADATA_BYTES_MAX {
            return Some(refused(GroupError::GroupMaxSizeReached, join.member_id));
        }
        if !self.can_take(&join.protocol_type, &join.protocols) {
            return Some(refused(GroupError::InconsistentGroupProtocol, join.member_id));
        }
        match join.member_id.is_empty() {
            true => self.join_anew(token, join, step),
            false => self.join_again(token, join, step),
        }
    }

    /// `group.max.size`: while a rebalance is prepared those count that have joined it, so that a
    /// group which is too large sheds whoever comes last.
    fn has_room_for(&self, member: &MemberId, size_max: usize) -> bool {
        match self.state {
            State::Empty => true,
            State::PreparingRebalance => {
                let known = self.members.get(member);
                known.is_some_and(|known| known.joining.is_some()) || self.joining < size_max
            }
            State::CompletingRebalance | State::Stable => {
                self.members.contains_key(member) || self.members.len() < size_max
            }
        }
    }

    /// The others may have been waiting for nobody else. It waits for nothing itself: whose request
    /// does, there is room for.
    fn shed(&mut self, id: &MemberId, step: &mut Step<'_>) {
        self.remove_member(id);
        step.timers.cancel(&self.session_timer(id));
        self.end_join_phase_if_complete(step);
    }

    /// Whether there is a protocol that this member and all others know.
    fn can_take(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if self.state == State::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols
                .iter()
                .any(|it| self.supported.get(&it.name).copied().unwrap_or(0) == self.members.len())
    }

    fn join_anew(&mut self, token: Token, join: Join, step: &mut Step<'_>) -> Option<Reply> {
        let name = join.instance_id.as_deref().unwrap_or(&join.client_id);
        let id = MemberId::new(format!("{name}-{}", join.fresh_uuid));
        if let Some(instance) = &join.instance_id {
            return match self.instances.get(instance).cloned() {
                Some(before) => self.return_static(token, before, id, join, step),
                None => self.admit(token, id, join, step),
            };
        }
        if join.requires_known_member_id {
            // In every state, and of nobody else: static members and those that bring the id that
            // they got come in whoever else asks for ids.
            if !self.pending.has_room() {
                return Some(refused(GroupError::GroupMaxSizeReached, MemberId::default()));
            }
            self.pending.insert(id.clone());
            let timeout = milliseconds(join.session_timeout_ms);
            step.timers.set(self.session_timer(&id), step.after(timeout));
            return Some(refused(GroupError::MemberIdRequired, id));
        }
        self.admit(token, id, join, step)
    }

    fn join_again(&mut self, token: Token, join: Join, step: &mut Step<'_>) -> Option<Reply> {
        let id = join.member_id.clone();
        if self.pending.contains(&id) && join.instance_id.is_none() {
            return self.admit(token, id, join, step);
        }
        if let Err(error) = self.check_member(&id, join.instance_id.as_ref()) {
            return Some(refused(error, id));
        }
        let is_unchanged =
            self.members.get(&id).is_some_and(|member| member.protocols == join.protocols);
        let rebalances = match self.state {
            State::PreparingRebalance => true,
            // It may have missed the answer to its first JoinGroup.
            State::CompletingRebalance => !is_unchanged,
            // A leader joins again when the topics have changed, which its metadata does not show.
            State::Stable => self.is_leader(&id) || !is_unchanged,
            State::Empty => return Some(refused(GroupError::UnknownMemberId, id)),
        };
        if !rebalances {
            let members = match self.state == State::CompletingRebalance && self.is_leader(&id) {
                true => self.joined_members(),
                false => Vec::new(),
            };
            return Some(Reply::Joined(Ok(self.joined(id, members))));
        }
        self.update_member(&id, token, join, step);
        self.rebalance_or_go_on(step);
        None
    }

    fn admit(
        &mut self,
        token: Token,
        id: MemberId,
        join: Join,
        step: &mut Step<'_>,
    ) -> Option<Reply> {
        self.delay_join_phase(step);
        step.timers.set(self.session_timer(&id), step.after(NEW_MEMBER_JOIN_TIMEOUT));
        self.add_member(id, Member::new(join, token));
        self.rebalance_or_go_on(step);
        None
    }

    /// A known member's JoinGroup: what it says now counts. An earlier one of its own that still
    /// waits is answered, since its client has given it up.
    pub(super) fn update_member(
        &mut self,
        id: &MemberId,
        token: Token,
        join: Join,
        step: &mut Step<'_>,
    ) {
        let given_up = refused(GroupError::RebalanceInProgress, id.clone());
        self.answer_join(id, given_up, step);
        let Some(mut member) = self.members.remove(id) else { return };
        self.uncount_protocols(&member);
        member.protocols = join.protocols;
        member.session_timeout_ms = join.session_timeout_ms;
        member.rebalance_timeout_ms = join.rebalance_timeout_ms;
        member.joining = Some(token);
        self.joining += 1;
        self.count_protocols(&member);
        self.members.insert(id.clone(), member);
    }

    /// What a member is told of the present generation.
    pub(super) fn joined(&self, member_id: MemberId, members: Vec<JoinedMember>) -> Joined {
        Joined {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            skip_assignment: false,
            member_id,
            members,
        }
    }

    pub(super) fn joined_members(&self) -> Vec<JoinedMember> {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let members = self.members.iter().map(|(id, member)| JoinedMember {
            member_id: id.clone(),
            instance_id: member.instance_id.clone(),
            metadata: member.metadata(protocol),
        });
        members.collect()
    }
}

pub(super) fn refused(error: GroupError, member_id: MemberId) -> Reply {
    Reply::Joined(Err(JoinRefused { error, member_id }))
}
