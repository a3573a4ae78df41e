//! Keeps an open apart from a remove or rename of the same path.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Locks on paths. Two of them exclude one another where one path is, or lies under, the other.
#[derive(Default)]
pub(super) struct PathLocks {
    held: RefCell<Vec<(u64, PathBuf)>>,
    waiting: RefCell<Vec<Waker>>,
    next_id: Cell<u64>,
}

/// Held until dropped.
pub(super) struct PathLock {
    locks: Rc<PathLocks>,
    id: u64,
}

impl PathLocks {
    /// Takes all of `paths` at once, so that two callers cannot wait for each other.
    pub(super) async fn lock(self: &Rc<Self>, paths: &[&Path]) -> PathLock {
        poll_fn(|context| {
            if paths.iter().any(|path| self.is_held(path)) {
                self.waiting.borrow_mut().push(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        let id = self.next_id.get();
        self.next_id.set(id + 1);
        self.held.borrow_mut().extend(paths.iter().map(|path| (id, path.to_path_buf())));
        PathLock { locks: Rc::clone(self), id }
    }

    fn is_held(&self, path: &Path) -> bool {
        self.held.borrow().iter().any(|(_, held)| held.starts_with(path) || path.starts_with(held))
    }
}

impl Drop for PathLock {
    fn drop(&mut self) {
        self.locks.held.borrow_mut().retain(|(id, _)| *id != self.id);
        for waker in self.locks.waiting.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
#[path = "path_locks_test.rs"]
mod path_locks_test;
