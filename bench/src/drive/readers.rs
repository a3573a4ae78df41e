//! The end of a phase that has no length: when all is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::watch;

use crate::clock;

/// Those of a phase that read. What goes on beside them ends with the last one.
#[derive(Debug)]
pub(crate) struct Readers {
    running: AtomicUsize,
    ended: watch::Sender<Option<Instant>>,
}

impl Readers {
    /// None of which has ended. Of 0, nobody ever ends.
    pub fn new(count: usize) -> Self {
        Self { running: AtomicUsize::new(count), ended: watch::Sender::new(None) }
    }

    /// To be called once by each.
    pub fn one_ended(&self) {
        if self.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.ended.send_replace(Some(clock::now()));
        }
    }

    /// Waits for the last one, and says when it ended.
    pub async fn ended(self: Arc<Self>) -> Instant {
        let mut ended = self.ended.subscribe();
        let told = ended.wait_for(Option::is_some).await.ok().and_then(|told| *told);
        // The sender is ours, and what is waited for is an instant.
        told.unwrap_or_else(clock::now)
    }
}

#[cfg(test)]
#[path = "readers_test.rs"]
mod readers_test;
