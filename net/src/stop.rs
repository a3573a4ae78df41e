//! A signal that is given once and seen by any number of tasks of one shard.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Clones share the signal.
#[derive(Clone, Default)]
pub struct StopSignal(Rc<State>);

#[derive(Default)]
struct State {
    given: Cell<bool>,
    next_key: Cell<u64>,
    /// Ordered, so that tasks are woken in the order in which they began to wait.
    waiting: RefCell<BTreeMap<u64, Waker>>,
}

impl StopSignal {
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the signal. Doing so again changes nothing.
    pub fn stop(&self) {
        self.0.given.set(true);
        for waker in self.0.waiting.take().into_values() {
            waker.wake();
        }
    }

    pub fn is_given(&self) -> bool {
        self.0.given.get()
    }

    /// Resolves once the signal has been given.
    pub fn stopped(&self) -> Stopped {
        let key = self.0.next_key.get();
        self.0.next_key.set(key + 1);
        Stopped { signal: self.clone(), key }
    }
}

/// Future of [`StopSignal::stopped`].
pub struct Stopped {
    signal: StopSignal,
    key: u64,
}

impl Future for Stopped {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.signal.is_given() {
            return Poll::Ready(());
        }
        let mut waiting = self.signal.0.waiting.borrow_mut();
        let waker = waiting.entry(self.key).or_insert_with(|| cx.waker().clone());
        waker.clone_from(cx.waker());
        Poll::Pending
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.signal.0.waiting.borrow_mut().remove(&self.key);
    }
}
