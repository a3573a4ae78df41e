//! Each planted bug is found by the very tests that find none.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pelton_storage::planted::{Bug, plant};

use super::damage::damages_of;
use super::{Also, Flush, Run};

/// Runs within which a bug must be found. One of a run in which nothing is lost that was promised
/// is not: power cuts are drawn, and some keep everything.
const RUNS_MAX: u64 = 60;

/// Where a bug is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Laboratory {
    PowerCuts(Flush),
    /// The disk fails once, or for good, before the power is cut.
    Faults(Flush),
    /// The device breaks its word.
    Damage,
}

impl Laboratory {
    const ALL: [Laboratory; 5] = [
        Laboratory::PowerCuts(Flush::Never),
        Laboratory::PowerCuts(Flush::Often),
        Laboratory::Faults(Flush::Never),
        Laboratory::Faults(Flush::Often),
        Laboratory::Damage,
    ];

    fn run(self, seed: u64) {
        let (flush, with_faults) = match self {
            Laboratory::PowerCuts(flush) => (flush, false),
            Laboratory::Faults(flush) => (flush, true),
            Laboratory::Damage => {
                damages_of(seed..seed + 1);
                return;
            }
        };
        Run::new(seed, Also::Nothing, flush, with_faults).lives(3);
    }
}

fn runs_to_find(bug: Option<Bug>, runs_max: u64, laboratory: Laboratory) -> Option<u64> {
    (1..=runs_max).find(|run| {
        plant(bug);
        let found = catch_unwind(AssertUnwindSafe(|| laboratory.run(7_000_000 + run))).is_err();
        plant(None);
        found
    })
}

fn must_be_found(bug: Bug, laboratory: Laboratory) {
    let runs = runs_to_find(Some(bug), RUNS_MAX, laboratory);
    println!("{bug:?} is found by {laboratory:?} in run {runs:?}");
    assert!(runs.is_some(), "{bug:?} is not found in {RUNS_MAX} runs");
}

#[test]
fn a_skipped_sync_is_found() {
    // By carries of a few batches, which are written durably, and by flushes, which are synced.
    for flush in [Flush::Never, Flush::Often] {
        must_be_found(Bug::SkipSegmentSync, Laboratory::PowerCuts(flush));
    }
}

#[test]
fn believing_a_sync_that_is_tried_again_is_found() {
    must_be_found(Bug::RetryAFailedSync, Laboratory::Faults(Flush::Often));
}

#[test]
fn acknowledging_before_the_write_is_found() {
    must_be_found(Bug::AcknowledgeBeforeTheWrite, Laboratory::PowerCuts(Flush::Never));
}

#[test]
fn acknowledging_out_of_order_is_found() {
    must_be_found(Bug::AcknowledgeOutOfOrder, Laboratory::PowerCuts(Flush::Never));
}

#[test]
fn reusing_a_buffer_in_flight_is_found() {
    must_be_found(Bug::ReuseABufferInFlight, Laboratory::PowerCuts(Flush::Never));
}

#[test]
fn acknowledging_before_the_segment_has_it_is_found() {
    must_be_found(Bug::AcknowledgeBeforeTheSegment, Laboratory::PowerCuts(Flush::Often));
}

#[test]
fn a_horizon_too_early_is_found() {
    must_be_found(Bug::HorizonTooEarly, Laboratory::PowerCuts(Flush::Often));
}

#[test]
fn trusting_torn_extents_is_found() {
    must_be_found(Bug::TrustExtents, Laboratory::PowerCuts(Flush::Often));
}

#[test]
fn reclaiming_the_ring_early_is_found() {
    must_be_found(Bug::ReclaimEarly, Laboratory::PowerCuts(Flush::Never));
}

#[test]
fn minting_offsets_twice_is_found() {
    must_be_found(Bug::MintOffsetsTwice, Laboratory::PowerCuts(Flush::Never));
}

#[test]
fn trusting_a_stale_group_is_found() {
    must_be_found(Bug::TrustAStaleGroup, Laboratory::PowerCuts(Flush::Never));
}

#[test]
fn keeping_the_incarnation_is_found() {
    must_be_found(Bug::KeepTheIncarnation, Laboratory::PowerCuts(Flush::Never));
}

#[test]
fn cutting_rot_as_a_tear_is_found() {
    must_be_found(Bug::CutRotAsATear, Laboratory::Damage);
}

/// What finds the bugs finds nothing without them.
#[test]
fn nothing_is_found_where_nothing_is_planted() {
    for laboratory in Laboratory::ALL {
        assert_eq!(runs_to_find(None, 5, laboratory), None, "{laboratory:?}");
    }
}
