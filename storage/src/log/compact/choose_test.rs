use pelton_model::{Offset, TimestampMs};

use super::{CompactionRules, SegmentFacts, dirtiness, groups};
use crate::segment::SegmentName;

const RULES: CompactionRules = CompactionRules {
    now: TimestampMs::new(100_000),
    delete_retention_ms: 0,
    min_cleanable_dirty_ratio: 0.5,
    min_compaction_lag_ms: 0,
    max_compaction_lag_ms: i64::MAX,
    segment_bytes: 1000,
    map_bytes_max: 0,
    hash_secret: [0; 16],
};

/// Segments of 100 offsets each: bytes and newest time.
fn segments(all: &[(u64, i64)]) -> Vec<SegmentFacts> {
    let facts = |(at, &(bytes, newest_time)): (usize, &(u64, i64))| SegmentFacts {
        name: SegmentName::carried(Offset::new(at as i64 * 100)),
        end: Offset::new(at as i64 * 100 + 100),
        bytes,
        newest_time: TimestampMs::new(newest_time),
        appended_at: TimestampMs::new(newest_time),
    };
    all.iter().enumerate().map(facts).collect()
}

fn found(
    sealed: &[SegmentFacts],
    cleaned: i64,
    start: i64,
    rules: &CompactionRules,
) -> (u64, u64, i64, i64) {
    let found = dirtiness(sealed, Offset::new(cleaned), Offset::new(start), rules);
    (found.clean_bytes, found.dirty_bytes, found.range.start.get(), found.range.end.get())
}

#[test]
fn what_lies_above_the_cleaned_end_is_dirty() {
    let sealed = segments(&[(10, 1), (20, 1), (40, 1)]);
    assert_eq!(found(&sealed, 0, 0, &RULES), (0, 70, 0, 300));
    assert_eq!(found(&sealed, 100, 0, &RULES), (10, 60, 100, 300));
    assert_eq!(found(&sealed, 150, 0, &RULES), (10, 60, 150, 300), "clean in part");
    assert_eq!(found(&sealed, 300, 0, &RULES), (70, 0, 300, 300));
    assert_eq!(found(&[], 300, 0, &RULES), (0, 0, 300, 300));
    let ratio = dirtiness(&sealed, Offset::new(200), Offset::ZERO, &RULES).ratio();
    assert!((ratio - 40.0 / 70.0).abs() < 1e-9);
    assert_eq!(dirtiness(&[], Offset::ZERO, Offset::ZERO, &RULES).ratio(), 0.0);
}

#[test]
fn what_lies_below_the_start_does_not_count() {
    let sealed = segments(&[(10, 1), (20, 1), (40, 1)]);
    assert_eq!(found(&sealed, 0, 150, &RULES), (0, 60, 150, 300));
    assert_eq!(found(&sealed, 200, 100, &RULES), (20, 40, 200, 300));
}

#[test]
fn the_first_segment_that_is_too_young_ends_what_may_be_compacted() {
    let sealed = segments(&[(10, 500), (20, 99_000), (40, 500)]);
    let lag = |min_compaction_lag_ms| CompactionRules { min_compaction_lag_ms, ..RULES };
    assert_eq!(found(&sealed, 0, 0, &lag(2000)), (0, 10, 0, 100));
    assert_eq!(found(&sealed, 0, 0, &lag(1000)), (0, 70, 0, 300), "exactly old enough");
    assert_eq!(found(&sealed, 200, 0, &lag(2000)), (30, 40, 200, 300), "clean already");
    assert_eq!(found(&sealed, 100, 0, &lag(2000)), (10, 0, 100, 100));
}

#[test]
fn small_neighbours_grow_together() {
    let sealed = segments(&[(400, 1), (600, 1), (1, 1), (2000, 1), (5, 1), (5, 1)]);
    let sizes = |start, end, segment_bytes| -> Vec<usize> {
        let groups = groups(&sealed, Offset::new(start), Offset::new(end), segment_bytes);
        groups.iter().map(Vec::len).collect()
    };
    assert_eq!(sizes(0, 600, 1000), [2, 1, 1, 2]);
    assert_eq!(sizes(0, 201, 1000), [2, 1], "the segment that holds the end belongs to it");
    assert_eq!(sizes(0, 200, 1000), [2]);
    assert_eq!(sizes(100, 600, 1000), [2, 1, 2]);
    assert_eq!(sizes(0, 600, u64::MAX / 2), [6]);
}
