//! Waking tasks of one core when something has changed.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Wakes everyone who waits, each time. Whoever waits looks again at what it waits for, so a
/// wake-up too many is harmless and none is lost: a wait begins when it is made, not when polled.
#[derive(Clone, Default)]
pub struct Event(Rc<Inner>);

#[derive(Default)]
struct Inner {
    generation: Cell<u64>,
    wakers: RefCell<Vec<Waker>>,
}

impl Event {
    pub fn notify(&self) {
        self.0.generation.set(self.0.generation.get() + 1);
        for waker in self.0.wakers.take() {
            waker.wake();
        }
    }

    /// Resolves at the first [`Event::notify`] after this call.
    pub fn wait(&self) -> Wait {
        Wait { event: self.0.clone(), generation: self.0.generation.get() }
    }
}

/// See [`Event::wait`].
pub struct Wait {
    event: Rc<Inner>,
    generation: u64,
}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.event.generation.get() != self.generation {
            return Poll::Ready(());
        }
        let mut wakers = self.event.wakers.borrow_mut();
        if !wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            wakers.push(context.waker().clone());
        }
        Poll::Pending
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
