use super::*;

const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(100), max: Duration::from_millis(1000) };

#[test]
fn pauses_double_up_to_their_maximum() {
    let pauses: Vec<_> =
        [1, 2, 3, 4, 5, 60, u32::MAX].map(|n| BACKOFF.pause(n, 0.5).as_millis()).into();
    assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000, 1000]);
}

#[test]
fn chance_moves_a_pause_by_a_fifth_either_way() {
    assert_eq!(BACKOFF.pause(1, 0.0).as_millis(), 80);
    assert!(BACKOFF.pause(1, 0.999).as_millis() >= 119);
    assert!(BACKOFF.pause(9, 1.0) <= Duration::from_millis(1200));
}

#[test]
fn attempts_pause_after_failures_until_one_works() {
    let (mut attempts, now) = (Attempts::new(BACKOFF), Instant::now());
    assert!(attempts.may_try(now));
    attempts.failed(now, 0.5);
    attempts.failed(now, 0.5);
    let later = now + Duration::from_millis(200);
    assert_eq!(attempts.not_before(), Some(later));
    assert!(!attempts.may_try(now) && attempts.may_try(later));
    attempts.worked();
    assert!(attempts.may_try(now));
    attempts.failed(now, 0.5);
    assert_eq!(attempts.not_before(), Some(now + Duration::from_millis(100)));
}
