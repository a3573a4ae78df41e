//! From a place to begin at to offsets.

use std::collections::BTreeMap;

use pelton_model::{Offset, PartitionIndex};

use super::options::StartAt;
use crate::cluster::Cluster;
use crate::error::Result;
use crate::offsets::{OffsetAt, ask_leaders};

/// What was found out of each partition, by itself: None if there is no such offset.
pub(super) type Offsets = BTreeMap<PartitionIndex, Result<Option<Offset>>>;

/// The offsets of a topic's partitions; asks their leaders, once, where that is needed.
pub(super) async fn resolve(
    cluster: &Cluster,
    topic: &str,
    partitions: &[PartitionIndex],
    start: StartAt,
) -> Offsets {
    let all = |offset: Result<Option<Offset>>| {
        partitions.iter().map(|&of| (of, offset.clone())).collect::<Offsets>()
    };
    let topic = match cluster.known_topic(topic) {
        Some(known) => Ok(known),
        None => cluster.refresh(topic).await,
    };
    let topic = match topic {
        Ok(topic) => topic,
        Err(error) => return all(Err(error)),
    };
    let at = |at| ask_leaders(cluster, &topic, partitions, at);
    match start {
        StartAt::Offset(offset) => all(Ok(Some(offset))),
        StartAt::Beginning => at(OffsetAt::Earliest).await,
        StartAt::End => at(OffsetAt::Latest).await,
        StartAt::BeforeEnd(count) => {
            let (ends, begins) = (at(OffsetAt::Latest).await, at(OffsetAt::Earliest).await);
            let back = count.max(0).saturating_neg();
            join(ends, begins, |end, begin| Some(end?.plus(back).max(begin?)))
        }
        StartAt::Timestamp(timestamp) => {
            // The end first: what comes meanwhile is not skipped.
            let ends = at(OffsetAt::Latest).await;
            join(ends, at(OffsetAt::Timestamp(timestamp)).await, |end, found| found.or(end))
        }
    }
}

/// Of each partition what its two offsets come to.
fn join(
    first: Offsets,
    mut second: Offsets,
    pick: impl Fn(Option<Offset>, Option<Offset>) -> Option<Offset>,
) -> Offsets {
    let joined = first.into_iter().map(|(of, first)| {
        let second = second.remove(&of).unwrap_or(Ok(None));
        (of, first.and_then(|first| Ok(pick(first, second?))))
    });
    joined.collect()
}
