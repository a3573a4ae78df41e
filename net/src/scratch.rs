//! The one buffer into which all idle connections of a shard poll.

use std::cell::RefCell;
use std::rc::Rc;

/// Large enough for what a socket holds when it wakes up, small enough for the second-level cache.
const SCRATCH_BYTES: usize = 64 << 10;

/// One per shard. Never borrowed across an await: whoever reads into it takes what it needs out
/// of it before the poll returns. So ten thousand idle connections need no buffer at all (R3).
#[derive(Clone)]
pub struct Scratch(Rc<RefCell<Box<[u8]>>>);

impl Scratch {
    pub fn new() -> Self {
        Self(Rc::new(RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice())))
    }

    /// Lends the buffer for the length of one call. Its contents are whatever was read last.
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut [u8]) -> R) -> R {
        act(&mut self.0.borrow_mut())
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}
