//! Each planted bug is found by the very tests that find none.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pelton_storage::planted::{Bug, plant};

use super::{Also, Flush, Run};

/// Runs within which a bug must be found. One of a run in which nothing is lost that was promised
/// is not: power cuts are drawn, and some keep everything.
const RUNS_MAX: u64 = 60;

fn runs_to_find(bug: Option<Bug>, runs_max: u64, flush: Flush) -> Option<u64> {
    (1..=runs_max).find(|run| {
        plant(bug);
        let run_of_seed = Run::new(7_000_000 + run, Also::Nothing, flush, false);
        let found = catch_unwind(AssertUnwindSafe(|| run_of_seed.lives(3))).is_err();
        plant(None);
        found
    })
}

fn must_be_found(bug: Bug, flush: Flush) {
    let runs = runs_to_find(Some(bug), RUNS_MAX, flush);
    println!("{bug:?} is found in run {runs:?}");
    assert!(runs.is_some(), "{bug:?} is not found in {RUNS_MAX} runs");
}

#[test]
fn a_skipped_sync_is_found() {
    must_be_found(Bug::SkipSegmentSync, Flush::Often);
}

#[test]
fn acknowledging_before_the_write_is_found() {
    must_be_found(Bug::AcknowledgeBeforeTheWrite, Flush::Never);
}

#[test]
fn acknowledging_before_the_segment_has_it_is_found() {
    must_be_found(Bug::AcknowledgeBeforeTheSegment, Flush::Often);
}

#[test]
fn a_horizon_too_early_is_found() {
    must_be_found(Bug::HorizonTooEarly, Flush::Often);
}

#[test]
fn trusting_torn_extents_is_found() {
    must_be_found(Bug::TrustExtents, Flush::Often);
}

#[test]
fn reclaiming_the_ring_early_is_found() {
    must_be_found(Bug::ReclaimEarly, Flush::Never);
}

#[test]
fn minting_offsets_twice_is_found() {
    must_be_found(Bug::MintOffsetsTwice, Flush::Never);
}

/// What finds the bugs finds nothing without them.
#[test]
fn nothing_is_found_where_nothing_is_planted() {
    for flush in [Flush::Never, Flush::Often] {
        assert_eq!(runs_to_find(None, 5, flush), None);
    }
}
