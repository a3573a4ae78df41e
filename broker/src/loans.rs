//! Memory that one shard lends another (R6): the slices of a fetch stay with the shard that made
//! them until the other has sent them, and are freed where they were allocated.
//!
//! Home keeps the slices under a number, the borrower gets clones. When the borrower's last clone is
//! gone the number goes home, many at a time. So the borrower never frees the bytes themselves.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use bytes::Bytes;

use crate::message::{ReadOutcome, Reply};

/// A loan's number, of its home.
pub type LoanId = u64;

/// Returns that no request takes along go home after so long, all at once.
pub const RETURN_DELAY: Duration = Duration::from_millis(1);

/// Home's side: what is lent to one other shard. Bounded by the requests that may be outstanding
/// and by the answers that the other's connections may have in flight.
#[derive(Default)]
pub struct Loans {
    next_id: Cell<LoanId>,
    lent: RefCell<BTreeMap<LoanId, Vec<Bytes>>>,
}

impl Loans {
    /// Keeps what is about to be sent; `None` if there is nothing to lend in the reply.
    pub fn lend(&self, reply: &Reply) -> Option<LoanId> {
        let Reply::Read(outcomes) = reply else { return None };
        let slices: Vec<Bytes> = outcomes
            .iter()
            .filter_map(|outcome| outcome.result.as_ref().ok())
            .flat_map(|read| read.slices.iter().cloned())
            .collect();
        if slices.is_empty() {
            return None;
        }
        let id = self.next_id.get();
        self.next_id.set(id + 1);
        self.lent.borrow_mut().insert(id, slices);
        Some(id)
    }

    /// The other shard has let go of these.
    pub fn settle(&self, ids: &[LoanId]) {
        let mut lent = self.lent.borrow_mut();
        for id in ids {
            lent.remove(id);
        }
    }

    /// Loans that have not come back.
    pub fn count(&self) -> usize {
        self.lent.borrow().len()
    }
}

/// The borrower's side: loans of one home that may go back. It is used by the borrower's thread
/// alone; the lock is there because a slice must be able to travel, and is never waited for.
#[derive(Clone, Default)]
pub struct Returns(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    ids: Vec<LoanId>,
    waker: Option<Waker>,
}

impl Returns {
    /// Makes every slice of a reply a borrowed one.
    pub fn borrow_slices(&self, id: LoanId, reply: &mut Reply) {
        let Reply::Read(outcomes) = reply else { return };
        let loan = Arc::new(Loan { id, returns: self.clone() });
        for ReadOutcome { result } in outcomes {
            let Ok(read) = result else { continue };
            for slice in &mut read.slices {
                let bytes = std::mem::take(slice);
                *slice = Bytes::from_owner(Borrowed { bytes, _loan: loan.clone() });
            }
        }
    }

    /// What may go home now.
    pub fn take(&self) -> Vec<LoanId> {
        std::mem::take(&mut self.waiting().ids)
    }

    /// Resolves when there is something to take.
    pub fn some(&self) -> impl Future<Output = ()> + 'static {
        let returns = self.clone();
        poll_fn(move |context| {
            let mut waiting = returns.waiting();
            if !waiting.ids.is_empty() {
                return Poll::Ready(());
            }
            waiting.waker = Some(context.waker().clone());
            Poll::Pending
        })
    }

    /// What was taken and did not go home.
    pub fn keep(&self, ids: Vec<LoanId>) {
        if ids.is_empty() {
            return;
        }
        let waker = {
            let mut waiting = self.waiting();
            waiting.ids.extend(ids);
            waiting.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn give_back(&self, id: LoanId) {
        self.keep(vec![id]);
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gone with its last slice.
struct Loan {
    id: LoanId,
    returns: Returns,
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.returns.give_back(self.id);
    }
}

/// In this order: the clone is gone before home may free what it was a clone of.
struct Borrowed {
    bytes: Bytes,
    _loan: Arc<Loan>,
}

impl AsRef<[u8]> for Borrowed {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
#[path = "loans_test.rs"]
mod loans_test;
