//! Histograms of fixed buckets: plain integers, copied and added up when somebody looks.

use std::time::Duration;

/// Buckets with a bound; what is beyond the last bound has a bucket of its own.
pub const BUCKETS: usize = 19;

/// Counts of values up to `FIRST` × 2ⁿ. One layout for all histograms of a kind, so that those of
/// several cores add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Histogram<const FIRST: u64> {
    pub buckets: [u64; BUCKETS + 1],
    pub sum: u64,
}

/// Times in nanoseconds: 50 µs up to 13 s.
pub type Latencies = Histogram<50_000>;

/// Bytes: 256 up to 64 MiB.
pub type Sizes = Histogram<256>;

/// Things that go together: 1 up to 262,144.
pub type Counts = Histogram<1>;

impl<const FIRST: u64> Histogram<FIRST> {
    pub const EMPTY: Self = Self { buckets: [0; BUCKETS + 1], sum: 0 };

    /// The upper bound of bucket `at`; none of the last.
    pub fn bound(at: usize) -> Option<u64> {
        (at < BUCKETS).then(|| FIRST << at)
    }

    pub fn record(&mut self, value: u64) {
        let steps = value.div_ceil(FIRST).max(1);
        let bucket = (u64::BITS - (steps - 1).leading_zeros()) as usize;
        self.buckets[bucket.min(BUCKETS)] += 1;
        self.sum = self.sum.saturating_add(value);
    }

    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    pub fn merge(&mut self, other: &Self) {
        for (ours, theirs) in self.buckets.iter_mut().zip(other.buckets) {
            *ours += theirs;
        }
        self.sum = self.sum.saturating_add(other.sum);
    }
}

impl Latencies {
    pub fn record_time(&mut self, took: Duration) {
        self.record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }
}

impl<const FIRST: u64> Default for Histogram<FIRST> {
    fn default() -> Self {
        Self::EMPTY
    }
}

#[cfg(test)]
#[path = "histogram_test.rs"]
mod histogram_test;
