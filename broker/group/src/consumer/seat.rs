//! Whose heartbeat it is: a member that comes, one that is there, or a static one that returns in
//! place of itself.

use super::{ConsumerGroup, LEAVE_TO_RETURN_EPOCH, Member};
use crate::coordinator::command::ConsumerHeartbeat;
use crate::coordinator::effects::Step;
use crate::error::GroupError;
use crate::ids::MemberId;
use crate::record::{Assignment, ConsumerRecord, CurrentAssignment, EpochedAssignment};

impl ConsumerGroup {
    /// The id of the member, which need not be in the group yet.
    pub(super) fn seat(
        &mut self,
        beat: &ConsumerHeartbeat,
        step: &mut Step<'_>,
    ) -> Result<MemberId, GroupError> {
        let id = &beat.member_id;
        let joins = beat.member_epoch == 0;
        let Some(instance) = &beat.instance_id else {
            match self.members.get(id) {
                Some(member) => check_epoch(member, beat)?,
                None if joins => {}
                None => return Err(GroupError::UnknownMemberId),
            }
            return Ok(id.clone());
        };
        let Some(holder) = self.instances.get(instance).cloned() else {
            return if joins { Ok(id.clone()) } else { Err(GroupError::UnknownMemberId) };
        };
        let member = self.members.get(&holder).ok_or(GroupError::UnknownMemberId)?;
        match joins {
            // A classic one does not say that it leaves.
            true if member.metadata.classic.is_none()
                && member.current.member_epoch != LEAVE_TO_RETURN_EPOCH =>
            {
                return Err(GroupError::UnreleasedInstanceId);
            }
            true => self.replace(&holder, id, step),
            false if holder != *id => return Err(GroupError::FencedInstanceId),
            false => check_epoch(member, beat)?,
        }
        Ok(id.clone())
    }

    /// A static member returns, with a new id as a rule: all that it was to have is its own again.
    pub(super) fn replace(&mut self, old: &MemberId, new: &MemberId, step: &mut Step<'_>) {
        let Some(Member { metadata, current }) = self.members.get(old).cloned() else { return };
        let target = self.target.get(old).cloned();
        self.unseat(old, step);
        self.write(ConsumerRecord::Member(new.clone(), Some(metadata)), step);
        if let Some(target) = target {
            self.write(ConsumerRecord::Target(new.clone(), Some(target)), step);
        }
        let current = CurrentAssignment { member_epoch: 0, previous_member_epoch: 0, ..current };
        self.write(ConsumerRecord::Current(new.clone(), Some(current)), step);
    }

    /// The member is not in the group any more, and nothing waits for it.
    pub(super) fn unseat(&mut self, id: &MemberId, step: &mut Step<'_>) {
        self.write(ConsumerRecord::Current(id.clone(), None), step);
        self.write(ConsumerRecord::Target(id.clone(), None), step);
        self.write(ConsumerRecord::Member(id.clone(), None), step);
        step.timers.cancel(&self.session_timer(id));
        step.timers.cancel(&self.rebalance_timer(id));
    }
}

/// A member that joins anew may have any epoch. One that did not get the answer with its present
/// epoch may come with the one before, as long as it owns nothing but what is its own.
fn check_epoch(member: &Member, beat: &ConsumerHeartbeat) -> Result<(), GroupError> {
    let CurrentAssignment { member_epoch, previous_member_epoch, assigned, .. } = &member.current;
    let missed_an_answer = beat.member_epoch < *member_epoch
        && beat.member_epoch == *previous_member_epoch
        && beat.owned.as_ref().is_some_and(|owned| is_part(owned, assigned));
    match beat.member_epoch == 0 || beat.member_epoch == *member_epoch || missed_an_answer {
        true => Ok(()),
        false => Err(GroupError::FencedMemberEpoch),
    }
}

fn is_part(owned: &Assignment, assigned: &EpochedAssignment) -> bool {
    owned.iter().all(|(topic, partitions)| {
        let assigned = assigned.get(topic);
        partitions.iter().all(|partition| assigned.is_some_and(|it| it.contains_key(partition)))
    })
}
