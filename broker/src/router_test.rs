use std::pin::pin;

use futures::FutureExt;

use super::*;

#[test]
fn requests_that_find_no_room_are_counted_while_they_wait() {
    let slots = Slots::default();
    let count = || (slots.held_back.get().now, slots.held_back.get().ever);
    let mut taken: Vec<Slot> = (0..MAILBOX_MESSAGES)
        .map(|_| slots.take().now_or_never().expect("there is room"))
        .collect();
    assert_eq!(count(), (0, 0));
    {
        let (mut first, mut given_up) = (pin!(slots.take()), Box::pin(slots.take()));
        assert!(first.as_mut().now_or_never().is_none());
        assert!(given_up.as_mut().now_or_never().is_none());
        assert_eq!(count(), (2, 2));
        drop(given_up);
        assert_eq!(count(), (1, 2));
        taken.pop();
        assert!(first.now_or_never().is_some(), "one has gone");
    }
    assert_eq!(count(), (0, 2));
}
