use super::*;

#[test]
fn a_value_falls_into_the_bucket_that_bounds_it() {
    let mut histogram = Latencies::EMPTY;
    for (micros, bucket) in
        [(0, 0), (1, 0), (50, 0), (51, 1), (100, 1), (101, 2), (13_107_200, 18), (99_000_000, 19)]
    {
        let before = histogram.buckets[bucket];
        histogram.record_time(Duration::from_micros(micros));
        assert_eq!(histogram.buckets[bucket], before + 1, "{micros} µs");
        if let Some(bound) = Latencies::bound(bucket) {
            assert!(micros * 1000 <= bound, "{micros} µs");
        }
    }
    assert_eq!(Latencies::bound(18), Some(13_107_200_000));
    assert_eq!(Latencies::bound(19), None);
}

#[test]
fn the_largest_value_is_counted_beyond_the_last_bound() {
    let mut histogram = Counts::EMPTY;
    histogram.record(u64::MAX);
    histogram.record(u64::MAX);
    assert_eq!((histogram.buckets[BUCKETS], histogram.sum), (2, u64::MAX));
}

#[test]
fn merged_histograms_hold_what_both_held() {
    let (mut one, mut other) = (Sizes::EMPTY, Sizes::EMPTY);
    one.record(256);
    other.record(257);
    other.record(1 << 30);
    one.merge(&other);
    assert_eq!((one.buckets[0], one.buckets[1], one.buckets[BUCKETS]), (1, 1, 1));
    assert_eq!((one.count(), one.sum), (3, 513 + (1 << 30)));
}
