//! A member of a group by the classic protocol: what it has to do next, and what an answer means.
//! Pure: time and chance are arguments; it says what to send and whom to tell, and hears how that
//! went.
//!
//! ```text
//!  Idle --subscribe--> Prepare --prepared--> Join --> (leader: Divide) --> Sync --> Adopt --adopted--> Stable
//!                         ^                    |                        |                              |
//!                         +--------------------+------ rebalance, lost membership ---------------------+
//!
//!  any but Idle --what no retry mends--> Outside --prepared--> Idle
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pelton_kafka::ErrorCode;
use tokio::time::Instant;

use super::assign::{Member, divide};
use super::payload;
use super::requests::Asker;
use super::step::Step;
use crate::backoff::{Attempts, Backoff};
use crate::consumer::options::Assignor;
use crate::consumer::record::TopicPartition;
use crate::error::{Error, Result};
use crate::group::coordinator::is_of_the_way;
use crate::group::offsets::NO_GENERATION;

/// What the membership must know of the options.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) group: Arc<str>,
    pub(super) assignors: Vec<Assignor>,
    pub(super) heartbeat_interval: Duration,
    pub(super) backoff: Backoff,
}

#[derive(Debug)]
pub(super) struct Membership {
    rules: Rules,
    phase: Phase,
    member_id: Arc<str>,
    generation: i32,
    topics: BTreeSet<Arc<str>>,
    /// What the user was told that it has.
    owned: BTreeSet<TopicPartition>,
    /// The partition counts that the leader has divided by, or found when it came back to what was
    /// divided before; None for the others.
    divided_by: Option<BTreeMap<Arc<str>, usize>>,
    /// In the course of adopting something else.
    gave_up: bool,
    heartbeat_due: Option<Instant>,
    requests: Attempts,
    adoptions: Attempts,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// Not a member, and not to be one.
    Idle,
    Prepare,
    Join,
    Divide {
        assignor: Assignor,
        members: Vec<Member>,
        is_divided: bool,
    },
    Sync {
        protocol: Arc<str>,
        assignments: Vec<(Arc<str>, Bytes)>,
    },
    Adopt {
        share: BTreeSet<TopicPartition>,
    },
    Stable,
    /// What it had is lost; then it is idle.
    Outside,
}

/// An answer to JoinGroup.
#[derive(Clone, Debug)]
pub(super) struct Joined {
    pub(super) generation: i32,
    pub(super) member_id: Arc<str>,
    pub(super) protocol: Arc<str>,
    /// Every member; only the leader is told.
    pub(super) members: Option<Vec<JoinedMember>>,
    /// The leader has come back under its instance id: what was divided before still holds, and it
    /// only watches the topics (KIP-814).
    pub(super) is_divided: bool,
}

/// A member as the leader is told of it.
#[derive(Clone, Debug)]
pub(super) struct JoinedMember {
    pub(super) id: Arc<str>,
    pub(super) instance_id: Option<Arc<str>>,
    pub(super) subscription: Bytes,
}

impl Membership {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            requests: Attempts::new(rules.backoff),
            adoptions: Attempts::new(rules.backoff),
            rules,
            phase: Phase::Idle,
            member_id: "".into(),
            generation: NO_GENERATION,
            topics: BTreeSet::new(),
            owned: BTreeSet::new(),
            divided_by: None,
            gave_up: false,
            heartbeat_due: None,
        }
    }

    pub(super) fn member_id(&self) -> &Arc<str> {
        &self.member_id
    }

    /// [`NO_GENERATION`] outside of one.
    pub(super) fn generation(&self) -> i32 {
        self.generation
    }

    pub(super) fn asker(&self) -> Asker {
        Asker { member_id: self.member_id.clone(), generation: self.generation }
    }

    /// Whether it is out until the user subscribes again, and its user has not heard so yet.
    pub(super) fn is_outside(&self) -> bool {
        self.phase == Phase::Outside
    }

    pub(super) fn owned(&self) -> &BTreeSet<TopicPartition> {
        &self.owned
    }

    /// From now on these topics; joins, or joins again.
    pub(super) fn subscribe(&mut self, topics: BTreeSet<Arc<str>>) {
        if topics != self.topics || matches!(self.phase, Phase::Idle | Phase::Outside) {
            self.topics = topics;
            self.phase = Phase::Prepare;
        }
    }

    /// The member has left; what it had is lost when it joins again.
    pub(super) fn left(&mut self) {
        self.reset(true);
        self.phase = Phase::Idle;
    }

    /// Joins again after [`Membership::left`].
    pub(super) fn come_back(&mut self) {
        if self.phase == Phase::Idle && !self.topics.is_empty() {
            self.phase = Phase::Prepare;
        }
    }

    /// Fails as [`Membership::joined`] does.
    pub(super) fn poll(&mut self, now: Instant) -> Result<Step> {
        if !self.requests.may_try(now) {
            return Ok(Step::Wait(self.requests.not_before()));
        }
        let step = match &self.phase {
            Phase::Idle => Step::Wait(None),
            Phase::Prepare | Phase::Outside => {
                let (revoked, lost) = self.to_give_up();
                Step::Prepare { revoked, lost }
            }
            Phase::Join => match self.protocols() {
                Ok(protocols) => Step::Join { member_id: self.member_id.clone(), protocols },
                Err(error) => return self.out(error).map(|()| Step::Wait(None)),
            },
            Phase::Divide { members, .. } => {
                let topics = members.iter().flat_map(|member| member.topics.clone());
                Step::Divide { topics: topics.collect() }
            }
            Phase::Sync { protocol, assignments } => {
                Step::Sync { protocol: protocol.clone(), assignments: assignments.clone() }
            }
            Phase::Adopt { .. } if !self.adoptions.may_try(now) => {
                self.beat_or_wait(now, self.adoptions.not_before())
            }
            Phase::Adopt { share } => Step::Adopt {
                revoked: self.owned.difference(share).cloned().collect(),
                added: share.difference(&self.owned).cloned().collect(),
            },
            Phase::Stable => self.beat_or_wait(now, None),
        };
        Ok(step)
    }

    fn protocols(&self) -> Result<Vec<(Assignor, Bytes)>> {
        let protocols = self.rules.assignors.iter().map(|&assignor| {
            let bytes = payload::subscription(assignor, &self.topics, &self.owned, self.generation);
            Ok((assignor, bytes.map_err(|error| self.invalid(error))?))
        });
        protocols.collect()
    }

    fn beat_or_wait(&self, now: Instant, until: Option<Instant>) -> Step {
        match self.heartbeat_due {
            Some(due) if due > now => Step::Wait(Some(until.map_or(due, |until| until.min(due)))),
            _ => Step::Heartbeat,
        }
    }

    /// Everything, unless all assignors are cooperative: then only what is no longer wanted. Who
    /// is not a member any more has lost what it had.
    fn to_give_up(&self) -> (BTreeSet<TopicPartition>, BTreeSet<TopicPartition>) {
        if self.generation == NO_GENERATION {
            return (BTreeSet::new(), self.owned.clone());
        }
        if !self.is_cooperative() {
            return (self.owned.clone(), BTreeSet::new());
        }
        let unwanted = self.owned.iter().filter(|of| !self.topics.contains(&of.topic));
        (unwanted.cloned().collect(), BTreeSet::new())
    }

    fn is_cooperative(&self) -> bool {
        self.rules.assignors.iter().all(|&assignor| assignor == Assignor::CooperativeSticky)
    }

    /// These are given up, as [`Step::Prepare`] has asked. Meanwhile more may have been lost.
    pub(super) fn prepared(&mut self, gone: &BTreeSet<TopicPartition>) {
        self.owned.retain(|of| !gone.contains(of));
        let (revoked, lost) = self.to_give_up();
        if revoked.is_empty() && lost.is_empty() {
            match self.phase {
                Phase::Prepare => self.phase = Phase::Join,
                Phase::Outside => self.phase = Phase::Idle,
                _ => {}
            }
        }
    }

    /// Fails with what no retry mends: then the member is out, and idle once its user knows.
    pub(super) fn joined(
        &mut self,
        answer: Result<Joined>,
        now: Instant,
        chance: f64,
    ) -> Result<()> {
        let joined = match answer {
            Ok(joined) => joined,
            Err(error) => return self.failed(error, now, chance),
        };
        if self.phase != Phase::Join {
            return Ok(());
        }
        self.requests.worked();
        self.member_id = joined.member_id;
        self.generation = joined.generation;
        self.divided_by = None;
        self.gave_up = false;
        let Some(members) = joined.members else {
            self.phase = Phase::Sync { protocol: joined.protocol, assignments: Vec::new() };
            return Ok(());
        };
        let named = |assignor: &&Assignor| assignor.name() == &*joined.protocol;
        let Some(&assignor) = self.rules.assignors.iter().find(named) else {
            let reason = format!("the group has chosen {}, which we lack", joined.protocol);
            return self.out(Error::protocol(format!("group {}", self.rules.group), reason));
        };
        let members: Result<Vec<_>> = members
            .into_iter()
            .map(|JoinedMember { id, instance_id, subscription }| {
                payload::member(&id, instance_id.as_deref(), subscription)
                    .map_err(|error| Error::protocol(format!("subscription of member {id}"), error))
            })
            .collect();
        match members {
            Ok(members) => {
                let is_divided = joined.is_divided;
                self.phase = Phase::Divide { assignor, members, is_divided };
            }
            Err(error) => return self.out(error),
        }
        Ok(())
    }

    /// The member id that the coordinator has given to somebody who joined without one (KIP-394).
    pub(super) fn named(&mut self, member_id: &str) {
        self.member_id = member_id.into();
    }

    /// The partition counts of the topics that [`Step::Divide`] named, as far as they are known.
    pub(super) fn divided(&mut self, partition_counts: BTreeMap<Arc<str>, usize>) -> Result<()> {
        let Phase::Divide { assignor, members, is_divided } = &self.phase else { return Ok(()) };
        let shares = match is_divided {
            true => BTreeMap::new(),
            false => divide(*assignor, members, &partition_counts),
        };
        let assignments: Result<Vec<_>> = shares
            .iter()
            .map(|(id, share)| {
                Ok((id.clone(), payload::assignment(share).map_err(|error| self.invalid(error))?))
            })
            .collect();
        let protocol = assignor.name().into();
        self.phase = Phase::Sync { protocol, assignments: assignments? };
        self.divided_by = Some(partition_counts);
        Ok(())
    }

    /// As [`Membership::joined`].
    pub(super) fn synced(
        &mut self,
        answer: Result<Bytes>,
        now: Instant,
        chance: f64,
    ) -> Result<()> {
        let assignment = match answer {
            Ok(assignment) => assignment,
            Err(error) => return self.failed(error, now, chance),
        };
        if !matches!(self.phase, Phase::Sync { .. }) {
            return Ok(());
        }
        self.requests.worked();
        self.heartbeat_due = Some(now + self.rules.heartbeat_interval);
        match payload::share(assignment) {
            Ok(share) => self.phase = Phase::Adopt { share },
            Err(error) => {
                let context = format!("assignment in group {}", self.rules.group);
                return self.out(Error::protocol(context, error));
            }
        }
        Ok(())
    }

    /// Whether [`Step::Adopt`] still holds.
    pub(super) fn is_adopting(&self) -> bool {
        matches!(self.phase, Phase::Adopt { .. })
    }

    /// These are given up, in the course of [`Step::Adopt`].
    pub(super) fn gave_up(&mut self, gone: &BTreeSet<TopicPartition>) {
        self.owned.retain(|of| !gone.contains(of));
        self.gave_up |= !gone.is_empty();
    }

    /// What [`Step::Adopt`] named is adopted. What was given up is free only when everybody has
    /// joined again.
    pub(super) fn adopted(&mut self) {
        let Phase::Adopt { share } = &self.phase else { return };
        self.adoptions.worked();
        let has_given_up = std::mem::take(&mut self.gave_up);
        self.owned = share.clone();
        self.phase = if has_given_up { Phase::Prepare } else { Phase::Stable };
    }

    /// What [`Step::Adopt`] has asked for did not work: it asks again after a pause.
    pub(super) fn adoption_failed(&mut self, now: Instant, chance: f64) {
        self.adoptions.failed(now, chance);
    }

    /// When a heartbeat should be sent beside whatever else is going on.
    pub(super) fn heartbeat_due(&self) -> Option<Instant> {
        self.heartbeat_due.filter(|_| self.generation != NO_GENERATION)
    }

    /// A heartbeat is on its way; the next one is due in turn, whatever becomes of it.
    pub(super) fn beat(&mut self, now: Instant) {
        self.heartbeat_due = Some(now + self.rules.heartbeat_interval);
    }

    /// An answer to a heartbeat. As [`Membership::joined`].
    pub(super) fn heard(&mut self, answer: Result<()>, now: Instant, chance: f64) -> Result<()> {
        self.heartbeat_due = Some(now + self.rules.heartbeat_interval);
        match answer {
            Ok(()) => {
                self.requests.worked();
                Ok(())
            }
            Err(error) if is_of_the_way(&error) => {
                // Sooner than the next one in turn; what else goes on does not wait for it.
                let pause = self.requests.failed_beside(chance);
                self.heartbeat_due = Some(now + pause.min(self.rules.heartbeat_interval));
                Ok(())
            }
            Err(error) => self.failed(error, now, chance),
        }
    }

    /// What is known of topics has changed: a leader divides again if counts have.
    pub(super) fn counts_changed(&mut self, partition_counts: &BTreeMap<Arc<str>, usize>) {
        let has_changed = self.divided_by.as_ref().is_some_and(|counts| counts != partition_counts);
        if self.phase == Phase::Stable && has_changed {
            self.phase = Phase::Prepare;
        }
    }

    /// The topics that a leader watches.
    pub(super) fn watched(&self) -> Option<&BTreeMap<Arc<str>, usize>> {
        self.divided_by.as_ref()
    }

    fn failed(&mut self, error: Error, now: Instant, chance: f64) -> Result<()> {
        match error.code() {
            // It comes with the member id to use.
            Some(ErrorCode::MemberIdRequired) => {}
            // Who is preparing will join anyway; who is adopting will hear it again, but holds nobody
            // up with what does not work.
            Some(ErrorCode::RebalanceInProgress) => match self.phase {
                Phase::Prepare => {}
                Phase::Adopt { .. } if self.adoptions.not_before().is_none() => {}
                _ => self.again(),
            },
            Some(ErrorCode::IllegalGeneration) => {
                self.reset(false);
                self.phase = Phase::Prepare;
            }
            Some(ErrorCode::UnknownMemberId) => {
                self.reset(true);
                self.phase = Phase::Prepare;
            }
            _ if error.is_retriable() => {
                self.requests.failed(now, chance);
                self.again();
            }
            _ => return self.out(error),
        }
        Ok(())
    }

    /// Joins again, giving up first what is to be given up.
    fn again(&mut self) {
        self.phase = match self.phase {
            Phase::Join | Phase::Divide { .. } | Phase::Sync { .. } => Phase::Join,
            Phase::Idle => Phase::Idle,
            Phase::Outside => Phase::Outside,
            Phase::Prepare | Phase::Adopt { .. } | Phase::Stable => Phase::Prepare,
        };
    }

    fn reset(&mut self, also_member_id: bool) {
        self.generation = NO_GENERATION;
        self.heartbeat_due = None;
        self.divided_by = None;
        self.gave_up = false;
        if also_member_id {
            self.member_id = "".into();
        }
    }

    /// Out, until the user subscribes again.
    fn out(&mut self, error: Error) -> Result<()> {
        self.reset(true);
        self.requests.worked();
        self.phase = Phase::Outside;
        Err(error)
    }

    fn invalid(&self, error: impl std::fmt::Display) -> Error {
        Error::Invalid(format!("group {}: {error}", self.rules.group).into())
    }
}

#[cfg(test)]
#[path = "membership_test.rs"]
mod membership_test;
