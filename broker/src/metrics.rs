//! A shard's figures: plain integers, copied when somebody scrapes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

/// Upper bounds of latency buckets: 50 µs × 2ⁿ, up to 13 s; beyond is the last.
pub const LATENCY_BUCKETS: usize = 19;

/// Latencies of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Histogram {
    pub buckets: [u64; LATENCY_BUCKETS + 1],
    pub count: u64,
    pub sum: Duration,
}

impl Histogram {
    pub fn record(&mut self, took: Duration) {
        let steps = took.as_micros().div_ceil(50).max(1);
        let bucket = (u128::BITS - (steps - 1).leading_zeros()) as usize;
        self.buckets[bucket.min(LATENCY_BUCKETS)] += 1;
        self.count += 1;
        self.sum += took;
    }

    pub fn merge(&mut self, other: &Histogram) {
        for (ours, theirs) in self.buckets.iter_mut().zip(other.buckets) {
            *ours += theirs;
        }
        self.count += other.count;
        self.sum += other.sum;
    }

    /// The upper bound of bucket `at`, in seconds.
    pub fn bound(at: usize) -> f64 {
        50e-6 * (1u64 << at) as f64
    }
}

/// Traffic of one topic.
#[derive(Clone, Copy, Debug, Default)]
pub struct TopicTraffic {
    pub bytes_received: u64,
    pub bytes_sent: u64,
    pub records_produced: u64,
}

/// Everything a shard counts.
#[derive(Clone, Debug, Default)]
pub struct ShardFigures {
    pub shard: u16,
    /// By API key and version.
    pub requests: BTreeMap<(i16, i16), u64>,
    /// By API key, error code.
    pub errors: BTreeMap<(i16, i16), u64>,
    /// By API key; fetches that waited for data are apart.
    pub durations: BTreeMap<(i16, bool), Histogram>,
    pub topics: BTreeMap<String, TopicTraffic>,
    pub requests_hopped: u64,
    pub connections_opened: u64,
    pub connections: u64,
    pub frames_bytes: u64,
    pub frames_budget_bytes: u64,
    pub partitions: u64,
    pub uncarried_bytes: u64,
    pub cached_bytes: u64,
    pub journal_groups: u64,
    pub journal_entries: u64,
    pub journal_bytes: u64,
    pub journal_used_ratio: f64,
    pub fenced: bool,
    pub disk_full: bool,
    pub disk_free_bytes: u64,
    pub disk_total_bytes: u64,
    pub read_bytes_cache: u64,
    pub read_bytes_disk: u64,
}

/// The counting half of [`ShardFigures`].
#[derive(Default)]
pub struct Metrics(RefCell<ShardFigures>);

impl Metrics {
    pub fn count(&self, update: impl FnOnce(&mut ShardFigures)) {
        update(&mut self.0.borrow_mut());
    }

    pub fn copy(&self) -> ShardFigures {
        self.0.borrow().clone()
    }
}

#[cfg(test)]
#[path = "metrics_test.rs"]
mod metrics_test;
