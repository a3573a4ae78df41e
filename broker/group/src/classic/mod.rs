//! A group of the classic protocol: members join, one of them assigns, all fetch their part.
//!
//! ```text
//!            join                    all joined, or time is up          the leader's assignment
//!  Empty ──────────► PreparingRebalance ──────────► CompletingRebalance ──────────► Stable
//!    ▲                    │    ▲                            │                          │
//!    └────────────────────┘    └────────────────────────────┴──────────────────────────┘
//!       nobody is left               somebody joins, leaves, or is not heard of
//! ```
//!
//! Written to the log: at the leader's assignment, when a static member changes its id in a stable
//! group, when nobody is left, and when the group turns from the consumer protocol. A rebalance that
//! a crash interrupts leaves no trace: its members find the group as of the last record, and learn
//! by UNKNOWN_MEMBER_ID or ILLEGAL_GENERATION. Only the one that a turn begins does: the turn's
//! record names no leader.
//!
//! Source: `ClassicGroup` and `GroupMetadataManager` of Kafka 4.4; KIP-62, 134, 345, 394.

mod assign;
mod commit;
mod convert;
mod describe;
mod join;
mod leave;
mod liveness;
mod member;
mod pending;
mod persist;
mod rebalance;
mod returning;
mod subscription;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pelton_model::TimestampMs;

use crate::coordinator::effects::{Now, Step, Token, milliseconds};
use crate::coordinator::reply::Reply;
use crate::error::GroupError;
use crate::ids::{GroupId, InstanceId, MemberId};
use crate::timers::Timer;
use member::Member;
pub(crate) use member::bytes_of_join;
use pending::PendingMembers;

/// The protocol type of consumers, whose metadata names the topics that they read.
pub(crate) const CONSUMER: &str = "consumer";

/// Where a group is; see the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    #[default]
    Empty,
    PreparingRebalance,
    CompletingRebalance,
    Stable,
}

impl State {
    /// As Kafka's answers spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }
}

/// See the module.
pub(crate) struct ClassicGroup {
    id: GroupId,
    state: State,
    /// When it got into its state; none for a group that was never joined.
    since: Option<TimestampMs>,
    /// Set by the first member; a group of simple commits has none.
    protocol_type: Option<String>,
    protocol: Option<String>,
    generation: i32,
    leader: Option<MemberId>,
    members: BTreeMap<MemberId, Member>,
    instances: BTreeMap<InstanceId, MemberId>,
    pending: PendingMembers,
    /// Members of this generation that have not asked for their assignment.
    unsynced: BTreeSet<MemberId>,
    /// By protocol, how many members know it.
    supported: BTreeMap<String, usize>,
    /// Of all that members say about themselves.
    metadata_bytes: usize,
    /// How many members wait for the join phase to end.
    joining: usize,
    /// As [`Now::elapsed`], when a first rebalance goes on whoever comes; none outside of one.
    delayed_at_most_until: Option<Duration>,
    /// Begun since the group was made or loaded.
    rebalances: u64,
    /// The topics of all members; none where that is not known.
    subscriptions: Option<BTreeSet<String>>,
}

impl ClassicGroup {
    pub fn new(id: GroupId) -> Self {
        Self {
            id,
            state: State::Empty,
            since: None,
            protocol_type: None,
            protocol: None,
            generation: 0,
            leader: None,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            pending: PendingMembers::default(),
            unsynced: BTreeSet::new(),
            supported: BTreeMap::new(),
            metadata_bytes: 0,
            joining: 0,
            delayed_at_most_until: None,
            rebalances: 0,
            subscriptions: None,
        }
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn member_count(&self) -> usize {
        self.members.len()
    }

    pub fn has_member(&self, id: &MemberId) -> bool {
        self.members.contains_key(id)
    }

    /// What it keeps in memory, but for names: an estimate.
    pub fn state_bytes(&self) -> usize {
        let assigned: usize = self.members.values().map(|member| member.assignment.len()).sum();
        size_of::<Self>()
            + self.members.len() * size_of::<(MemberId, Member)>()
            + self.metadata_bytes
            + assigned
    }

    pub fn rebalances(&self) -> u64 {
        self.rebalances
    }

    /// Whether any member was ever there.
    pub fn is_simple(&self) -> bool {
        self.protocol_type.is_none()
    }

    /// Whether the log may know of it.
    pub fn is_written(&self) -> bool {
        self.since.is_some() || !self.is_simple()
    }

    pub fn protocol_type(&self) -> &str {
        self.protocol_type.as_deref().unwrap_or_default()
    }

    /// Whether members of this generation read the topic, as far as they say so.
    pub fn is_subscribed(&self, topic: &str) -> bool {
        self.uses_consumer_protocol()
            && self.subscriptions.as_ref().is_some_and(|topics| topics.contains(topic))
    }

    pub fn uses_consumer_protocol(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER)
    }

    /// Somebody has asked to join it for the first time.
    pub fn set_begun(&mut self, now: Now) {
        self.since = Some(now.wall);
    }

    fn go_to(&mut self, state: State, now: Now) {
        self.state = state;
        self.since = Some(now.wall);
    }

    fn is_leader(&self, member: &str) -> bool {
        self.leader.as_deref() == Some(member)
    }

    /// The longest that one of the members may take to join again.
    fn rebalance_timeout(&self) -> Duration {
        let timeouts = self.members.values().map(|member| member.rebalance_timeout_ms);
        milliseconds(timeouts.max().unwrap_or(0))
    }

    /// Whether a request's member is who it says.
    fn check_member(
        &self,
        member: &MemberId,
        instance: Option<&InstanceId>,
    ) -> Result<(), GroupError> {
        if let Some(instance) = instance {
            match self.instances.get(instance) {
                None => return Err(GroupError::UnknownMemberId),
                Some(current) if current != member => return Err(GroupError::FencedInstanceId),
                Some(_) => {}
            }
        }
        match self.members.contains_key(member) {
            true => Ok(()),
            false => Err(GroupError::UnknownMemberId),
        }
    }

    fn check_generation(&self, generation: i32) -> Result<(), GroupError> {
        match generation == self.generation {
            true => Ok(()),
            false => Err(GroupError::IllegalGeneration),
        }
    }

    fn add_member(&mut self, id: MemberId, member: Member) {
        if self.members.is_empty() {
            self.protocol_type = Some(member.protocol_type.clone());
        }
        self.leader.get_or_insert_with(|| id.clone());
        self.count_protocols(&member);
        self.joining += usize::from(member.joining.is_some());
        if let Some(instance) = &member.instance_id {
            self.instances.insert(instance.clone(), id.clone());
        }
        self.pending.remove(&id);
        self.members.insert(id, member);
    }

    /// Takes a member out. Whatever it waits for is the caller's to answer.
    fn remove_member(&mut self, id: &MemberId) -> Option<Member> {
        self.pending.remove(id);
        self.unsynced.remove(id);
        let member = self.members.remove(id)?;
        self.uncount_protocols(&member);
        self.joining -= usize::from(member.joining.is_some());
        if let Some(instance) = &member.instance_id
            && self.instances.get(instance) == Some(id)
        {
            self.instances.remove(instance);
        }
        if self.is_leader(id) {
            self.leader = self.members.keys().next().cloned();
        }
        Some(member)
    }

    fn count_protocols(&mut self, member: &Member) {
        self.metadata_bytes += member.metadata_bytes();
        for name in member.protocol_names() {
            *self.supported.entry(name.to_owned()).or_default() += 1;
        }
    }

    fn uncount_protocols(&mut self, member: &Member) {
        self.metadata_bytes -= member.metadata_bytes();
        for name in member.protocol_names() {
            if let Some(count) = self.supported.get_mut(name) {
                *count -= 1;
                if *count == 0 {
                    self.supported.remove(name);
                }
            }
        }
    }

    /// Answers a member that waits for the join phase to end, if it does.
    fn answer_join(&mut self, id: &MemberId, reply: Reply, step: &mut Step<'_>) {
        let waiting = self.members.get_mut(id).and_then(|member| member.joining.take());
        if let Some(token) = waiting {
            self.joining -= 1;
            step.reply(token, reply);
        }
    }

    fn session_timer(&self, member: &MemberId) -> Timer {
        Timer::Session(self.id.clone(), member.clone())
    }

    /// The requests that are parked here; see [`crate::Coordinator::take_waiting`].
    pub fn take_waiting(&mut self) -> Vec<Token> {
        self.joining = 0;
        let members = self.members.values_mut();
        members
            .flat_map(|member| member.joining.take().into_iter().chain(member.syncing.take()))
            .collect()
    }
}

#[cfg(test)]
#[path = "classic_test.rs"]
mod classic_test;

#[cfg(test)]
#[path = "static_test.rs"]
mod static_test;
