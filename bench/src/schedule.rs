//! When requests are to be sent: at a rate, or as fast as they are answered.
//!
//! At a rate the schedule is fixed before the run and does not care how the broker is doing (an
//! *open loop*). A request that leaves late, since those before it were still waiting, keeps the
//! time at which it was due, and its latency counts from there. A generator that waited for the
//! broker and then began to count would leave out exactly the requests that a stall made late
//! ("coordinated omission", Gil Tene).

use std::time::{Duration, Instant};

/// More than any broker answers. What was due and never sent is counted one by one: without a bound that
/// would never end.
pub const REQUESTS_PER_SECOND_MAX: f64 = 1e7;

/// How much, in all connections together.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rate {
    /// Of records as they are before compression, keys and values.
    BytesPerSecond(f64),
    RecordsPerSecond(f64),
}

impl Rate {
    /// Requests a second, if each carries this much.
    pub fn requests_per_second(self, records: u64, bytes: u64) -> f64 {
        match self {
            Rate::BytesPerSecond(rate) => rate / bytes.max(1) as f64,
            Rate::RecordsPerSecond(rate) => rate / records.max(1) as f64,
        }
    }
}

/// When a connection stops sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Nothing is due from here on.
    Time(Instant),
    Requests(u64),
}

/// One connection's share of the load.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    pace: Pace,
    until: Until,
    taken: u64,
}

#[derive(Clone, Copy, Debug)]
enum Pace {
    AsFastAsAnswered,
    Every { first: Instant, period: Duration },
}

impl Schedule {
    /// The next request is due whenever there is room for it.
    pub fn as_fast_as_answered(until: Until) -> Self {
        Self { pace: Pace::AsFastAsAnswered, until, taken: 0 }
    }

    /// The share of connection `index` of `count`, whose requests fall evenly between those of the
    /// others.
    pub fn at_rate(
        requests_per_second: f64,
        index: usize,
        count: usize,
        begin: Instant,
        until: Until,
    ) -> Self {
        let period = Duration::from_secs_f64(count as f64 / requests_per_second.max(1e-6));
        let first = begin + period.mul_f64(index as f64 / count.max(1) as f64);
        Self { pace: Pace::Every { first, period }, until, taken: 0 }
    }

    /// Whether requests have times of their own.
    pub fn is_open_loop(&self) -> bool {
        matches!(self.pace, Pace::Every { .. })
    }

    /// When the next request is, or was, due; none when there is no further one.
    pub fn next_due(&self, now: Instant) -> Option<Instant> {
        let due = match self.pace {
            Pace::AsFastAsAnswered => now,
            Pace::Every { first, period } => first + mul(period, self.taken),
        };
        let is_over = match self.until {
            Until::Time(end) => due >= end,
            Until::Requests(count) => self.taken >= count,
        };
        (!is_over).then_some(due)
    }

    /// Nothing is due from `at` on, if that is sooner.
    pub fn end_at(&mut self, at: Instant) {
        self.until = match self.until {
            Until::Time(end) => Until::Time(end.min(at)),
            Until::Requests(_) => Until::Time(at),
        };
    }

    /// The one that was due is sent.
    pub fn take(&mut self) {
        self.taken += 1;
    }
}

/// `Duration * u32` would end after four billion requests, and a float would drift.
fn mul(period: Duration, count: u64) -> Duration {
    let nanos = period.as_nanos().saturating_mul(u128::from(count));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
#[path = "schedule_test.rs"]
mod schedule_test;
