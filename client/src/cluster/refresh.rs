//! The task that keeps a cluster's metadata fresh: one request for all that is out of date.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Cluster, Shared};
use crate::random;

/// How often it is looked whether something has become old; far below any sensible maximum age.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Ends with the last [`Cluster`].
pub(super) async fn keep_fresh(cluster: Weak<Shared>, news: Arc<Notify>) {
    let mut failures = 0_u32;
    // Answers in a row to which whoever asked can only ask again: of topics that are not there, or
    // have no leader.
    let mut fruitless = 0_u32;
    loop {
        if failures == 0 {
            // Whichever comes first: somebody found something out of date, or it is time to look.
            let _ = tokio::time::timeout(LOOK_EVERY, news.notified()).await;
        }
        let Some(cluster) = cluster.upgrade().map(Cluster) else { return };
        let age_max = cluster.options().metadata_max_age;
        let due = cluster.known().due(Instant::now(), age_max);
        if due.is_empty() {
            // Somebody else may have got what the last attempt did not: nothing to pause for.
            (failures, fruitless) = (0, 0);
            continue;
        }
        let names: Vec<&str> = due.iter().map(|name| &**name).collect();
        match cluster.metadata(Some(&names)).await {
            Ok(_) => {
                let is_fruitful = names.iter().all(|name| cluster.known().is_led(name));
                failures = 0;
                fruitless = if is_fruitful { 0 } else { fruitless.saturating_add(1) };
            }
            Err(error) => {
                tracing::debug!(%error, "no fresh metadata");
                failures = failures.saturating_add(1);
            }
        }
        // Also after success: whoever still finds the topic out of date must not make this a storm.
        let attempts = failures.max(fruitless).max(1);
        let pause = cluster.options().retry_backoff().pause(attempts, random::chance());
        drop(cluster);
        tokio::time::sleep(pause).await;
    }
}
