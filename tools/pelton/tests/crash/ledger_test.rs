//! The checker finds each kind of broken promise, and nothing where none is broken.

use crate::content::Id;
use crate::ledger::{Ledger, Wrong};

const WRITERS: std::ops::Range<usize> = 0..2;

/// Of one track: three records, two of them acknowledged, one seen.
fn told() -> (Ledger, Vec<Id>) {
    let ledger = Ledger::new(1, 2);
    let ids = vec![ledger.next(0, 0), ledger.next(1, 0), ledger.next(0, 0)];
    ledger.acknowledged(ids[0], 0);
    ledger.acknowledged(ids[2], 2);
    ledger.saw(0, 1, &ids[1].payload());
    (ledger, ids)
}

fn found(ledger: &Ledger) -> Vec<Wrong> {
    ledger.account().wrongs.into_iter().map(|(kind, _)| kind).collect()
}

#[test]
fn nothing_is_wrong_with_a_whole_log() {
    let (ledger, ids) = told();
    assert_eq!(ledger.ends(), [3]);
    for (id, at) in ids.iter().zip(0..) {
        assert_eq!(ledger.saw(0, at, &id.payload()), Some(*id));
    }
    ledger.conclude(0, &ids, &WRITERS);
    assert_eq!(found(&ledger), []);
}

#[test]
fn a_log_that_is_too_short_has_lost_what_was_acknowledged_or_seen() {
    let (ledger, _) = told();
    ledger.ends_at(0, 2);
    assert_eq!(found(&ledger), [Wrong::AcknowledgedAndLost]);
    ledger.ends_at(0, 1);
    assert_eq!(found(&ledger)[1..], [Wrong::SeenAndLost, Wrong::AcknowledgedAndLost]);
}

#[test]
fn another_record_at_an_offset_is_found_whoever_is_told_first() {
    let (ledger, ids) = told();
    ledger.saw(0, 0, &ids[1].payload());
    ledger.acknowledged(ids[2], 1);
    assert_eq!(found(&ledger), [Wrong::OffsetGivenTwice; 2]);
}

#[test]
fn what_was_never_sent_is_a_phantom() {
    let (ledger, ids) = told();
    let never = Id { number: 2, ..ids[0] };
    ledger.saw(0, 3, &never.payload());
    ledger.saw(0, 3, b"no record of ours");
    ledger.saw(0, 3, &Id { track: 1, ..ids[0] }.payload());
    assert_eq!(found(&ledger), [Wrong::Phantom; 3]);
}

#[test]
fn a_record_that_is_there_twice_or_out_of_order_is_found() {
    for order in [[0, 1, 0, 2].as_slice(), &[2, 1, 0]] {
        let (ledger, ids) = told();
        let log: Vec<Id> = order.iter().map(|at| ids[*at]).collect();
        ledger.conclude(0, &log, &WRITERS);
        assert_eq!(found(&ledger), [Wrong::TwiceOrOutOfOrder]);
    }
}

#[test]
fn a_hole_and_a_refusal_are_wrong() {
    let (ledger, ids) = told();
    ledger.jumped(0, 3, 4);
    ledger.refused(ids[0], "no");
    assert_eq!(found(&ledger), [Wrong::Hole, Wrong::Refused]);
}
