//! The bytes that the requests of one shard may hold at a time (R3).
//!
//! A frame's memory is charged before it is read into, and the charge lives for as long as its
//! bytes do. Who does not get his bytes waits in line, and while he waits nothing is read from his
//! socket, so that the pressure reaches the client through TCP. What a frame announces and has not
//! sent is charged in steps, as memory for it is taken: an announcement alone keeps nobody out.
//!
//! There are three kinds of bytes in use:
//! - *charged*: granted to a frame or an answer; they come back when the work is done;
//! - *read ahead*: raw bytes that a connection took from its socket before it knew what they
//!   belong to. They may be the beginning of a frame whose rest still waits for its charge;
//! - *begun*: memory of frames that have not come whole.
//!
//! If no byte in use is charged, nobody is working, so nothing would ever come back: then the head
//! of the line is served whatever it asks. That is the only way past the capacity, at most one
//! frame at a time ([`Begun::extend`] sees to it), and it is also what serves a frame larger than
//! the whole budget.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Of the capacity, what may be read ahead: 1/4, so that most of it does work.
const READ_AHEAD_SHARE: usize = 4;

/// One per shard; clones share it.
#[derive(Clone)]
pub struct Budget(Rc<State>);

struct State {
    capacity_bytes: usize,
    /// Charged, read ahead, and begun.
    in_use: Cell<usize>,
    read_ahead: Cell<usize>,
    begun: Cell<usize>,
    line: RefCell<VecDeque<Rc<Waiter>>>,
    /// Who ever stood in line.
    waits: Cell<u64>,
}

struct Waiter {
    bytes: usize,
    granted: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Budget {
    pub fn new(capacity_bytes: usize) -> Self {
        Self(Rc::new(State {
            capacity_bytes,
            in_use: Cell::new(0),
            read_ahead: Cell::new(0),
            begun: Cell::new(0),
            line: RefCell::new(VecDeque::new()),
            waits: Cell::new(0),
        }))
    }

    /// Waits for `bytes`, first come, first served. More than the whole capacity is given when
    /// nothing else is in use. Dropping the future gives up the place in line.
    pub fn acquire(&self, bytes: usize) -> Acquire {
        Acquire { budget: self.clone(), bytes, waiter: None }
    }

    /// `bytes` if they are free and nobody waits.
    pub fn try_acquire(&self, bytes: usize) -> Option<Charge> {
        if !self.0.line.borrow().is_empty() || !self.fits(bytes) {
            return None;
        }
        Some(self.charge(bytes))
    }

    pub fn capacity_bytes(&self) -> usize {
        self.0.capacity_bytes
    }

    /// Bytes in use, read ahead included.
    pub fn in_use_bytes(&self) -> usize {
        self.0.in_use.get()
    }

    /// Requests that wait in line.
    pub fn waiting_count(&self) -> usize {
        self.0.line.borrow().len()
    }

    /// Requests that had to wait in line, since the start.
    pub fn waits(&self) -> u64 {
        self.0.waits.get()
    }

    /// Bytes that may be taken from a socket without knowing what they belong to.
    pub(crate) fn read_ahead_room(&self) -> usize {
        let state = &*self.0;
        if !state.line.borrow().is_empty() {
            return 0;
        }
        let share =
            (state.capacity_bytes / READ_AHEAD_SHARE).saturating_sub(state.read_ahead.get());
        share.min(state.capacity_bytes.saturating_sub(state.in_use.get()))
    }

    /// A connection's account of what it has read ahead.
    pub(crate) fn read_ahead(&self) -> ReadAhead {
        ReadAhead { budget: self.clone(), bytes: 0 }
    }

    /// The account of a frame of which not all bytes have come.
    pub(crate) fn begin(&self) -> Begun {
        Begun { budget: self.clone(), bytes: 0, beyond: None }
    }

    fn fits(&self, bytes: usize) -> bool {
        let state = &*self.0;
        let in_use = state.in_use.get();
        let idle = state.read_ahead.get() + state.begun.get();
        in_use.saturating_add(bytes) <= state.capacity_bytes || in_use == idle
    }

    fn charge(&self, bytes: usize) -> Charge {
        self.0.in_use.set(self.0.in_use.get() + bytes);
        Charge { budget: self.clone(), bytes }
    }

    fn release(&self, bytes: usize) {
        if bytes > 0 {
            self.0.in_use.set(self.0.in_use.get() - bytes);
            self.serve_line();
        }
    }

    fn serve_line(&self) {
        loop {
            let waiter = {
                let mut line = self.0.line.borrow_mut();
                match line.front() {
                    Some(head) if self.fits(head.bytes) => line.pop_front(),
                    _ => None,
                }
            };
            let Some(waiter) = waiter else { return };
            self.0.in_use.set(self.0.in_use.get() + waiter.bytes);
            waiter.granted.set(true);
            if let Some(waker) = waiter.waker.take() {
                waker.wake();
            }
        }
    }
}

/// Future of [`Budget::acquire`].
pub struct Acquire {
    budget: Budget,
    bytes: usize,
    waiter: Option<Rc<Waiter>>,
}

impl Future for Acquire {
    type Output = Charge;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Charge> {
        let Some(waiter) = &self.waiter else {
            if let Some(charge) = self.budget.try_acquire(self.bytes) {
                return Poll::Ready(charge);
            }
            let waiter = Rc::new(Waiter {
                bytes: self.bytes,
                granted: Cell::new(false),
                waker: RefCell::new(Some(cx.waker().clone())),
            });
            self.budget.0.line.borrow_mut().push_back(waiter.clone());
            self.budget.0.waits.set(self.budget.0.waits.get() + 1);
            self.waiter = Some(waiter);
            return Poll::Pending;
        };
        if waiter.granted.get() {
            // The bytes were taken when they were granted; from here on the charge holds them.
            self.waiter = None;
            return Poll::Ready(Charge { budget: self.budget.clone(), bytes: self.bytes });
        }
        *waiter.waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        let Some(waiter) = self.waiter.take() else { return };
        if waiter.granted.get() {
            self.budget.release(self.bytes);
            return;
        }
        self.budget.0.line.borrow_mut().retain(|other| !Rc::ptr_eq(other, &waiter));
        // Whoever stood behind may be smaller.
        self.budget.serve_line();
    }
}

/// Bytes of the budget, given back on drop. Stays on its shard.
#[must_use = "dropping it gives the bytes back"]
pub struct Charge {
    budget: Budget,
    bytes: usize,
}

impl Charge {
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes at most `bytes` off into a charge of its own.
    pub fn split(&mut self, bytes: usize) -> Charge {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Charge { budget: self.budget.clone(), bytes }
    }

    /// Takes over the bytes of `other`, a charge of the same budget.
    pub fn absorb(&mut self, mut other: Charge) {
        debug_assert!(Rc::ptr_eq(&self.budget.0, &other.budget.0), "budgets of two shards");
        self.bytes += std::mem::take(&mut other.bytes);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.release(self.bytes);
    }
}

impl std::fmt::Debug for Charge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Charge").field(&self.bytes).finish()
    }
}

/// What one connection has read ahead. Its bytes count as in use from the moment they are read.
pub(crate) struct ReadAhead {
    budget: Budget,
    bytes: usize,
}

impl ReadAhead {
    /// `bytes` were read. The caller asked [`Budget::read_ahead_room`] in the same poll, or reads
    /// no more than the length of a frame.
    pub(crate) fn add(&mut self, bytes: usize) {
        let state = &*self.budget.0;
        state.in_use.set(state.in_use.get() + bytes);
        state.read_ahead.set(state.read_ahead.get() + bytes);
        self.bytes += bytes;
    }

    /// `bytes` of it turned out to be a frame, which carries its own charge from now on.
    pub(crate) fn settle(&mut self, bytes: usize) -> Charge {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        let state = &*self.budget.0;
        state.read_ahead.set(state.read_ahead.get() - bytes);
        Charge { budget: self.budget.clone(), bytes }
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        drop(self.settle(self.bytes));
    }
}

/// What one frame has been granted while it comes in. A frame that stops half-way keeps what it has
/// really sent, and does not pass for work that will give it back.
pub(crate) struct Begun {
    budget: Budget,
    bytes: usize,
    /// Set when it was served past the capacity: then it passes for work, so that no second one is.
    beyond: Option<Charge>,
}

impl Begun {
    /// Waits for `bytes` more.
    pub(crate) async fn extend(&mut self, bytes: usize) {
        if let Some(beyond) = &mut self.beyond {
            // To wait would be to wait for oneself.
            beyond.absorb(self.budget.charge(bytes));
            return;
        }
        let charge = self.budget.acquire(bytes).await;
        if self.budget.0.in_use.get() > self.budget.0.capacity_bytes {
            self.beyond = Some(charge);
        } else {
            self.adopt(charge);
        }
    }

    /// Takes over a charge of the same budget, for bytes that have come already.
    pub(crate) fn adopt(&mut self, mut charge: Charge) {
        let bytes = std::mem::take(&mut charge.bytes);
        self.bytes += bytes;
        self.budget.0.begun.set(self.budget.0.begun.get() + bytes);
    }

    /// The frame is whole: from here on this is work like any other.
    pub(crate) fn complete(mut self) -> Charge {
        let mut charge = self.leave();
        if let Some(beyond) = self.beyond.take() {
            charge.absorb(beyond);
        }
        charge
    }

    fn leave(&mut self) -> Charge {
        let bytes = std::mem::take(&mut self.bytes);
        self.budget.0.begun.set(self.budget.0.begun.get() - bytes);
        Charge { budget: self.budget.clone(), bytes }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        drop(self.leave());
    }
}

#[cfg(test)]
#[path = "budget_test.rs"]
mod budget_test;
