use std::future::poll_fn;

use super::*;

#[tokio::test]
async fn an_alarm_rings_not_before_its_time_and_again_for_the_next() {
    let mut alarm = Alarm::new().unwrap();
    let begin = now();
    for after in [2, 5, 6] {
        let due = begin + Duration::from_millis(after);
        poll_fn(|cx| {
            let seen = now();
            alarm.poll(due, seen, cx)
        })
        .await
        .unwrap();
        // The ring is the timer's; a task may be woken for another reason and look again.
        assert!(now() + Duration::from_micros(100) >= due);
    }
}

#[tokio::test]
async fn a_time_that_has_come_needs_no_waiting() {
    let mut alarm = Alarm::new().unwrap();
    let seen = now();
    poll_fn(|cx| alarm.poll(seen, seen, cx)).await.unwrap();
}
