//! What a simulated disk shows of itself while it works.

use std::path::Path;

use futures::future::LocalBoxFuture;

use super::Operation;

/// One operation, as it begins.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    pub operation: Operation,
    pub path: &'a Path,
    /// Where in the file; 0 where that has no meaning.
    pub position: u64,
    /// How much is read, allocated, or left by a truncation.
    pub bytes: u64,
    /// What is written.
    pub content: &'a [u8],
}

impl<'a> Step<'a> {
    pub(super) fn new(operation: Operation, path: &'a Path) -> Self {
        Self { operation, path, position: 0, bytes: 0, content: &[] }
    }
}

/// Sees every operation when it begins, and says how long it takes: it has its effect when the
/// future is done.
pub trait Pace {
    fn begin(&self, step: &Step<'_>) -> LocalBoxFuture<'static, ()>;
}
