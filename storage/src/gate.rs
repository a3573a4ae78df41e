//! Letting one task of a core in at a time, in the order in which they came.
//!
//! Whoever leaves and comes back, again and again, as the flushes of a hot partition do, enters behind
//! those who wait: a carry of its tail, and the removal of what it need not keep.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

#[derive(Default)]
pub(crate) struct Gate {
    is_taken: Cell<bool>,
    next_key: Cell<u64>,
    /// Those who wait, the first of whom is next.
    waiting: RefCell<BTreeMap<u64, Waker>>,
}

/// Whoever holds it is in; dropped, the next may enter.
pub(crate) struct Pass<'a>(&'a Gate);

impl Gate {
    /// `None` when somebody is in, or about to enter.
    pub fn try_enter(&self) -> Option<Pass<'_>> {
        self.waiting.borrow().is_empty().then(|| self.take()).flatten()
    }

    /// Waits for its turn, which it is given when it is first polled, and loses when it is dropped.
    pub fn enter(&self) -> Entering<'_> {
        Entering { gate: self, key: None }
    }

    fn take(&self) -> Option<Pass<'_>> {
        (!self.is_taken.replace(true)).then(|| Pass(self))
    }

    fn wake_first(&self) {
        let first = self.waiting.borrow().values().next().cloned();
        if let Some(waker) = first {
            waker.wake();
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.is_taken.set(false);
        self.0.wake_first();
    }
}

/// See [`Gate::enter`].
#[must_use]
pub(crate) struct Entering<'a> {
    gate: &'a Gate,
    /// Its place among those who wait, once it does.
    key: Option<u64>,
}

impl<'a> Future for Entering<'a> {
    type Output = Pass<'a>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Pass<'a>> {
        let gate = self.gate;
        let mut waiting = gate.waiting.borrow_mut();
        let is_next = waiting.keys().next().copied() == self.key;
        if is_next && let Some(pass) = gate.take() {
            let waker = self.key.take().and_then(|key| waiting.remove(&key));
            // A task may end with its last waker, and give up a turn of its own.
            drop(waiting);
            drop(waker);
            return Poll::Ready(pass);
        }
        let key = *self.key.get_or_insert_with(|| gate.next_key.replace(gate.next_key.get() + 1));
        if waiting.get(&key).is_none_or(|waker| !waker.will_wake(context.waker())) {
            let replaced = waiting.insert(key, context.waker().clone());
            drop(waiting);
            drop(replaced);
        }
        Poll::Pending
    }
}

impl Drop for Entering<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let waker = self.gate.waiting.borrow_mut().remove(&key);
        drop(waker);
        // It may have been woken, and nobody else was.
        if !self.gate.is_taken.get() {
            self.gate.wake_first();
        }
    }
}

#[cfg(test)]
#[path = "gate_test.rs"]
mod gate_test;
