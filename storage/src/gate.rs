//! Letting one task of a core in at a time.

use std::cell::Cell;

use crate::event::Event;

#[derive(Default)]
pub(crate) struct Gate {
    taken: Cell<bool>,
    freed: Event,
}

/// Whoever holds it is in; dropped, the next may enter.
pub(crate) struct Pass<'a>(&'a Gate);

impl Gate {
    /// `None` when somebody is in.
    pub fn try_enter(&self) -> Option<Pass<'_>> {
        (!self.taken.replace(true)).then(|| Pass(self))
    }

    pub async fn enter(&self) -> Pass<'_> {
        loop {
            let freed = self.freed.wait();
            match self.try_enter() {
                Some(pass) => return pass,
                None => freed.await,
            }
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.taken.set(false);
        self.0.freed.notify();
    }
}

#[cfg(test)]
#[path = "gate_test.rs"]
mod gate_test;
