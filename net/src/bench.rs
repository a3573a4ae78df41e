//! The bench on which connections are tested: tasks on one thread, a clock that is moved by hand.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::LocalBoxFuture;
use futures::stream::FuturesUnordered;
use futures::task::{ArcWake, waker};

use crate::Link;

/// Runs tasks until none of them can go on.
#[derive(Default)]
pub(crate) struct Bench {
    tasks: FuturesUnordered<LocalBoxFuture<'static, ()>>,
    pub(crate) clock: Clock,
}

/// The outcome of a task; empty until it is done.
pub(crate) type Outcome<T> = Rc<RefCell<Option<T>>>;

impl Bench {
    pub(crate) fn spawn<T: 'static>(&self, task: impl Future<Output = T> + 'static) -> Outcome<T> {
        let outcome = Outcome::default();
        let slot = outcome.clone();
        self.tasks.push(Box::pin(async move {
            let value = task.await;
            *slot.borrow_mut() = Some(value);
        }));
        outcome
    }

    pub(crate) fn run(&mut self) {
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let waker = waker(flag.clone());
        let mut cx = Context::from_waker(&waker);
        while flag.0.swap(false, Ordering::Relaxed) {
            while let Poll::Ready(Some(())) = self.tasks.poll_next_unpin(&mut cx) {}
        }
    }

    /// Lets time pass in one step.
    pub(crate) fn advance(&mut self, duration: Duration) {
        self.clock.advance(duration);
        self.run();
    }

    /// Sends bytes, all of which have to fit.
    pub(crate) fn send(&mut self, link: &Link, bytes: impl Into<Bytes>) {
        let (link, bytes) = (link.clone(), bytes.into());
        let sent = self.spawn(async move { link.write_all(vec![bytes]).await });
        self.run();
        assert!(matches!(sent.take(), Some(Ok(()))), "the bytes were not taken");
    }

    /// All bytes that can be read now, and whether they are the last.
    pub(crate) fn received(&mut self, link: &Link) -> (Vec<u8>, bool) {
        let mut bytes = Vec::new();
        loop {
            let link = link.clone();
            let read = self.spawn(async move {
                let mut buf = [0; 1000];
                match poll_fn(|cx| Poll::Ready(link.poll_read(cx, &mut buf))).await {
                    Poll::Ready(count) => buf.get(..count.unwrap_or(0)).map(Vec::from),
                    Poll::Pending => None,
                }
            });
            self.run();
            match read.take().flatten() {
                Some(part) if part.is_empty() => return (bytes, true),
                Some(part) => bytes.extend(part),
                None => return (bytes, false),
            }
        }
    }
}

struct Flag(AtomicBool);

impl ArcWake for Flag {
    fn wake_by_ref(this: &Arc<Self>) {
        this.0.store(true, Ordering::Relaxed);
    }
}

#[derive(Clone, Default)]
pub(crate) struct Clock(Rc<ClockState>);

#[derive(Default)]
struct ClockState {
    now: Cell<Duration>,
    sleepers: RefCell<Vec<(Duration, Waker)>>,
}

impl Clock {
    pub(crate) fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        let clock = self.clone();
        let deadline = clock.0.now.get() + duration;
        Box::pin(poll_fn(move |cx| {
            if clock.0.now.get() >= deadline {
                return Poll::Ready(());
            }
            clock.0.sleepers.borrow_mut().push((deadline, cx.waker().clone()));
            Poll::Pending
        }))
    }

    fn advance(&self, duration: Duration) {
        self.0.now.set(self.0.now.get() + duration);
        for (_, waker) in self.0.sleepers.take() {
            waker.wake();
        }
    }
}

/// A frame as it goes over the wire.
pub(crate) fn framed(body: &[u8]) -> Vec<u8> {
    let mut bytes = i32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes
}
