//! The only clock of these tests: looking again until something holds.

use std::time::{Duration, Instant};

const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Looks until there is something to see.
///
/// # Panics
/// If there is nothing within `patience`.
pub fn eventually<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let began = now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(now() - began < patience, "not within {patience:?}: {what}");
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "real processes run by the real clock")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "the bounded wait between two looks")]
fn pause() {
    std::thread::sleep(BETWEEN_LOOKS);
}
