use std::future::{pending, ready};
use std::pin::pin;

use futures::FutureExt;
use futures::future::LocalBoxFuture;

use super::*;
use crate::runtime::Inbox;

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

/// A mailbox that is never emptied, of so much room.
struct Mailbox {
    room: usize,
    sent: RefCell<Vec<Message>>,
}

impl Outbox for Mailbox {
    fn send(&self, message: Message) -> LocalBoxFuture<'_, Result<(), PeerGone>> {
        if self.sent.borrow().len() >= self.room {
            return pending().boxed_local();
        }
        self.sent.borrow_mut().push(message);
        ready(Ok(())).boxed_local()
    }
}

/// Whose peer says nothing.
struct Silence;

impl Inbox for Silence {
    fn next(&self) -> LocalBoxFuture<'_, Option<Message>> {
        pending().boxed_local()
    }
}

fn router(room: usize) -> (Rc<Router>, Rc<Mailbox>) {
    let mailbox = Rc::new(Mailbox { room, sent: RefCell::default() });
    let neighbour = Neighbour {
        id: OTHER,
        requests_out: mailbox.clone(),
        replies_out: mailbox.clone(),
        requests_in: Rc::new(Silence),
        replies_in: Rc::new(Silence),
    };
    let router = Router::new(ShardId::new(0));
    router.connect(2, &[neighbour]);
    (router, mailbox)
}

const OTHER: ShardId = ShardId::new(1);

#[test]
fn h3_requests_that_wait_for_minutes_keep_nobody_from_the_mailbox() {
    let (router, mailbox) = router(usize::MAX);
    let parked: Vec<Pending> = (0..2 * MAILBOX_MESSAGES)
        .map(|_| {
            let await_ = Request::Await { positions: Vec::new(), bytes_min: 1 };
            let sent = router.send(OTHER, await_).now_or_never().expect("there is room");
            let mut pending = sent.expect("the shard is there");
            pending.keep_no_slot();
            pending
        })
        .collect();
    let other = router.send(OTHER, Request::Inventory).now_or_never();
    let other = other.expect("it does not wait for them").expect("the shard is there");
    assert_eq!(mailbox.sent.borrow().len(), parked.len() + 1);
    router.complete(0, Reply::Done);
    let first = parked.into_iter().next().expect("a wait");
    assert!(matches!(first.reply().now_or_never(), Some(Reply::Done)));
    drop(other);
}

#[test]
fn a_request_that_is_given_up_on_its_way_leaves_nothing_behind() {
    let (router, mailbox) = router(0);
    let peer = router.peer(OTHER).expect("a peer");
    peer.returns.keep(vec![7, 8]);
    let mut sending = Box::pin(router.send(OTHER, Request::Inventory));
    assert!(sending.as_mut().now_or_never().is_none(), "the mailbox is full");
    assert_eq!(peer.returns.take(), [], "they are on their way");
    drop(sending);
    assert_eq!(peer.returns.take(), [7, 8], "they go home with another");
    assert!(router.open.borrow().is_empty() && router.waiting.borrow().is_empty());
    assert_eq!(peer.slots.free.get(), MAILBOX_MESSAGES);
    assert!(mailbox.sent.borrow().is_empty());
}
