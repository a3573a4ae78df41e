//! The simulator is worth what it finds: a disk that lies must not get through.

use pelton_sim::{Options, run_apart};
use pelton_storage::disk::sim::Lie;

/// Seeds within which each lie is to be found. A run in which nothing was lost that was promised
/// finds nothing: power cuts are drawn, and some keep everything. Nor do those count in which a start
/// was refused by a journal that was not written, as it mostly is: they come to no last reading.
const SEEDS: u64 = 40;

/// Whether a seed shows that something was lost that was promised (S2): records, or the topics that a
/// start misses.
fn is_found(lie: Lie) -> bool {
    let is_loss = |what: &String| {
        what.contains("(S2)") || what.contains("the metadata of the cluster is gone")
    };
    (0..SEEDS).any(|seed| {
        let outcome = run_apart(seed, Options { lie: Some(lie), ..Options::default() });
        outcome.violations.iter().any(is_loss)
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
