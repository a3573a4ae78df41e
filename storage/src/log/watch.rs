//! Parked readers: woken by appends, never polling (R5).

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use crate::event::{Event, Wait};

/// What a parked read waits on; registered at each log that it reads.
#[derive(Clone, Default)]
pub struct Watch(Rc<Event>);

impl Watch {
    /// Resolves when one of the watched logs has changed after this call.
    pub fn changed(&self) -> Wait {
        self.0.wait()
    }
}

/// A log's registered readers. A reader that went away leaves a dead entry, dropped at the next
/// wake or when entries have doubled, so that an idle log does not gather them.
#[derive(Default)]
pub(super) struct Watchers(RefCell<Vec<Weak<Event>>>);

impl Watchers {
    pub fn add(&self, watch: &Watch) {
        let mut watchers = self.0.borrow_mut();
        if watchers.len() == watchers.capacity() {
            watchers.retain(|watcher| watcher.strong_count() > 0);
        }
        watchers.push(Rc::downgrade(&watch.0));
    }

    /// Wakes all and forgets them: who still wants to know registers again.
    pub fn wake(&self) {
        for watcher in self.0.take() {
            if let Some(event) = watcher.upgrade() {
                event.notify();
            }
        }
    }
}
