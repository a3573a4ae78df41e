//! Whether a broker serves clients, for who asks from another thread.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pelton_model::ShardId;

/// Shared by the broker's threads and the HTTP endpoint, which answers before the broker does.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    /// Shards whose journals are still to be read.
    shards_left: AtomicUsize,
    /// By shard, the partitions that have something in the journal which was not replayed yet.
    partitions_left: Mutex<BTreeMap<ShardId, usize>>,
    accepting: AtomicBool,
    stopping: AtomicBool,
}

/// What an orchestrator is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Journals are read back; so many shards are not through.
    Recovering {
        shards_left: usize,
    },
    /// All shards have their logs, and agree on who owns what.
    Opening,
    Ready,
    Stopping,
}

impl Readiness {
    pub fn phase(&self) -> Phase {
        let flags = &*self.0;
        if flags.stopping.load(Ordering::Relaxed) {
            Phase::Stopping
        } else if flags.accepting.load(Ordering::Relaxed) {
            Phase::Ready
        } else {
            match flags.shards_left.load(Ordering::Relaxed) {
                0 => Phase::Opening,
                shards_left => Phase::Recovering { shards_left },
            }
        }
    }

    pub(crate) fn recovering(&self, shards: usize) {
        self.0.shards_left.store(shards, Ordering::Relaxed);
    }

    /// Of all shards that have read their journals so far; a shard that still reads its own does
    /// not know its number yet.
    pub fn partitions_remaining(&self) -> usize {
        self.partitions_by_shard().values().sum()
    }

    pub(crate) fn partitions_left(&self, shard: ShardId, count: usize) {
        self.partitions_by_shard().insert(shard, count);
    }

    fn partitions_by_shard(&self) -> MutexGuard<'_, BTreeMap<ShardId, usize>> {
        // Nothing that is done under the lock can leave it half-changed.
        self.0.partitions_left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn shard_recovered(&self) {
        self.0.shards_left.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn accepting(&self) {
        self.0.accepting.store(true, Ordering::Relaxed);
    }

    pub(crate) fn stopping(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Phase::Recovering { shards_left } => write!(f, "recovering, {shards_left} left"),
            Phase::Opening => f.write_str("opening"),
            Phase::Ready => f.write_str("ready"),
            Phase::Stopping => f.write_str("stopping"),
        }
    }
}

#[cfg(test)]
#[path = "readiness_test.rs"]
mod readiness_test;
