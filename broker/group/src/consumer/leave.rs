//! Members that go: for good, to return, or sent away by an operator.

use pelton_model::TimestampMs;

use super::{ConsumerGroup, LEAVE_TO_RETURN_EPOCH};
use crate::coordinator::command::{ConsumerHeartbeat, LeavingMember};
use crate::coordinator::effects::Step;
use crate::coordinator::reply::{ConsumerBeat, LeftMember};
use crate::error::GroupError;
use crate::ids::{InstanceId, MemberId};
use crate::record::{
    ConsumerRecord, CurrentAssignment, EpochedAssignment, TargetAssignmentMetadata,
};

impl ConsumerGroup {
    /// ConsumerGroupHeartbeat with an epoch of leaving.
    ///
    /// # Errors
    /// UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID.
    pub fn leave(
        &mut self,
        beat: &ConsumerHeartbeat,
        step: &mut Step<'_>,
    ) -> Result<ConsumerBeat, GroupError> {
        let id = self.find(&beat.member_id, beat.instance_id.as_ref())?;
        match beat.member_epoch {
            LEAVE_TO_RETURN_EPOCH => self.leave_to_return(&id, step),
            _ => self.expel(std::slice::from_ref(&id), step),
        }
        Ok(ConsumerBeat {
            member_id: id,
            member_epoch: beat.member_epoch,
            heartbeat_interval_ms: 0,
            assignment: None,
        })
    }

    /// LeaveGroup, by which an operator sends members away; one outcome per member, in order.
    pub fn send_away(
        &mut self,
        members: Vec<LeavingMember>,
        step: &mut Step<'_>,
    ) -> Vec<LeftMember> {
        let mut gone: Vec<MemberId> = Vec::new();
        let left = members.into_iter().map(|LeavingMember { member_id, instance_id }| {
            let found = match (&instance_id, member_id.is_empty()) {
                (Some(instance), true) => self.instances.get(instance).cloned(),
                _ => None,
            };
            let found = match found {
                Some(id) => Ok(id),
                None => self.find(&member_id, instance_id.as_ref()),
            };
            let outcome = match found {
                Ok(id) if gone.contains(&id) => Err(GroupError::UnknownMemberId),
                Ok(id) => {
                    gone.push(id);
                    Ok(())
                }
                Err(error) => Err(error),
            };
            LeftMember { member_id, instance_id, outcome }
        });
        let left = left.collect();
        if !gone.is_empty() {
            self.expel(&gone, step);
        }
        left
    }

    fn find(&self, id: &MemberId, instance: Option<&InstanceId>) -> Result<MemberId, GroupError> {
        if let Some(instance) = instance {
            let holder = self.instances.get(instance).ok_or(GroupError::UnknownMemberId)?;
            return match holder == id {
                true => Ok(id.clone()),
                false => Err(GroupError::FencedInstanceId),
            };
        }
        match self.members.contains_key(id) {
            true => Ok(id.clone()),
            false => Err(GroupError::UnknownMemberId),
        }
    }

    /// It keeps what it has until its session ends.
    fn leave_to_return(&mut self, id: &MemberId, step: &mut Step<'_>) {
        let Some(member) = self.members.get(id) else { return };
        let mut assigned = member.current.assigned.clone();
        // Its commits must not pass for those of whoever comes in its place.
        assigned.values_mut().flat_map(|it| it.values_mut()).for_each(|epoch| *epoch = 0);
        let current = CurrentAssignment {
            member_epoch: LEAVE_TO_RETURN_EPOCH,
            assigned,
            pending_revocation: EpochedAssignment::new(),
            ..member.current.clone()
        };
        self.write(ConsumerRecord::Current(id.clone(), Some(current)), step);
        step.timers.cancel(&self.rebalance_timer(id));
    }

    /// They are out, and the others get what they had.
    pub(super) fn expel(&mut self, ids: &[MemberId], step: &mut Step<'_>) {
        for id in ids {
            self.unseat(id, step);
        }
        let unused = self.regexes.keys().filter(|regex| !self.regex_users.contains_key(*regex));
        for regex in unused.cloned().collect::<Vec<_>>() {
            self.write(ConsumerRecord::Regex(regex, None), step);
        }
        self.raise_epoch(step);
        if self.members.is_empty() {
            let metadata = TargetAssignmentMetadata {
                assignment_epoch: self.group_epoch,
                assignment_timestamp: TimestampMs::new(0),
            };
            self.write(ConsumerRecord::TargetMetadata(Some(metadata)), step);
        }
    }

    /// What takes the group, and whoever is in it, off the log.
    pub fn tombstones(&self) -> Vec<ConsumerRecord> {
        let members = self.members.keys().flat_map(|id| {
            let id = || id.clone();
            [ConsumerRecord::Current(id(), None), ConsumerRecord::Member(id(), None)]
        });
        let targets = self.target.keys().map(|id| ConsumerRecord::Target(id.clone(), None));
        let regexes = self.regexes.keys().map(|regex| ConsumerRecord::Regex(regex.clone(), None));
        let mut records: Vec<ConsumerRecord> = members.chain(targets).chain(regexes).collect();
        records.push(ConsumerRecord::TargetMetadata(None));
        if self.has_partition_metadata {
            records.push(ConsumerRecord::PartitionMetadata(None));
        }
        records.push(ConsumerRecord::Metadata(None));
        records
    }
}
