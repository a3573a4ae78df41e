use pelton_model::LeaderEpoch;

use super::*;
use crate::journal::Extent;

const CUT: Cut = Cut { end: Offset::new(10), carried: Offset::new(6) };

fn counts(entry: Entry) -> bool {
    let of = CUT.of(entry.clone());
    assert!(of.is_none() || of == Some(entry), "it is as it was");
    of.is_some()
}

#[test]
fn a_record_counts_below_the_end() {
    let append = |base| {
        let (base_offset, batch) = (Offset::new(base), bytes::Bytes::new());
        Entry::Append { base_offset, epoch: LeaderEpoch::new(1), batch }
    };
    assert_eq!([9, 10, 11].map(|base| counts(append(base))), [true, false, false]);
}

#[test]
fn a_segment_counts_as_far_as_it_was_carried() {
    let extent = |end| {
        let (segment, end) = (Offset::ZERO, Offset::new(end));
        let (chunks, producers) = (Vec::new(), Vec::new());
        Entry::Extent(Extent { segment, position: 0, length: 1, end, chunks, producers })
    };
    assert_eq!([5, 6, 7].map(|end| counts(extent(end))), [true, true, false]);
    let roll = |base| Entry::Roll { base: Offset::new(base) };
    assert_eq!([5, 6, 7].map(|base| counts(roll(base))), [true, true, false]);
}

#[test]
fn a_start_of_the_log_counts_up_to_the_end() {
    let start = |start| Entry::LogStart { start: Offset::new(start) };
    assert_eq!([9, 10, 11].map(|at| counts(start(at))), [true, true, false]);
}

/// The epoch may have been told to somebody.
#[test]
fn an_epoch_counts_and_begins_at_the_end_at_the_latest() {
    let place = |start| Entry::Place { epoch: LeaderEpoch::new(3), start: Offset::new(start) };
    assert!(counts(place(9)) && counts(place(10)));
    assert_eq!(CUT.of(place(11)), Some(place(10)));
}

#[test]
fn what_ended_the_log_or_cut_it_before_counts() {
    assert!(counts(Entry::Drop));
    assert!(counts(Entry::Truncate { end: Offset::new(12), carried: Offset::new(11) }));
}

#[test]
fn of_two_cuts_the_lower_one_counts() {
    let other = Cut { end: Offset::new(8), carried: Offset::new(7) };
    for lowest in [CUT.lowest(Some(&other)), other.lowest(Some(&CUT))] {
        assert_eq!((lowest.end.get(), lowest.carried.get()), (8, 6));
    }
    assert_eq!(CUT.lowest(None).end, CUT.end);
}
