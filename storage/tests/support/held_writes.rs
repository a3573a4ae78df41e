//! A disk that writes when it is told to.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use futures::future::{FutureExt, LocalBoxFuture};
use pelton_storage::disk::sim::{Operation, Pace, SimDisk, Step};

use crate::support::yield_once;

/// A disk on which writes below a path take until it is told to go on.
#[derive(Default)]
pub struct HeldWrites {
    under: RefCell<Option<PathBuf>>,
    held: RefCell<BTreeSet<PathBuf>>,
}

impl HeldWrites {
    pub fn of(sim: &SimDisk) -> Rc<Self> {
        let held = Rc::<Self>::default();
        sim.set_pace(Rc::new(Handle(held.clone())));
        held
    }

    /// The path may end in the middle of a name.
    pub fn hold(&self, under: impl AsRef<Path>) {
        *self.under.borrow_mut() = Some(under.as_ref().to_path_buf());
    }

    #[allow(dead_code, reason = "not every test goes on")]
    pub fn go_on(&self) {
        *self.under.borrow_mut() = None;
    }

    /// The files of which a write was held.
    #[allow(dead_code, reason = "not every test asks")]
    pub fn files(&self) -> Vec<PathBuf> {
        self.held.borrow().iter().cloned().collect()
    }
}

struct Handle(Rc<HeldWrites>);

impl Pace for Handle {
    fn begin(&self, step: &Step<'_>) -> LocalBoxFuture<'static, ()> {
        let (held, path) = (self.0.clone(), step.path.to_path_buf());
        let is_write = step.operation == Operation::Write;
        async move {
            let is_held = || {
                let under = held.under.borrow();
                let under = under.as_ref().map(|under| under.to_string_lossy());
                let path = path.to_string_lossy();
                is_write && under.is_some_and(|under| path.starts_with(&*under))
            };
            while is_held() {
                held.held.borrow_mut().insert(path.clone());
                yield_once().await;
            }
        }
        .boxed_local()
    }
}
