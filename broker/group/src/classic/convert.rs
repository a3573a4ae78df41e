//! A group between the two protocols: what a classic group's members are in a group of the consumer
//! protocol, and back.

use pelton_model::TimestampMs;

use super::{ClassicGroup, Member, State};
use crate::cluster::Cluster;
use crate::codec::DecodeError;
use crate::consumer::{by_id, since};
use crate::consumer_protocol::{Subscription, decode_assignment};
use crate::coordinator::command::Protocol;
use crate::coordinator::effects::Step;
use crate::error::GroupError;
use crate::ids::{GroupId, MemberId};
use crate::record::{
    Assignment, ClassicMemberMetadata, ConsumerGroupMetadata, ConsumerMemberMetadata,
    ConsumerRecord, CurrentAssignment, MemberMetadata, TargetAssignmentMetadata,
};

impl ClassicGroup {
    /// The records of the group of the consumer protocol that this one becomes. Its members have
    /// what they have, in an epoch that is their generation.
    ///
    /// # Errors
    /// The members' own bytes cannot be read.
    pub fn as_consumer_group(
        &self,
        cluster: &dyn Cluster,
    ) -> Result<Vec<ConsumerRecord>, DecodeError> {
        let mut records = Vec::new();
        let mut held: Vec<(MemberId, Assignment)> = Vec::new();
        for (id, member) in &self.members {
            records.push(ConsumerRecord::Member(id.clone(), Some(self.consumer_member(member)?)));
            held.push((id.clone(), by_id(&decode_assignment(&member.assignment)?, cluster)));
        }
        let epoch = self.generation;
        let metadata = ConsumerGroupMetadata { epoch, metadata_hash: 0 };
        records.push(ConsumerRecord::Metadata(Some(metadata)));
        for (id, assignment) in &held {
            records.push(ConsumerRecord::Target(id.clone(), Some(assignment.clone())));
        }
        let metadata = TargetAssignmentMetadata {
            assignment_epoch: epoch,
            assignment_timestamp: TimestampMs::new(0),
        };
        records.push(ConsumerRecord::TargetMetadata(Some(metadata)));
        for (id, assignment) in held {
            let current = CurrentAssignment {
                member_epoch: epoch,
                previous_member_epoch: epoch,
                assigned: since(&assignment, epoch),
                ..CurrentAssignment::default()
            };
            records.push(ConsumerRecord::Current(id, Some(current)));
        }
        Ok(records)
    }

    fn consumer_member(&self, member: &Member) -> Result<ConsumerMemberMetadata, DecodeError> {
        // Before the first rebalance is through there is no chosen protocol.
        let chosen = self.protocol.as_deref();
        let chosen = chosen.or(member.protocols.first().map(|it| it.name.as_str()));
        let metadata = member.metadata(chosen.unwrap_or_default());
        let subscription = Subscription::decode(&metadata)?;
        Ok(ConsumerMemberMetadata {
            instance_id: member.instance_id.clone(),
            rack_id: subscription.rack_id,
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            topics: subscription.topics.into_iter().collect(),
            regex: String::new(),
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            server_assignor: None,
            classic: Some(ClassicMemberMetadata {
                session_timeout_ms: member.session_timeout_ms,
                protocols: member.protocols.clone(),
            }),
        })
    }

    /// Everybody who waits for this group to go on has to come again.
    pub fn turn_away(&mut self, step: &mut Step<'_>) {
        self.drop_assignments(GroupError::RebalanceInProgress, step);
        let ids: Vec<MemberId> = self.members.keys().cloned().collect();
        for id in ids {
            let again = super::join::refused(GroupError::RebalanceInProgress, id.clone());
            self.answer_join(&id, again, step);
        }
    }

    /// The classic group that remains of one of the consumer protocol: its members have what they
    /// have.
    pub fn of_consumers(
        id: GroupId,
        generation: i32,
        members: Vec<(MemberMetadata, Vec<Protocol>)>,
        step: &mut Step<'_>,
    ) -> Self {
        let mut group = Self::new(id);
        group.generation = generation;
        group.protocol_type = Some(super::CONSUMER.to_owned());
        for (metadata, protocols) in members {
            let member = Member {
                instance_id: metadata.instance_id,
                client_id: metadata.client_id,
                client_host: metadata.client_host,
                session_timeout_ms: metadata.session_timeout_ms,
                rebalance_timeout_ms: metadata.rebalance_timeout_ms,
                protocol_type: super::CONSUMER.to_owned(),
                protocols,
                assignment: metadata.assignment,
                joining: None,
                syncing: None,
                is_new: false,
            };
            group.add_member(metadata.member_id, member);
        }
        let count = group.members.len();
        let common = group.supported.iter().find(|(_, supporters)| **supporters == count);
        group.protocol = common.map(|(name, _)| name.clone());
        group.go_to(State::Stable, step.now);
        group.subscriptions = group.read_subscriptions();
        group
    }

    /// What others had has not been handed out again: the members are to rebalance. Nobody leads, and
    /// the record says so: by that a reload knows it too.
    pub fn forget_leader(&mut self) {
        self.leader = None;
    }
}
