//! What happened in a run: a hash over all of it, and, where somebody wants to read it, the tail.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::time::Duration;

/// Lines of the tail.
const LINES_MAX: usize = 400;

/// One run's trace; clones are the same.
#[derive(Clone)]
pub struct Trace(Rc<State>);

struct State {
    hasher: RefCell<DefaultHasher>,
    events: Cell<u64>,
    /// `None`: nobody reads it.
    lines: Option<RefCell<VecDeque<String>>>,
}

impl Trace {
    /// With the text of the last events if `readable`, which costs time.
    pub fn new(readable: bool) -> Self {
        Self(Rc::new(State {
            hasher: RefCell::new(DefaultHasher::new()),
            events: Cell::new(0),
            lines: readable.then(RefCell::default),
        }))
    }

    /// Notes an event. Everything that tells it from another one is in `kind` and `numbers`;
    /// `text` is for people.
    pub fn note(
        &self,
        at: Duration,
        kind: &'static str,
        numbers: &[u64],
        text: impl FnOnce() -> String,
    ) {
        self.0.events.set(self.0.events.get() + 1);
        (at, kind, numbers).hash(&mut *self.0.hasher.borrow_mut());
        if let Some(lines) = &self.0.lines {
            let mut lines = lines.borrow_mut();
            if lines.len() == LINES_MAX {
                lines.pop_front();
            }
            lines.push_back(format!("{:>12.6} {kind:<8} {}", at.as_secs_f64(), text()));
        }
    }

    /// Of all events so far.
    pub fn hash(&self) -> u64 {
        self.0.hasher.borrow().finish()
    }

    pub fn events(&self) -> u64 {
        self.0.events.get()
    }

    pub fn tail(&self) -> Vec<String> {
        self.0
            .lines
            .iter()
            .flat_map(|lines| lines.borrow().iter().cloned().collect::<Vec<_>>())
            .collect()
    }
}
