use super::*;

#[test]
fn rates_are_per_second() {
    assert_eq!(
        line(1000, 5_000_000, Duration::from_millis(2500)),
        "1000 records, 5.0 MB in 2.50 s (400 records/s, 2.0 MB/s)"
    );
}

#[test]
fn no_time_at_all_is_no_division_by_zero() {
    assert!(line(0, 0, Duration::ZERO).contains("(0 records/s"));
    assert!(line(1, 5, Duration::ZERO).starts_with("1 record, "));
}
