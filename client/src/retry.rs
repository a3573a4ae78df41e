//! When to try an operation again.

use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::error::{Error, Result};
use crate::options::ClientOptions;
use crate::random;

/// Exponential pauses between the attempts of one operation, up to a deadline.
#[derive(Debug)]
pub(crate) struct Retry {
    backoff: Backoff,
    attempts: u32,
    deadline: Instant,
}

impl Retry {
    pub(crate) fn new(options: &ClientOptions) -> Self {
        Self::until(options, Instant::now() + options.retry_timeout)
    }

    pub(crate) fn until(options: &ClientOptions, deadline: Instant) -> Self {
        Self { backoff: options.retry_backoff(), attempts: 0, deadline }
    }

    /// Returns when the next attempt is due, or the error if there should be none.
    pub(crate) async fn after(&mut self, error: Error) -> Result<()> {
        self.attempts = self.attempts.saturating_add(1);
        let pause = self.backoff.pause(self.attempts, random::chance());
        let next = Instant::now() + pause;
        if !error.is_retriable() || next > self.deadline {
            return Err(error);
        }
        tracing::debug!(%error, ?pause, "will try again");
        tokio::time::sleep_until(next).await;
        Ok(())
    }
}
