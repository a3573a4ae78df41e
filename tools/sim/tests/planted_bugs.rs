//! The simulator is worth what it finds: a disk that lies must not get through.

use pelton_sim::{Options, run_apart};
use pelton_storage::disk::sim::Lie;

/// Seeds within which each lie is to be found. A run in which nothing was lost that was promised
/// finds nothing: power cuts are drawn, and some keep everything. Nor do those count in which a start
/// was refused, as it mostly is by a journal that was not written: they come to no last reading.
const SEEDS: u64 = 40;

/// Whether a seed shows that something was lost that was promised (S2).
fn is_found(lie: Lie) -> bool {
    (0..SEEDS).any(|seed| {
        let outcome = run_apart(seed, Options { lie: Some(lie), ..Options::default() });
        outcome.violations.iter().any(|what| what.contains("(S2)"))
    })
}

#[test]
fn a_sync_that_does_nothing_is_found() {
    assert!(is_found(Lie::SyncsDoNothing));
}

#[test]
fn an_acknowledgement_before_stable_storage_is_found() {
    assert!(is_found(Lie::DurableWritesAreNot));
}
