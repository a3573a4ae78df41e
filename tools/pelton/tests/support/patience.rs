//! The only clock of these tests: looking again until something holds.

use std::time::{Duration, Instant};

const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// From one look to the next no more than this counts: who was stopped for a minute, or did not get
/// a core, has not looked in vain for a minute.
const LOOK_COUNTS_AT_MOST: Duration = Duration::from_secs(5);

/// Looks until there is something to see.
///
/// # Panics
/// If there is nothing within `patience`, which is time in which somebody looks.
pub fn eventually<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let (mut last, mut waited) = (now(), Duration::ZERO);
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        let now = now();
        waited += (now - last).min(LOOK_COUNTS_AT_MOST);
        last = now;
        assert!(waited < patience, "not within {patience:?}: {what}");
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
