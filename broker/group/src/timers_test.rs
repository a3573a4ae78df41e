use super::*;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn what_is_due_comes_in_order_of_time() {
    let mut timers = Timers::default();
    timers.set(Timer::Join("a".into()), seconds(3));
    timers.set(Timer::Sync("a".into()), seconds(1));
    timers.set(Timer::Expiry, seconds(9));
    assert_eq!(timers.next(), Some(seconds(1)));
    assert_eq!(timers.take_due(seconds(5)), Some(Timer::Sync("a".into())));
    assert_eq!(timers.take_due(seconds(5)), Some(Timer::Join("a".into())));
    assert_eq!(timers.take_due(seconds(5)), None);
    assert_eq!(timers.next(), Some(seconds(9)));
}

#[test]
fn setting_again_moves_and_cancelling_removes() {
    let mut timers = Timers::default();
    let session = Timer::Session("a".into(), "m".into());
    timers.set(session.clone(), seconds(1));
    timers.set(session.clone(), seconds(7));
    assert_eq!(timers.take_due(seconds(6)), None);
    timers.cancel(&session);
    assert!(!timers.is_set(&session));
    assert_eq!(timers.next(), None);
}
