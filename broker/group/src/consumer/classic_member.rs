//! Members that speak the classic protocol in a group of the consumer protocol: they join, fetch
//! their assignment and beat as they do elsewhere, and are told to join again when the coordinator
//! has something else for them. Nothing waits for anybody here.

use std::collections::{BTreeMap, BTreeSet};

use super::{ConsumerGroup, LEAVE_TO_RETURN_EPOCH, Member};
use crate::classic::{CONSUMER, bytes_of_join};
use crate::cluster::Cluster;
use crate::consumer_protocol::{Subscription, encode_assignment};
use crate::coordinator::command::{Heartbeat, Join, Protocol, Sync};
use crate::coordinator::effects::{Step, milliseconds};
use crate::coordinator::reply::{JoinRefused, Joined, Synced};
use crate::error::GroupError;
use crate::ids::{InstanceId, MemberId, TopicName};
use crate::limits::GROUP_METADATA_BYTES_MAX;
use crate::record::{
    Assignment, ClassicMemberMetadata, ConsumerMemberMetadata, ConsumerRecord, EpochedAssignment,
    MemberMetadata, MemberState,
};

impl ConsumerGroup {
    /// JoinGroup.
    ///
    /// # Errors
    /// As in a classic group.
    pub fn join_classic(&mut self, join: Join, step: &mut Step<'_>) -> Result<Joined, JoinRefused> {
        let refused =
            |error, member_id: &MemberId| JoinRefused { error, member_id: member_id.clone() };
        self.check_classic_join(&join, step).map_err(|error| refused(error, &join.member_id))?;
        let subscription = join.protocols.first().map(|it| Subscription::decode(&it.metadata));
        let Some(Ok(subscription)) = subscription else {
            return Err(refused(GroupError::InconsistentGroupProtocol, &join.member_id));
        };
        let is_new = join.member_id.is_empty();
        let fresh = MemberId::new(join.fresh_uuid.as_str());
        if is_new && join.instance_id.is_none() && join.requires_known_member_id {
            return Err(refused(GroupError::MemberIdRequired, &fresh));
        }
        let id = if is_new { fresh } else { join.member_id.clone() };
        self.seat_classic(&id, is_new, join.instance_id.as_ref(), step)
            .map_err(|error| refused(error, &id))?;

        let before = self.members.get(&id).map(|it| it.metadata.clone());
        let metadata = classic_metadata(before.clone().unwrap_or_default(), &join, &subscription);
        let wants_otherwise = before.as_ref().is_none_or(|before| before.topics != metadata.topics);
        let owned = by_id(&subscription.owned, step.cluster);
        if before.as_ref() != Some(&metadata) {
            self.write(ConsumerRecord::Member(id.clone(), Some(metadata)), step);
        }
        // Before anything that may be refused: who is in the group can be missed by it.
        self.hear_of(&id, step);
        let went_on = self.resolve_regexes(step).and_then(|means_otherwise| {
            if wants_otherwise || means_otherwise || self.topics_have_changed(step) {
                self.raise_epoch(step);
            }
            self.assign(step)
        });
        went_on.map_err(|error| refused(error, &id))?;
        self.reconcile(&id, Some(&owned), wants_otherwise, step);
        self.expect_again(&id, join.rebalance_timeout_ms, step);
        let generation = self.members.get(&id).map_or(0, |it| it.current.member_epoch);
        Ok(Joined {
            generation,
            protocol_type: Some(CONSUMER.to_owned()),
            protocol: join.protocols.into_iter().next().map(|it| it.name),
            leader: MemberId::default(),
            skip_assignment: false,
            member_id: id,
            members: Vec::new(),
        })
    }

    /// SyncGroup.
    ///
    /// # Errors
    /// As in a classic group; UNKNOWN_MEMBER_ID for a member of the consumer protocol.
    pub fn sync_classic(&self, sync: &Sync, step: &mut Step<'_>) -> Result<Synced, GroupError> {
        let (member, classic) =
            self.classic_member(&sync.member_id, sync.instance_id.as_ref(), sync.generation)?;
        let protocol = classic.protocols.first();
        let is_other = sync.protocol_type.as_deref().is_some_and(|it| it != CONSUMER)
            || sync.protocol.is_some() && sync.protocol.as_ref() != protocol.map(|it| &it.name);
        if is_other {
            return Err(GroupError::InconsistentGroupProtocol);
        }
        let is_behind = self.group_epoch > member.current.member_epoch;
        if is_behind && member.current.state != MemberState::UnrevokedPartitions {
            self.expect_again(&sync.member_id, member.metadata.rebalance_timeout_ms, step);
            return Err(GroupError::RebalanceInProgress);
        }
        step.timers.cancel(&self.rebalance_timer(&sync.member_id));
        self.hear_of(&sync.member_id, step);
        Ok(Synced {
            protocol_type: sync.protocol_type.clone(),
            protocol: sync.protocol.clone(),
            assignment: self.classic_assignment(member, step.cluster),
        })
    }

    /// Heartbeat.
    ///
    /// # Errors
    /// As in a classic group: REBALANCE_IN_PROGRESS has the member join again.
    pub fn beat_classic(&self, beat: &Heartbeat, step: &mut Step<'_>) -> Result<(), GroupError> {
        let (member, _) =
            self.classic_member(&beat.member_id, beat.instance_id.as_ref(), beat.generation)?;
        self.hear_of(&beat.member_id, step);
        let current = &member.current;
        let may_get_more = || {
            let next = self.next_of(&beat.member_id, None, false, step);
            next.is_some_and(|next| next.assigned != current.assigned)
        };
        let is_to_join = current.member_epoch < self.group_epoch
            || match current.state {
                MemberState::Stable => false,
                MemberState::UnrevokedPartitions | MemberState::Unknown(_) => true,
                MemberState::UnreleasedPartitions => may_get_more(),
            };
        if !is_to_join {
            return Ok(());
        }
        self.expect_again(&beat.member_id, member.metadata.rebalance_timeout_ms, step);
        Err(GroupError::RebalanceInProgress)
    }

    /// A classic member's assignment as it reads it.
    pub(super) fn classic_assignment(
        &self,
        member: &Member,
        cluster: &dyn Cluster,
    ) -> bytes::Bytes {
        let Some(classic) = &member.metadata.classic else { return bytes::Bytes::new() };
        let names = self.names_of(&member.metadata, cluster);
        let topics = member.current.assigned.iter().filter_map(|(topic, partitions)| {
            Some((names.get(topic)?.clone(), partitions.keys().copied().collect()))
        });
        let first = classic.protocols.first();
        let version = first.and_then(|it| Subscription::decode(&it.metadata).ok());
        let version = version.map_or(0, |subscription| subscription.version);
        encode_assignment(version, &topics.collect::<Vec<_>>())
    }

    /// Whether a static member of the consumer protocol comes back with the classic one.
    pub fn is_taken_over_by(&self, join: &Join) -> bool {
        let holder = join.instance_id.as_ref().and_then(|instance| self.instances.get(instance));
        let holder = holder.and_then(|holder| self.members.get(holder));
        join.member_id.is_empty() && holder.is_some_and(|it| it.metadata.classic.is_none())
    }

    fn check_classic_join(&self, join: &Join, step: &Step<'_>) -> Result<(), GroupError> {
        let is_there = self.members.contains_key(&join.member_id);
        if !is_there && self.members.len() >= step.config.consumer.group_max_size {
            return Err(GroupError::GroupMaxSizeReached);
        }
        let said = bytes_of_join(join);
        if self.members.len().saturating_mul(said) > GROUP_METADATA_BYTES_MAX
            || said > step.cluster.record_bytes_max() / 2
        {
            return Err(GroupError::GroupMaxSizeReached);
        }
        let others = self.members.iter().filter(|(id, _)| **id != join.member_id);
        let others: Vec<BTreeSet<&str>> = others
            .filter_map(|(_, member)| member.metadata.classic.as_ref())
            .map(|classic| names(&classic.protocols))
            .collect();
        let is_known = |name: &&str| others.iter().all(|known| known.contains(name));
        match join.protocol_type == CONSUMER && names(&join.protocols).iter().any(is_known) {
            true => Ok(()),
            false => Err(GroupError::InconsistentGroupProtocol),
        }
    }

    fn seat_classic(
        &mut self,
        id: &MemberId,
        is_new: bool,
        instance: Option<&InstanceId>,
        step: &mut Step<'_>,
    ) -> Result<(), GroupError> {
        let Some(instance) = instance else { return Ok(()) };
        match self.instances.get(instance).cloned() {
            Some(holder) if is_new => self.replace(&holder, id, step),
            Some(holder) if holder != *id => return Err(GroupError::FencedInstanceId),
            None if !is_new => return Err(GroupError::UnknownMemberId),
            Some(_) | None => {}
        }
        Ok(())
    }

    fn classic_member(
        &self,
        id: &MemberId,
        instance: Option<&InstanceId>,
        generation: i32,
    ) -> Result<(&Member, &ClassicMemberMetadata), GroupError> {
        if let Some(instance) = instance {
            let holder = self.instances.get(instance).ok_or(GroupError::UnknownMemberId)?;
            if holder != id {
                return Err(GroupError::FencedInstanceId);
            }
        }
        let member = self.members.get(id).ok_or(GroupError::UnknownMemberId)?;
        let classic = member.metadata.classic.as_ref().ok_or(GroupError::UnknownMemberId)?;
        match member.current.member_epoch == generation && generation != LEAVE_TO_RETURN_EPOCH {
            true => Ok((member, classic)),
            false => Err(GroupError::IllegalGeneration),
        }
    }

    /// It has so long to join, or to ask for its assignment; an earlier deadline stays.
    fn expect_again(&self, id: &MemberId, timeout_ms: i32, step: &mut Step<'_>) {
        let timer = self.rebalance_timer(id);
        if !step.timers.is_set(&timer) {
            step.timers.set(timer, step.after(milliseconds(timeout_ms)));
        }
    }

    fn names_of(
        &self,
        member: &ConsumerMemberMetadata,
        cluster: &dyn Cluster,
    ) -> BTreeMap<pelton_model::TopicId, TopicName> {
        let by_regex = self.regexes.get(&member.regex).map(|resolved| &resolved.topics);
        let names = member.topics.iter().chain(by_regex.into_iter().flatten());
        names.filter_map(|name| Some((cluster.topic(name)?.id, name.clone()))).collect()
    }

    /// The members as those of a classic group, and that group's generation.
    pub fn as_classic(&self, cluster: &dyn Cluster) -> (i32, Vec<(MemberMetadata, Vec<Protocol>)>) {
        let members = self.members.iter().filter_map(|(id, member)| {
            let classic = member.metadata.classic.clone()?;
            let metadata = MemberMetadata {
                member_id: id.clone(),
                instance_id: member.metadata.instance_id.clone(),
                client_id: member.metadata.client_id.clone(),
                client_host: member.metadata.client_host.clone(),
                rebalance_timeout_ms: member.metadata.rebalance_timeout_ms,
                session_timeout_ms: classic.session_timeout_ms,
                subscription: bytes::Bytes::new(),
                assignment: self.classic_assignment(member, cluster),
            };
            Some((metadata, classic.protocols))
        });
        // That the last one has left has raised the epoch; the members know the one before.
        let is_ahead = self.group_epoch > self.assignment_epoch;
        (self.group_epoch - i32::from(is_ahead), members.collect())
    }

    /// Nothing waits for these members here any more.
    pub fn stop_timers(&self, step: &mut Step<'_>) {
        for id in self.members.keys() {
            step.timers.cancel(&self.session_timer(id));
            step.timers.cancel(&self.rebalance_timer(id));
        }
    }

    /// Nobody is left who needs the consumer protocol.
    pub fn all_are_classic(&self) -> bool {
        !self.members.is_empty()
            && self.members.values().all(|member| member.metadata.classic.is_some())
    }
}

/// Partitions of topics that there are.
pub(crate) fn by_id(topics: &[(TopicName, Vec<i32>)], cluster: &dyn Cluster) -> Assignment {
    let mut owned = Assignment::new();
    for (topic, partitions) in topics {
        if let Some(shape) = cluster.topic(topic).filter(|_| !partitions.is_empty()) {
            owned.entry(shape.id).or_default().extend(partitions);
        }
    }
    owned
}

/// The same with the epoch at which they were got.
pub(crate) fn since(assignment: &Assignment, epoch: i32) -> EpochedAssignment {
    let topics = assignment.iter();
    topics.map(|(topic, it)| (*topic, it.iter().map(|it| (*it, epoch)).collect())).collect()
}

fn names(protocols: &[Protocol]) -> BTreeSet<&str> {
    protocols.iter().map(|protocol| protocol.name.as_str()).collect()
}

fn classic_metadata(
    before: ConsumerMemberMetadata,
    join: &Join,
    subscription: &Subscription,
) -> ConsumerMemberMetadata {
    ConsumerMemberMetadata {
        instance_id: join.instance_id.clone().or(before.instance_id),
        rack_id: subscription.rack_id.clone().or(before.rack_id),
        client_id: join.client_id.clone(),
        client_host: join.client_host.clone(),
        topics: subscription.topics.iter().cloned().collect(),
        regex: String::new(),
        rebalance_timeout_ms: join.rebalance_timeout_ms,
        server_assignor: before.server_assignor,
        classic: Some(ClassicMemberMetadata {
            session_timeout_ms: join.session_timeout_ms,
            protocols: join.protocols.clone(),
        }),
    }
}
