//! The coordinators of the partitions of `__consumer_offsets` that this shard owns: what performs
//! the pure state machine of `pelton-group`.
//!
//! A step of a coordinator and the appending of its records are one: nothing awaits in between, so
//! the order of the log is the order of the steps. The replies of a step leave when everything that
//! the coordinator has appended so far is on stable storage; a reply never tells what a crash could
//! take back. When an append fails, the state is ahead of the log: the coordinator is dropped, all
//! who wait are told NOT_COORDINATOR, and the next request makes it anew from the log.

mod answers;
mod append;
mod ask;
mod cluster;
mod figures;
mod forget;
mod host;
mod load;
mod step;
mod timers;
pub mod topic;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use pelton_group::{Command, Coordinator, Reply, Token};
use pelton_model::{Offset, PartitionId};
use pelton_storage::event::Event;

use answers::Waiting;

pub use forget::names_of;
pub use topic::{OFFSETS_TOPIC, ensure as ensure_offsets_topic};

/// What a coordinator is asked, from this shard or another.
pub struct GroupRequest {
    /// Of `__consumer_offsets`.
    pub partition: PartitionId,
    /// What the asking shard knows the request by; names that shard as well.
    pub token: Token,
    pub command: Command,
}

/// What becomes of a [`GroupRequest`].
pub enum GroupAnswer {
    Now(GroupOutcome),
    /// It waits for others; the outcome comes in a message of its own, so that a request that waits
    /// for minutes holds no place in a mailbox.
    Later,
}

pub type GroupOutcome = Result<Reply, GroupFault>;

/// Why a coordinator did not answer; clients retry all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupFault {
    /// The partition's coordinator is not here, or was dropped under the request.
    NotCoordinator,
    Loading,
    Unavailable,
}

/// A shard's coordinators, and the requests of its connections that wait for some coordinator.
#[derive(Default)]
pub struct Coordinators {
    hosted: RefCell<BTreeMap<PartitionId, Rc<Hosted>>>,
    /// Of all of them; see [`pelton_group::Cluster::consumer_members`].
    consumer_members: Cell<usize>,
    waiting: Waiting,
}

/// The place of one coordinator.
struct Hosted {
    partition: PartitionId,
    state: RefCell<HostedState>,
    /// Counts the coordinators that have stood here: a timer task ends with its own.
    life: Cell<u64>,
    /// What its coordinator adds to [`Coordinators::consumer_members`].
    consumer_members: Cell<usize>,
    /// The end of the newest record.
    newest: Cell<Offset>,
    /// Something is due earlier than was thought, or the coordinator is gone.
    changed: Event,
    /// What the timer task sleeps for; none: it waits for `changed` alone.
    sleeps_until: Cell<Option<Duration>>,
}

enum HostedState {
    Loading,
    Ready(Box<Coordinator>),
    /// The next request begins to load.
    Failed,
    /// The partition is gone, or the shard stops.
    Closed,
}
