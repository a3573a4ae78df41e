use futures::FutureExt;

use super::*;

#[test]
fn all_has_ended_with_the_last_one_for_whoever_waits_and_whoever_comes_later() {
    let readers = Arc::new(Readers::new(2));
    let mut waiting = Box::pin(readers.clone().ended());
    readers.one_ended();
    assert_eq!((&mut waiting).now_or_never(), None);
    let before = clock::now();
    readers.one_ended();
    let at = waiting.now_or_never().expect("both have ended");
    assert!(before <= at && at <= clock::now());
    assert_eq!(readers.ended().now_or_never(), Some(at));
}

#[test]
fn without_readers_nothing_ends() {
    assert_eq!(Arc::new(Readers::new(0)).ended().now_or_never(), None);
}
