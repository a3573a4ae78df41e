//! Where the figures come from.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long the shards may take to answer before they count as stuck.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

type Ask<Q, A> = dyn Fn(Q, Duration) -> Vec<A> + Send + Sync;

/// Asks the shards, one question at a time: any number of scrapers puts no more than one
/// message on a shard's queue, and stuck shards do not pile up waiting threads.
pub struct Source<A, Q = ()> {
    ask: Arc<Ask<Q, A>>,
    turn: Arc<Mutex<()>>,
}

impl<A: Send + 'static, Q: Send + 'static> Source<A, Q> {
    /// `ask` may block for as long as it is told to; it answers nothing when there is no answer.
    pub fn new(ask: impl Fn(Q, Duration) -> Vec<A> + Send + Sync + 'static) -> Self {
        Source { ask: Arc::new(ask), turn: Arc::default() }
    }

    /// All figures; none if they do not answer within a second, the wait for
    /// another scraper's question included.
    pub async fn ask(&self, question: Q) -> Option<Vec<A>> {
        let (ask, turn) = (self.ask.clone(), self.turn.clone());
        let answer = timeout(ANSWER_TIMEOUT, async {
            let turn = turn.lock_owned().await;
            tokio::task::spawn_blocking(move || {
                let figures = ask(question, ANSWER_TIMEOUT);
                // Held until the question is over, even if the scraper has gone before.
                drop(turn);
                figures
            })
            .await
        });
        match answer.await {
            Ok(Ok(figures)) if !figures.is_empty() => Some(figures),
            _ => None,
        }
    }
}
