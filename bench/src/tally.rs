//! What was counted: requests, records, bytes, and how long they took, in all and per interval.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::failures::Failures;

/// Latencies are kept in nanoseconds, to three digits, in steps of a microsecond at the least.
pub const LATENCY_NS_MIN: u64 = 1_000;
/// What takes longer counts as this: an hour.
pub const LATENCY_NS_MAX: u64 = 3_600_000_000_000;

/// Intervals of a run; there are as many points in a plot at most.
const INTERVALS_MAX: u32 = 300;

/// Which requests count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The warm-up is over.
    pub from: Instant,
    pub length: Duration,
    /// Of what ends when it is done: at the beginning. See [`Tally::window`].
    pub interval: Duration,
    /// Whether it was given no end.
    is_open_ended: bool,
}

impl Window {
    pub fn new(from: Instant, length: Duration) -> Self {
        let second = Duration::from_secs(1);
        // Short runs have ten points, middling ones one a second, long ones fewer.
        let shortest = length.as_nanos().div_ceil(INTERVALS_MAX.into());
        let shortest = Duration::from_nanos(u64::try_from(shortest).unwrap_or(u64::MAX));
        let interval = second.min(length / 10).max(shortest);
        let interval = interval.max(Duration::from_millis(1));
        Self { from, length, interval, is_open_ended: false }
    }

    /// For what ends when it is done: all of it counts, and there is a point a second, or fewer if it
    /// takes longer than there are intervals.
    pub fn open_ended(from: Instant) -> Self {
        let (length, interval) = (Duration::from_secs(24 * 3600), Duration::from_secs(1));
        Self { from, length, interval, is_open_ended: true }
    }

    pub fn end(&self) -> Instant {
        self.from + self.length
    }

    fn contains(&self, at: Instant) -> bool {
        self.from <= at && at < self.end()
    }

    fn interval_at(&self, at: Instant) -> usize {
        let since = at.saturating_duration_since(self.from);
        (since.as_nanos() / self.interval.as_nanos()) as usize
    }

    pub fn interval_count(&self) -> usize {
        let count = self.length.as_nanos().div_ceil(self.interval.as_nanos());
        count.min(INTERVALS_MAX.into()) as usize
    }
}

/// How far a request had come that is not waited for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenUp {
    Unanswered,
    Unsent,
}

/// Requests of which all was accepted, and what they and others carried that was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    pub requests: u64,
    pub records: u64,
    /// Keys and values before compression where the load knows them (produce), batches as they
    /// came where it does not (fetch).
    pub bytes: u64,
}

impl Counts {
    pub fn add(&mut self, other: Counts) {
        self.requests += other.requests;
        self.records += other.records;
        self.bytes += other.bytes;
    }
}

/// One point of a plot over time.
#[derive(Clone, Debug)]
pub struct Interval {
    pub counts: Counts,
    /// Nanoseconds, two digits.
    pub latencies: Histogram<u64>,
}

/// One side of a run: what was produced, what was fetched, or what arrived end to end.
#[derive(Clone, Debug)]
pub struct Tally {
    window: Window,
    pub counts: Counts,
    /// Nanoseconds, three digits.
    pub latencies: Histogram<u64>,
    pub intervals: Vec<Interval>,
    /// When the last request that counts was answered.
    pub last: Option<Instant>,
    /// What the broker did not do, in the warm-up, too. Requests that were given up or never sent are in
    /// the latencies, with the time that they had waited so far; those that were refused are not, as an
    /// error is quickly said.
    pub failures: Failures,
    /// Errors that a client would have tried again after; a request may tell several.
    pub retriable_errors: u64,
    /// The first of them, for a reader.
    pub first_error: Option<String>,
}

impl Interval {
    fn new() -> Self {
        let mut latencies = Histogram::new_with_bounds(LATENCY_NS_MIN, 2 * LATENCY_NS_MIN, 2)
            .expect("the bounds are constants");
        latencies.auto(true);
        Self { counts: Counts::default(), latencies }
    }

    fn add(&mut self, other: &Interval) {
        self.counts.add(other.counts);
        add(&mut self.latencies, &other.latencies);
    }
}

impl Tally {
    pub fn new(window: Window) -> Self {
        Self {
            window,
            counts: Counts::default(),
            latencies: Histogram::new_with_bounds(LATENCY_NS_MIN, LATENCY_NS_MAX, 3)
                .expect("the bounds are constants"),
            intervals: (0..window.interval_count()).map(|_| Interval::new()).collect(),
            last: None,
            failures: Failures::default(),
            retriable_errors: 0,
            first_error: None,
        }
    }

    /// With the length that its intervals have come to.
    pub fn window(&self) -> Window {
        self.window
    }

    /// Those of the run, in order: where it had no end of its own, up to the last in which something was
    /// done or due. Where it had one, a stall that lasts until then is a part of it.
    pub fn intervals_of_run(&self) -> &[Interval] {
        let is_used =
            |each: &Interval| each.counts != Counts::default() || !each.latencies.is_empty();
        let count = match self.window.is_open_ended {
            true => self.intervals.iter().rposition(is_used).map_or(0, |last| last + 1),
            false => self.intervals.len(),
        };
        &self.intervals[..count]
    }

    /// Where what was done, or due, at a time within the window counts.
    fn interval_at(&mut self, at: Instant) -> &mut Interval {
        while self.window.interval_at(at) >= self.intervals.len() {
            self.coarsen();
        }
        &mut self.intervals[self.window.interval_at(at)]
    }

    /// Two intervals become one of twice the length, so that as many are free again.
    fn coarsen(&mut self) {
        let count = self.intervals.len();
        let mut finer = std::mem::take(&mut self.intervals).into_iter();
        while let Some(mut first) = finer.next() {
            finer.next().inspect(|second| first.add(second));
            self.intervals.push(first);
        }
        self.intervals.resize_with(count, Interval::new);
        self.window.interval *= 2;
    }

    /// Something was done: counts if that was within the window.
    pub fn count(&mut self, at: Instant, counts: Counts) {
        if self.window.contains(at) {
            self.counts.add(counts);
            self.last = self.last.max(Some(at));
            self.interval_at(at).counts.add(counts);
        }
    }

    /// Something took from `due` until `at`. Counts if it was due within the window, although it
    /// was done after it: what a stall holds up to the end is what is to be seen.
    pub fn time(&mut self, due: Instant, at: Instant) {
        if self.window.contains(due) {
            let nanos = at.saturating_duration_since(due).as_nanos();
            let nanos = u64::try_from(nanos).unwrap_or(u64::MAX).clamp(1, LATENCY_NS_MAX);
            self.latencies.saturating_record(nanos);
            // A saturating record would be cut to what the histogram has grown to so far.
            let latencies = &mut self.interval_at(due).latencies;
            latencies.record(nanos).expect("it grows up to an hour and beyond");
        }
    }

    /// A request that was due and is given up at `at`.
    pub fn give_up(&mut self, due: Instant, at: Instant, given_up: GivenUp) {
        match given_up {
            GivenUp::Unanswered => self.failures.given_up += 1,
            GivenUp::Unsent => self.failures.unsent += 1,
        }
        self.time(due, at);
    }

    /// A request that was answered with an error; of what it carried so much was accepted.
    pub fn refuse(&mut self, at: Instant, accepted: Counts) {
        self.failures.refused += 1;
        self.count(at, Counts { requests: 0, ..accepted });
    }

    pub fn retriable_error(&mut self, text: impl FnOnce() -> String) {
        self.retriable_errors += 1;
        self.first_error.get_or_insert_with(text);
    }

    /// What another connection or thread counted in the same window.
    pub fn add(&mut self, other: &Tally) {
        self.counts.add(other.counts);
        add(&mut self.latencies, &other.latencies);
        while self.window.interval < other.window.interval {
            self.coarsen();
        }
        // Both began with the same length and have doubled it.
        let of_mine = self.window.interval.as_nanos() / other.window.interval.as_nanos();
        for (theirs, at) in other.intervals.iter().zip(0u128..) {
            self.intervals[(at / of_mine) as usize].add(theirs);
        }
        self.last = self.last.max(other.last);
        self.failures.add(other.failures);
        self.retriable_errors += other.retriable_errors;
        if self.first_error.is_none() {
            self.first_error.clone_from(&other.first_error);
        }
    }
}

fn add(to: &mut Histogram<u64>, from: &Histogram<u64>) {
    to.add(from).expect("both have the same bounds, or grow");
}

#[cfg(test)]
#[path = "tally_test.rs"]
mod tally_test;
