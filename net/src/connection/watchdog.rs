//! Closes connections whose client keeps us waiting.

use std::future::pending;
use std::time::Duration;

use super::pipeline::Pipeline;
use super::{CloseReason, Sleep};
use crate::watch::Watch;

/// The idle time is measured in so many rounds, so that one timer per connection suffices, whatever
/// the number of reads: a round in which bytes moved, or the next move was ours, starts it anew.
const ROUNDS: u32 = 4;

/// Ends only if the client was to move, and did not, for `idle` (and up to a quarter more).
pub(super) async fn watch(
    watch: &Watch,
    pipeline: &Pipeline,
    idle: Option<Duration>,
    sleep: &Sleep,
) -> CloseReason {
    let Some(idle) = idle else { return pending().await };
    let mut quiet_rounds = 0;
    while quiet_rounds < ROUNDS {
        let before = watch.progress();
        let was_peers_move = watch.peer_is_to_move(!pipeline.is_empty());
        sleep(idle / ROUNDS).await;
        let is_peers_move = watch.peer_is_to_move(!pipeline.is_empty());
        if was_peers_move && is_peers_move && watch.progress() == before {
            quiet_rounds += 1;
        } else {
            quiet_rounds = 0;
        }
    }
    CloseReason::Idle
}
