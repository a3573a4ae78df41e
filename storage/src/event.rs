//! Waking tasks of one core when something has changed.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::wakers::Wakers;

/// Wakes everyone who waits, each time. Whoever waits looks again at what it waits for, so a
/// wake-up too many is harmless and none is lost: a wait begins when it is made, not when polled.
/// One that is given up is forgotten: an event that comes late, or never, gathers nobody.
#[derive(Clone, Default)]
pub struct Event(Rc<Inner>);

#[derive(Default)]
struct Inner {
    generation: Cell<u64>,
    wakers: Wakers,
}

impl Event {
    pub fn notify(&self) {
        self.0.generation.set(self.0.generation.get() + 1);
        self.0.wakers.wake_all();
    }

    /// Resolves at the first [`Event::notify`] after this call.
    pub fn wait(&self) -> Wait {
        let key = self.0.wakers.new_key();
        Wait { event: self.0.clone(), generation: self.0.generation.get(), key }
    }
}

/// See [`Event::wait`].
pub struct Wait {
    event: Rc<Inner>,
    generation: u64,
    key: u64,
}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.event.generation.get() != self.generation {
            return Poll::Ready(());
        }
        self.event.wakers.keep(self.key, context.waker());
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.event.wakers.forget(self.key);
    }
}

/// Lets the other tasks of this core run once: for passes that are cut into slices (R8).
pub fn yield_now() -> impl Future<Output = ()> {
    let mut has_yielded = false;
    std::future::poll_fn(move |context| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

#[cfg(test)]
#[path = "event_test.rs"]
mod event_test;
