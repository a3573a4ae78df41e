//! How long to wait before the next attempt. Pure: chance is an argument.

use std::time::Duration;

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

#[cfg(test)]
#[path = "backoff_test.rs"]
mod backoff_test;
