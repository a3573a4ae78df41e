use super::*;

#[test]
fn a_latency_falls_into_the_bucket_that_bounds_it() {
    let mut histogram = Histogram::default();
    for (micros, bucket) in
        [(1, 0), (50, 0), (51, 1), (100, 1), (101, 2), (13_107_200, 18), (99_000_000, 19)]
    {
        let before = histogram.buckets[bucket];
        histogram.record(Duration::from_micros(micros));
        assert_eq!(histogram.buckets[bucket], before + 1, "{micros} µs");
    }
}
