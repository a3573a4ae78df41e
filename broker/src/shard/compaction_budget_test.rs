use std::time::Duration;

use super::{Growth, rest_after};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

#[test]
fn beside_requests_it_works_for_a_tenth_of_the_time() {
    let rest = rest_after(MS, MS / 10);
    assert_eq!(rest, MS * 9);
    assert_eq!(rest_after(MS * 20, MS), rest, "the device's time is no work");
}

#[test]
fn alone_it_does_not_rest() {
    assert_eq!(rest_after(MS, MS / 100), Duration::ZERO);
}

#[test]
fn a_round_that_its_logs_outgrow_does_not_rest_any_more() {
    let growth = Growth { dirty_bytes: 1000, appended_bytes: 70, ..Growth::default() };
    assert!(!growth.is_too_much(SECOND, || 70 + 500));
    assert!(growth.is_too_much(SECOND * 2, || 70 + 501));
    assert!(growth.is_too_much(SECOND * 3, || unreachable!("it is known")));
}

#[test]
fn growth_is_looked_at_once_a_second() {
    let growth = Growth { dirty_bytes: 1000, ..Growth::default() };
    assert!(!growth.is_too_much(SECOND, || 0));
    assert!(!growth.is_too_much(SECOND * 2 - MS, || unreachable!("it is too early")));
    assert!(growth.is_too_much(SECOND * 2, || 501));
}
