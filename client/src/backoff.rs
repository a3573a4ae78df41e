//! How long to wait before the next attempt. Pure: chance is an argument.

use std::time::Duration;

use tokio::time::Instant;

/// How far a pause may be off its nominal length, either way (KIP-580).
const JITTER: f64 = 0.2;

/// Doubling is over after this many steps, before it overflows.
const DOUBLINGS_MAX: u32 = 16;

/// Pauses that double up to a maximum, jittered so that many clients do not come back as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) max: Duration,
}

impl Backoff {
    /// The pause after `attempts` failures in a row, from 1 on. `chance` is in `0.0..1.0`.
    pub(crate) fn pause(self, attempts: u32, chance: f64) -> Duration {
        let factor = 1_u32 << attempts.saturating_sub(1).min(DOUBLINGS_MAX);
        let nominal = self.first.saturating_mul(factor).min(self.max);
        nominal.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance.clamp(0.0, 1.0))
    }
}

/// Attempts at one thing, with pauses between those that fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempts {
    backoff: Backoff,
    /// In a row.
    failures: u32,
    not_before: Option<Instant>,
}

impl Attempts {
    pub(crate) fn new(backoff: Backoff) -> Self {
        Self { backoff, failures: 0, not_before: None }
    }

    pub(crate) fn worked(&mut self) {
        (self.failures, self.not_before) = (0, None);
    }

    /// `chance` as for [`Backoff::pause`].
    pub(crate) fn failed(&mut self, now: Instant, chance: f64) {
        self.not_before = Some(now + self.failed_beside(chance));
    }

    /// As [`Attempts::failed`], for one that puts off nothing but itself: its pause is given back.
    pub(crate) fn failed_beside(&mut self, chance: f64) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.backoff.pause(self.failures, chance)
    }

    pub(crate) fn wait_until(&mut self, at: Instant) {
        self.not_before = Some(at);
    }

    /// Until when the last failure puts off the next attempt; that may have passed.
    pub(crate) fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    pub(crate) fn may_try(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|at| at <= now)
    }
}

#[cfg(test)]
#[path = "backoff_test.rs"]
mod backoff_test;
