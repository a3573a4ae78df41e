//! When to try again.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, Result};
use crate::options::ClientOptions;

/// Exponential pauses between the attempts of one operation, up to a deadline.
#[derive(Debug)]
pub(crate) struct Retry {
    pause: Duration,
    pause_max: Duration,
    deadline: Instant,
}

impl Retry {
    pub(crate) fn new(options: &ClientOptions) -> Self {
        Self {
            pause: options.retry_backoff,
            pause_max: options.retry_backoff_max,
            deadline: Instant::now() + options.retry_timeout,
        }
    }

    /// Returns when the next attempt is due, or the error if there should be none.
    pub(crate) async fn after(&mut self, error: Error) -> Result<()> {
        let next = Instant::now() + self.pause;
        if !error.is_retriable() || next > self.deadline {
            return Err(error);
        }
        tracing::debug!(%error, pause = ?self.pause, "will try again");
        tokio::time::sleep_until(next).await;
        self.pause = (self.pause * 2).min(self.pause_max);
        Ok(())
    }
}

/// The pause before attempt `attempts + 1`.
pub(crate) fn backoff(options: &ClientOptions, attempts: u32) -> Duration {
    let factor = 1_u32 << attempts.saturating_sub(1).min(16);
    options.retry_backoff.saturating_mul(factor).min(options.retry_backoff_max)
}

#[cfg(test)]
#[path = "retry_test.rs"]
mod retry_test;
