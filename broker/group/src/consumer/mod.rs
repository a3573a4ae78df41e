//! A group of the consumer protocol (KIP-848): members say by heartbeats what they subscribe to and
//! what they own, the coordinator assigns, and each member moves to its part at its own pace.
//!
//! Three epochs follow one another. The *group epoch* grows when members, subscriptions or topics
//! change. The *assignment epoch* is the group epoch that the target assignment was computed for.
//! A *member epoch* is the assignment epoch that the member has got to; on its way it gives up
//! first what is no longer its own, and gets what others have given up.
//!
//! ```text
//!                          target changed
//!            ┌──────────────────────────────────────────┐
//!            │      nothing to give up,                 ▼
//!          Stable ◄── all is free ─────────── UnrevokedPartitions ◄─┐ asked to give up;
//!            │ ▲                                        │           │ its epoch stays
//!            │ └── the rest was given up ───┐           │ it has ───┘
//!            ▼                              │           ▼
//!      UnrevokedPartitions            UnreleasedPartitions: others have not given up yet
//! ```
//!
//! Every change of state is a record, applied at once: what a reload finds is what was there.
//!
//! Source: KIP-848, KIP-1251; `ConsumerGroup` and `CurrentAssignmentBuilder` of Kafka 4.4.

mod apply;
mod check;
mod classic_member;
mod commit;
mod describe;
mod heartbeat;
mod leave;
mod liveness;
mod pace;
mod reconcile;
mod seat;
mod subscription;
mod target;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pelton_model::{TimestampMs, TopicId};

use crate::assignor::Assignor;
use crate::config::GroupConfig;
use crate::coordinator::effects::Step;
use crate::ids::{GroupId, InstanceId, MemberId, TopicName};
use crate::record::{
    Assignment, ConsumerMemberMetadata, ConsumerRecord, CurrentAssignment, MemberState, Record,
    ResolvedRegex,
};
use crate::timers::Timer;

pub(crate) use check::check_shape;
pub(crate) use classic_member::{by_id, since};
pub(crate) use heartbeat::check_size;

/// The epoch by which a member leaves for good.
pub(crate) const LEAVE_EPOCH: i32 = -1;
/// The epoch by which a static member leaves to be back within its session timeout.
pub(crate) const LEAVE_TO_RETURN_EPOCH: i32 = -2;
/// Both epochs of a group without any change.
const FIRST_EPOCH: i32 = 1;

/// Where a group is; see the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConsumerState {
    Empty,
    /// The target assignment is older than the last change.
    Assigning,
    /// Members are on their way to the target assignment.
    Reconciling,
    Stable,
}

impl ConsumerState {
    /// As Kafka's answers spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::Stable => "Stable",
        }
    }
}

/// See the module.
#[derive(Debug, PartialEq)]
pub(crate) struct ConsumerGroup {
    id: GroupId,
    group_epoch: i32,
    metadata_hash: i64,
    assignment_epoch: i32,
    /// Of the last computation, by the wall clock; 0: there was none.
    assigned_at: TimestampMs,
    members: BTreeMap<MemberId, Member>,
    instances: BTreeMap<InstanceId, MemberId>,
    target: BTreeMap<MemberId, Assignment>,
    /// Who has a partition, also while it is to give it up.
    owners: BTreeMap<TopicId, BTreeMap<i32, MemberId>>,
    /// How many members name a topic, a regular expression.
    named: BTreeMap<TopicName, usize>,
    regex_users: BTreeMap<String, usize>,
    regexes: BTreeMap<String, ResolvedRegex>,
    /// An older release's record is on the log, and has to go with the group.
    has_partition_metadata: bool,
    looked: Looked,
}

/// What was looked at and counted since the coordinator was made: not state.
#[derive(Debug, Default)]
struct Looked {
    /// The cluster's revision that the metadata hash is of.
    hash_revision: Option<u64>,
    /// The cluster's revision, and the time, at which the last round of resolving the regular
    /// expressions began.
    regex: Option<(u64, Duration)>,
    /// Those whose turn in that round is still to come.
    regexes_left: BTreeSet<String>,
    /// Group epochs begun.
    rebalances: u64,
}

/// No two looks make a difference.
impl PartialEq for Looked {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Member {
    metadata: ConsumerMemberMetadata,
    current: CurrentAssignment,
}

impl ConsumerGroup {
    pub fn new(id: GroupId) -> Self {
        Self {
            id,
            group_epoch: FIRST_EPOCH,
            metadata_hash: 0,
            assignment_epoch: FIRST_EPOCH,
            assigned_at: TimestampMs::new(0),
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            target: BTreeMap::new(),
            owners: BTreeMap::new(),
            named: BTreeMap::new(),
            regex_users: BTreeMap::new(),
            regexes: BTreeMap::new(),
            has_partition_metadata: false,
            looked: Looked::default(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub fn member_count(&self) -> usize {
        self.members.len()
    }

    /// What it keeps in memory, but for names: an estimate.
    pub fn state_bytes(&self) -> usize {
        let owned: usize = self.owners.values().map(BTreeMap::len).sum();
        // Each stands with its owner, in the owner's own list and in the target.
        let partition_bytes = size_of::<(i32, MemberId)>() + 2 * size_of::<i32>();
        size_of::<Self>()
            + self.members.len() * size_of::<(MemberId, Member, Assignment)>()
            + owned * partition_bytes
    }

    pub fn rebalances(&self) -> u64 {
        self.looked.rebalances
    }

    /// Looks at every member.
    pub fn state(&self) -> ConsumerState {
        let is_there = |member: &Member| {
            member.current.state == MemberState::Stable
                && member.current.member_epoch == self.assignment_epoch
        };
        if self.members.is_empty() {
            ConsumerState::Empty
        } else if self.group_epoch > self.assignment_epoch {
            ConsumerState::Assigning
        } else if self.members.values().all(is_there) {
            ConsumerState::Stable
        } else {
            ConsumerState::Reconciling
        }
    }

    /// What most members want; the broker's first where nobody wants any, or as many want another.
    fn assignor(&self, config: &GroupConfig) -> Assignor {
        let mut wanted: BTreeMap<Assignor, usize> = BTreeMap::new();
        for member in self.members.values() {
            let name = member.metadata.server_assignor.as_deref();
            if let Some(assignor) = name.and_then(Assignor::from_name) {
                *wanted.entry(assignor).or_default() += 1;
            }
        }
        let default = config.consumer.assignors.default;
        let rank = |(assignor, count): &(Assignor, usize)| (*count, *assignor == default);
        wanted.into_iter().max_by_key(rank).map_or(default, |(assignor, _)| assignor)
    }

    /// The state changes as the record says, and the record is to be written.
    fn write(&mut self, record: ConsumerRecord, step: &mut Step<'_>) {
        self.apply(record.clone());
        step.effects.records.push(Record::Consumer { group: self.id.clone(), record });
    }

    fn session_timer(&self, member: &MemberId) -> Timer {
        Timer::Session(self.id.clone(), member.clone())
    }

    fn rebalance_timer(&self, member: &MemberId) -> Timer {
        Timer::Rebalance(self.id.clone(), member.clone())
    }
}

#[cfg(test)]
#[path = "consumer_test.rs"]
mod consumer_test;

#[cfg(test)]
#[path = "migration_test.rs"]
mod migration_test;
