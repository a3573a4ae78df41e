//! Letting one task of a core in at a time, in the order in which they came.
//!
//! Whoever leaves and comes back, again and again, as the flushes of a hot partition do, enters behind
//! those who wait: a carry of its tail, and the removal of what it need not keep.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::wakers::Wakers;

#[derive(Default)]
pub(crate) struct Gate {
    is_taken: Cell<bool>,
    /// Those who wait, the first of whom is next.
    waiting: Wakers,
}

/// Whoever holds it is in; dropped, the next may enter.
pub(crate) struct Pass<'a>(&'a Gate);

impl Gate {
    /// `None` when somebody is in, or about to enter.
    pub fn try_enter(&self) -> Option<Pass<'_>> {
        if self.waiting.first_key().is_some() { None } else { self.take() }
    }

    /// Waits for its turn, which it is given when it is first polled, and loses when it is dropped.
    pub fn enter(&self) -> Entering<'_> {
        Entering { gate: self, key: None }
    }

    fn take(&self) -> Option<Pass<'_>> {
        (!self.is_taken.replace(true)).then(|| Pass(self))
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.is_taken.set(false);
        self.0.waiting.wake_first();
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
        if gate.waiting.first_key() == self.key
            && let Some(pass) = gate.take()
        {
            if let Some(key) = self.key.take() {
                gate.waiting.forget(key);
            }
            return Poll::Ready(pass);
        }
        let key = *self.key.get_or_insert_with(|| gate.waiting.new_key());
        gate.waiting.keep(key, context.waker());
        Poll::Pending
    }
}

impl Drop for Entering<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        self.gate.waiting.forget(key);
        // It may have been woken, and nobody else was.
        if !self.gate.is_taken.get() {
            self.gate.waiting.wake_first();
        }
    }
}

#[cfg(test)]
#[path = "gate_test.rs"]
mod gate_test;
