use super::*;

#[test]
fn the_line_tells_what_happened_since_the_last_one() {
    let at = |half_seconds: u64, produced, fetched| Snapshot {
        elapsed: Duration::from_millis(500 * half_seconds),
        produced,
        fetched,
    };
    let last = at(2, (1_000, 1_000_000), (0, 0));
    let now = at(3, (6_000, 6_000_000), (0, 0));
    assert_eq!(line(&last, &now), "2 s  produced 10.0 MB/s, 10.0 k records/s");
    let now = at(4, (1_000, 1_000_000), (50, 5_000));
    assert_eq!(
        line(&last, &now),
        "2 s  produced 0 B/s, 0 records/s  fetched 5.00 kB/s, 50 records/s"
    );
}
