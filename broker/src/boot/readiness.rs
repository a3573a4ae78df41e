//! Whether a broker serves clients, for who asks from another thread.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Shared by the broker's threads and the HTTP endpoint, which answers before the broker does.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    /// Shards whose journals are still to be read.
    shards_left: AtomicUsize,
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
