//! In which order batches leave the cache.

use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use pelton_model::Offset;

use crate::log::LogParts;

/// So few entries are not gone through.
const SWEEP_MIN: usize = 256;

/// What was carried, oldest first: batches of a log up to an offset.
///
/// They may have left memory with their log, or when compaction wrote them anew. Their entries go when
/// entries have doubled, so that a cache that never overflows gathers nothing of logs that are gone.
#[derive(Default)]
pub(super) struct CacheOrder {
    entries: VecDeque<(Weak<LogParts>, Offset)>,
    /// Entries that the last sweep left.
    swept: usize,
}

impl CacheOrder {
    /// Nobody looks at the positions of any log now.
    pub fn push(&mut self, log: &Rc<LogParts>, end: Offset) {
        if self.entries.len() >= SWEEP_MIN.max(self.swept * 2) {
            let is_cached = |(log, end): &(Weak<LogParts>, Offset)| {
                log.upgrade().is_some_and(|log| log.caches_below(*end))
            };
            self.entries.retain(is_cached);
            self.swept = self.entries.len();
        }
        self.entries.push_back((Rc::downgrade(log), end));
    }

    /// The log of the oldest batches, where it is still there, and up to where they go.
    pub fn pop(&mut self) -> Option<(Option<Rc<LogParts>>, Offset)> {
        self.entries.pop_front().map(|(log, end)| (log.upgrade(), end))
    }
}

#[cfg(test)]
#[path = "cache_order_test.rs"]
mod cache_order_test;
