//! What one thread has counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use hdrhistogram::Histogram;

use crate::sightings::{Match, Sightings};
use crate::tally::{Counts, LATENCY_NS_MAX, LATENCY_NS_MIN, Tally, Window};

/// For those who watch while it runs: all records so far, whatever the window.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub produced: LiveCounts,
    pub fetched: LiveCounts,
}

#[derive(Debug, Default)]
pub(crate) struct LiveCounts {
    records: AtomicU64,
    bytes: AtomicU64,
}

impl LiveCounts {
    fn add(&self, counts: Counts) {
        // Only this thread writes: no read-modify-write is needed, and no other core's cache.
        self.records.store(self.records() + counts.records, Ordering::Relaxed);
        self.bytes.store(self.bytes() + counts.bytes, Ordering::Relaxed);
    }

    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// The tallies of a thread's connections, or of all threads.
#[derive(Debug)]
pub(crate) struct Books {
    pub produce: Tally,
    pub fetch: Tally,
    pub end_to_end: Tally,
    /// New connections beside the load.
    pub newcomers: Tally,
    /// To connect and to be told the broker's versions, nanoseconds.
    pub connect: Histogram<u64>,
    live: Arc<Live>,
}

impl Books {
    pub fn new(window: Window, live: Arc<Live>) -> Self {
        Self {
            produce: Tally::new(window),
            fetch: Tally::new(window),
            end_to_end: Tally::new(window),
            newcomers: Tally::new(window),
            connect: Histogram::new_with_bounds(LATENCY_NS_MIN, LATENCY_NS_MAX, 3)
                .expect("the bounds are constants"),
            live,
        }
    }

    pub fn produced(&mut self, due: Instant, at: Instant, counts: Counts) {
        self.produce.time(due, at);
        self.produce.count(at, counts);
        self.live.produced.add(counts);
    }

    /// A Produce of which not all was accepted.
    pub fn produce_refused(&mut self, at: Instant, accepted: Counts) {
        self.produce.refuse(at, accepted);
        self.live.produced.add(accepted);
    }

    pub fn fetched(&mut self, due: Instant, at: Instant, counts: Counts) {
        self.fetch.time(due, at);
        self.fetch.count(at, counts);
        self.live.fetched.add(counts);
    }

    /// A Fetch that told an error, if only of one partition.
    pub fn fetch_refused(&mut self, at: Instant, others: Counts) {
        self.fetch.refuse(at, others);
        self.live.fetched.add(others);
    }

    /// A batch went all the way.
    pub fn arrived(&mut self, matched: Match) {
        self.end_to_end.time(matched.due, matched.seen);
        self.end_to_end.count(matched.seen, Counts { requests: 1, ..Counts::default() });
    }

    /// Batches that were acknowledged and that nobody has seen until `now`: each has its age.
    pub fn unseen(&mut self, sightings: &Sightings, now: Instant) {
        sightings.each_unseen(|due| self.end_to_end.time(due, now));
    }

    pub fn add(&mut self, other: &Books) {
        self.produce.add(&other.produce);
        self.fetch.add(&other.fetch);
        self.end_to_end.add(&other.end_to_end);
        self.newcomers.add(&other.newcomers);
        self.connect.add(&other.connect).expect("both have the same bounds");
    }
}
