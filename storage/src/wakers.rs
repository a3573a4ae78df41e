//! The tasks of one core that wait for something.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::task::Waker;

/// One waker for each wait, in the order of their keys, which end with the order in which the waits
/// began. A task may end with its last waker and give up waits of its own, so wakers are dropped with nothing
/// borrowed.
pub(crate) struct Wakers<K = u64> {
    next_key: Cell<u64>,
    wakers: RefCell<BTreeMap<K, Waker>>,
}

impl<K> Default for Wakers<K> {
    fn default() -> Self {
        Self { next_key: Cell::default(), wakers: RefCell::default() }
    }
}

impl<K: Ord + Copy> Wakers<K> {
    /// The key of a new wait, or the end of it, greater than all before.
    pub fn new_key(&self) -> u64 {
        self.next_key.replace(self.next_key.get() + 1)
    }

    pub fn keep(&self, key: K, waker: &Waker) {
        let mut wakers = self.wakers.borrow_mut();
        if wakers.get(&key).is_none_or(|kept| !kept.will_wake(waker)) {
            let replaced = wakers.insert(key, waker.clone());
            drop(wakers);
            drop(replaced);
        }
    }

    pub fn forget(&self, key: K) {
        let waker = self.wakers.borrow_mut().remove(&key);
        drop(waker);
    }

    pub fn first_key(&self) -> Option<K> {
        self.wakers.borrow().keys().next().copied()
    }

    /// The first one stays until it is forgotten.
    pub fn wake_first(&self) {
        let first = self.wakers.borrow().values().next().cloned();
        if let Some(waker) = first {
            waker.wake();
        }
    }

    /// Those whose keys are below `end`, which are forgotten.
    pub fn wake_below(&self, end: K) {
        let mut wakers = self.wakers.borrow_mut();
        let later = wakers.split_off(&end);
        let due = std::mem::replace(&mut *wakers, later);
        drop(wakers);
        due.into_values().for_each(Waker::wake);
    }

    /// All of them, which are forgotten.
    pub fn wake_all(&self) {
        for waker in self.wakers.take().into_values() {
            waker.wake();
        }
    }
}
