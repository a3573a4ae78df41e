//! Commits go one after the other, in the order in which they were asked for, so that an older one
//! never comes after a newer one.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use tokio::sync::{Mutex, OwnedMutexGuard};

#[derive(Default)]
pub(super) struct CommitOrder(Arc<Mutex<()>>);

/// A commit's place in the order. Whoever is dropped before its turn holds nobody up.
pub(super) enum Place {
    First(Turn),
    Behind(BoxFuture<'static, Turn>),
}

/// Lasts until it is dropped.
pub(super) type Turn = OwnedMutexGuard<()>;

impl CommitOrder {
    /// The next place; it is taken when this returns, not when the turn is waited for. A task that is
    /// spawned begins when the runtime likes, and the one spawned last often begins first.
    pub(super) fn line_up(&self) -> Place {
        // In line is who was polled. Unconstrained: also by a task that has used up its budget.
        let mut turn = tokio::task::unconstrained(self.0.clone().lock_owned()).boxed();
        match (&mut turn).now_or_never() {
            Some(turn) => Place::First(turn),
            None => Place::Behind(turn),
        }
    }

    /// Places that are taken, also that of whose turn it is.
    pub(super) fn len(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

impl Place {
    pub(super) async fn turn(self) -> Turn {
        match self {
            Self::First(turn) => turn,
            Self::Behind(turn) => turn.await,
        }
    }
}

#[cfg(test)]
#[path = "commit_order_test.rs"]
mod commit_order_test;
