use std::time::Duration;

use super::*;

const MS: Duration = Duration::from_millis(1);

#[test]
fn whichever_comes_second_knows_both_times() {
    let begin = crate::clock::now();
    let sightings = Sightings::new(2, 1);
    let (due, seen) = (begin, begin + 3 * MS);

    assert_eq!(sightings.sent(0, 100, due), None);
    assert_eq!(sightings.seen(0, 100, seen), Some(Match { due, seen }));

    assert_eq!(sightings.seen(1, 100, seen), None);
    assert_eq!(sightings.sent(1, 100, due), Some(Match { due, seen }));
}

#[test]
fn batches_that_nobody_claims_are_counted_once_each() {
    let now = crate::clock::now();
    let sightings = Sightings::new(1, 1);
    for offset in [0, 5, 5, 9] {
        sightings.seen(0, offset, now);
    }
    assert_eq!(sightings.unclaimed(), 3);
    sightings.sent(0, 5, now);
    sightings.sent(0, 20, now);
    assert_eq!((sightings.unclaimed(), sightings.unseen()), (2, 1));
}

#[test]
fn it_is_complete_when_producers_ended_and_all_was_seen() {
    let now = crate::clock::now();
    let sightings = Sightings::new(1, 2);
    sightings.sent(0, 0, now);
    sightings.producer_ended();
    sightings.seen(0, 0, now);
    assert!(!sightings.is_complete());
    sightings.sent(0, 5, now);
    sightings.producer_ended();
    assert_eq!(sightings.unseen(), 1);
    assert!(!sightings.is_complete());
    sightings.seen(0, 5, now);
    assert!(sightings.is_complete());
}

#[test]
fn what_nobody_has_seen_is_known_by_when_it_was_due() {
    let now = crate::clock::now();
    let sightings = Sightings::new(2, 1);
    sightings.sent(0, 0, now + MS);
    sightings.sent(0, 1, now + 2 * MS);
    sightings.sent(1, 0, now + 3 * MS);
    sightings.seen(0, 1, now + 9 * MS);
    // Of which no acknowledgement came: nobody knows when it was due.
    sightings.seen(1, 7, now + 9 * MS);
    let mut unseen = Vec::new();
    sightings.each_unseen(|due| unseen.push(due));
    assert_eq!(unseen, [now + MS, now + 3 * MS]);
    assert_eq!(sightings.unseen(), unseen.len());
}

#[test]
fn a_batch_seen_twice_counts_from_the_first_time() {
    let now = crate::clock::now();
    let sightings = Sightings::new(1, 1);
    assert_eq!(sightings.seen(0, 0, now + MS), None);
    assert_eq!(sightings.seen(0, 0, now + 9 * MS), None);
    assert_eq!(sightings.sent(0, 0, now), Some(Match { due: now, seen: now + MS }));
}

#[test]
fn a_partition_that_is_not_there_matches_nothing() {
    let now = crate::clock::now();
    let sightings = Sightings::new(1, 1);
    for partition in [-1, 1] {
        assert_eq!(sightings.sent(partition, 0, now), None);
        assert_eq!(sightings.seen(partition, 0, now), None);
    }
}
