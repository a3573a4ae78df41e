//! From a place to begin at to offsets.

use std::collections::BTreeMap;

use pelton_model::{Offset, PartitionIndex};

use super::options::StartAt;
use crate::cluster::Cluster;
use crate::error::Result;
use crate::offsets::{OffsetAt, list_offsets};

/// The offsets of a topic's partitions; asks their leaders where that is needed.
pub(super) async fn resolve(
    cluster: &Cluster,
    topic: &str,
    partitions: &[PartitionIndex],
    start: StartAt,
) -> Result<BTreeMap<PartitionIndex, Offset>> {
    let at = |at| list_offsets(cluster, topic, partitions, at);
    match start {
        StartAt::Offset(offset) => {
            Ok(partitions.iter().map(|&partition| (partition, offset)).collect())
        }
        StartAt::Beginning => at(OffsetAt::Earliest).await,
        StartAt::End => at(OffsetAt::Latest).await,
        StartAt::BeforeEnd(count) => {
            let mut offsets = at(OffsetAt::Latest).await?;
            for (partition, earliest) in at(OffsetAt::Earliest).await? {
                if let Some(offset) = offsets.get_mut(&partition) {
                    *offset = offset.plus(count.max(0).saturating_neg()).max(earliest);
                }
            }
            Ok(offsets)
        }
        StartAt::Timestamp(timestamp) => {
            let mut offsets = at(OffsetAt::Latest).await?;
            offsets.extend(at(OffsetAt::Timestamp(timestamp)).await?);
            Ok(offsets)
        }
    }
}
