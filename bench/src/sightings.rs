//! End-to-end latency without a stamp in the record: what the producer was told meets what the
//! consumer sees.
//!
//! A batch's base offset, which the answer to its Produce tells, is what a consumer finds in the
//! batch's header. Either may come first; the second one knows both times. Batches can thus be
//! encoded before the clock starts, whatever the broker.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Batches that may be waiting for their other half; at about 50 bytes each. Consumers that fall
/// further behind measure their own backlog, not the broker.
pub const UNMATCHED_MAX: usize = 4_000_000;

/// A batch that was sent and seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// When it should have been sent.
    pub due: Instant,
    pub seen: Instant,
}

/// Shared by the threads of producers and consumers.
#[derive(Debug)]
pub struct Sightings {
    partitions: Vec<Mutex<BTreeMap<i64, Half>>>,
    unseen: AtomicUsize,
    unclaimed: AtomicUsize,
    producing: AtomicUsize,
}

#[derive(Clone, Copy, Debug)]
enum Half {
    Sent { due: Instant },
    Seen { at: Instant },
}

impl Sightings {
    /// Of partitions from 0 to `partitions`, to which `producers` connections will send.
    pub fn new(partitions: usize, producers: usize) -> Self {
        Self {
            partitions: (0..partitions).map(|_| Mutex::default()).collect(),
            unseen: AtomicUsize::new(0),
            unclaimed: AtomicUsize::new(0),
            producing: AtomicUsize::new(producers),
        }
    }

    /// The broker acknowledged a batch. None if it has not been seen yet.
    pub fn sent(&self, partition: i32, base_offset: i64, due: Instant) -> Option<Match> {
        let mut batches = self.of(partition)?;
        match batches.remove(&base_offset) {
            Some(Half::Seen { at }) => {
                self.unclaimed.fetch_sub(1, Ordering::Relaxed);
                Some(Match { due, seen: at })
            }
            Some(half @ Half::Sent { .. }) => {
                // An offset given twice is the broker's fault; the first time is kept.
                batches.insert(base_offset, half);
                None
            }
            None => {
                batches.insert(base_offset, Half::Sent { due });
                self.unseen.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }

    /// A consumer has a batch. None if it is not acknowledged yet, or was seen before.
    pub fn seen(&self, partition: i32, base_offset: i64, at: Instant) -> Option<Match> {
        let mut batches = self.of(partition)?;
        match batches.remove(&base_offset) {
            Some(Half::Sent { due }) => {
                self.unseen.fetch_sub(1, Ordering::Relaxed);
                Some(Match { due, seen: at })
            }
            Some(half @ Half::Seen { .. }) => {
                batches.insert(base_offset, half);
                None
            }
            None => {
                batches.insert(base_offset, Half::Seen { at });
                self.unclaimed.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }

    /// A producer has its last answer.
    pub fn producer_ended(&self) {
        self.producing.fetch_sub(1, Ordering::Relaxed);
    }

    /// Acknowledged batches that nobody has seen.
    pub fn unseen(&self) -> usize {
        self.unseen.load(Ordering::Relaxed)
    }

    /// Batches that were seen and not acknowledged, or not yet: where they become many, somebody else
    /// produces to the topic.
    pub fn unclaimed(&self) -> usize {
        self.unclaimed.load(Ordering::Relaxed)
    }

    /// When each of the unseen was due.
    pub fn each_unseen(&self, mut each: impl FnMut(Instant)) {
        for partition in 0..self.partitions.len() {
            let batches = i32::try_from(partition).ok().and_then(|partition| self.of(partition));
            for half in batches.iter().flat_map(|batches| batches.values()) {
                if let Half::Sent { due } = half {
                    each(*due);
                }
            }
        }
    }

    /// Whether there is nothing more to be seen.
    pub fn is_complete(&self) -> bool {
        self.producing.load(Ordering::Relaxed) == 0 && self.unseen() == 0
    }

    fn of(&self, partition: i32) -> Option<MutexGuard<'_, BTreeMap<i64, Half>>> {
        let at = usize::try_from(partition).ok()?;
        // Nothing in between can panic, so what a lock guards is whole.
        Some(self.partitions.get(at)?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
#[path = "sightings_test.rs"]
mod sightings_test;
