//! The requests of one connection that have been started and not yet been answered.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::StreamExt;
use futures::future::LocalBoxFuture;
use futures::stream::FuturesOrdered;

use super::CloseReason;
use crate::service::Answer;

/// First in, first out. Its waits register no wakers: `exchange` polls reader and writer again
/// whenever one of them has changed something here.
pub(super) struct Pipeline {
    requests_max: usize,
    bytes_max: usize,
    /// Started, answer not yet taken by the writer. All of them are polled, not the first alone.
    pending: RefCell<FuturesOrdered<InFlight>>,
    /// Started, answer not yet sent.
    requests: Cell<usize>,
    bytes: Cell<usize>,
    /// Set when no further request will come.
    end: RefCell<Option<CloseReason>>,
    changed: Cell<bool>,
}

/// An answer that is ready, and what the request held of the bound.
pub(super) struct Answered {
    pub(super) answer: Answer,
    pub(super) frame_bytes: usize,
}

impl Pipeline {
    pub(super) fn new(requests_max: usize, bytes_max: usize) -> Self {
        Self {
            // With a bound of zero nothing would ever be read.
            requests_max: requests_max.max(1),
            bytes_max: bytes_max.max(1),
            pending: RefCell::default(),
            requests: Cell::new(0),
            bytes: Cell::new(0),
            end: RefCell::new(None),
            changed: Cell::new(false),
        }
    }

    pub(super) fn begin_turn(&self) {
        self.changed.set(false);
    }

    pub(super) fn changed_in_turn(&self) -> bool {
        self.changed.get()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.get() == 0
    }

    /// Waits until another request may be read.
    pub(super) fn room(&self) -> impl Future<Output = ()> + Unpin {
        wait_until(|| self.requests.get() < self.requests_max && self.bytes.get() < self.bytes_max)
    }

    /// Waits until all answers have been sent.
    pub(super) fn drained(&self) -> impl Future<Output = ()> + Unpin {
        wait_until(|| self.is_empty())
    }

    pub(super) fn push(&self, frame_bytes: usize, answer: LocalBoxFuture<'static, Answer>) {
        self.requests.set(self.requests.get() + 1);
        self.bytes.set(self.bytes.get() + frame_bytes);
        self.pending.borrow_mut().push_back(InFlight { frame_bytes, answer });
        self.changed.set(true);
    }

    /// No request comes any more, for this reason.
    pub(super) fn end_requests(&self, reason: CloseReason) {
        *self.end.borrow_mut() = Some(reason);
        self.changed.set(true);
    }

    /// The next answer in order; an error when none will come any more.
    pub(super) fn poll_answer(&self, cx: &mut Context<'_>) -> Poll<Result<Answered, CloseReason>> {
        match self.pending.borrow_mut().poll_next_unpin(cx) {
            Poll::Ready(Some(answered)) => Poll::Ready(Ok(answered)),
            Poll::Ready(None) => match self.end.borrow_mut().take() {
                Some(reason) => Poll::Ready(Err(reason)),
                None => Poll::Pending,
            },
            Poll::Pending => Poll::Pending,
        }
    }

    /// Answers to `requests` requests, of `frame_bytes` in all, have been sent.
    pub(super) fn sent(&self, requests: usize, frame_bytes: usize) {
        self.requests.set(self.requests.get() - requests);
        self.bytes.set(self.bytes.get() - frame_bytes);
        self.changed.set(true);
    }
}

/// See [`Pipeline`]: no waker is needed.
fn wait_until(mut condition: impl FnMut() -> bool + Unpin) -> impl Future<Output = ()> + Unpin {
    poll_fn(move |_| if condition() { Poll::Ready(()) } else { Poll::Pending })
}

struct InFlight {
    frame_bytes: usize,
    answer: LocalBoxFuture<'static, Answer>,
}

impl Future for InFlight {
    type Output = Answered;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answered> {
        let frame_bytes = self.frame_bytes;
        self.answer.as_mut().poll(cx).map(|answer| Answered { answer, frame_bytes })
    }
}
