//! What a broker did not do of what was asked of it.

use std::fmt;

use serde::Serialize;

/// Percentiles are of what is accepted, and of what is waited for until the end: a run with any of these
/// says less of the broker than its figures seem to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Failures {
    /// Requests that were answered with an error for one or more of their batches or partitions. How
    /// long that took is in no percentile.
    pub refused: u64,
    /// Requests that were sent, and had no answer in the end.
    pub given_up: u64,
    /// Requests that were due, and never sent, those before them being in flight to the end.
    pub unsent: u64,
    /// Batches that were acknowledged, and that no consumer saw.
    pub unseen: u64,
}

impl Failures {
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    pub fn add(&mut self, other: Failures) {
        self.refused += other.refused;
        self.given_up += other.given_up;
        self.unsent += other.unsent;
        self.unseen += other.unseen;
    }
}

/// Those that there are: `requests refused: 3, never sent: 1`. Empty if there are none.
impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            ("requests refused", self.refused),
            ("requests without an answer", self.given_up),
            ("requests never sent", self.unsent),
            ("batches never seen", self.unseen),
        ];
        let mut separator = "";
        for (what, count) in counts.iter().filter(|(_, count)| *count > 0) {
            write!(f, "{separator}{what}: {count}")?;
            separator = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "failures_test.rs"]
mod failures_test;
