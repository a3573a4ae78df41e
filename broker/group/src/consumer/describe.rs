//! A group as ConsumerGroupDescribe tells it.

use super::heartbeat::without_epochs;
use super::{ConsumerGroup, Member};
use crate::config::GroupConfig;
use crate::coordinator::reply::{ConsumerDescription, ConsumerMemberDescription};
use crate::ids::MemberId;

impl ConsumerGroup {
    pub fn describe(&self, config: &GroupConfig) -> ConsumerDescription {
        ConsumerDescription {
            state: self.state(),
            group_epoch: self.group_epoch,
            assignment_epoch: self.assignment_epoch,
            assignor: self.assignor(config),
            members: self.members.iter().map(|(id, it)| self.describe_member(id, it)).collect(),
        }
    }

    /// What it is to give up counts as its own, since nobody else has it.
    fn describe_member(&self, id: &MemberId, member: &Member) -> ConsumerMemberDescription {
        let mut assignment = without_epochs(&member.current.assigned);
        for (topic, partitions) in without_epochs(&member.current.pending_revocation) {
            assignment.entry(topic).or_default().extend(partitions);
        }
        ConsumerMemberDescription {
            member_id: id.clone(),
            metadata: member.metadata.clone(),
            member_epoch: member.current.member_epoch,
            assignment,
            target: self.target.get(id).cloned().unwrap_or_default(),
        }
    }
}
