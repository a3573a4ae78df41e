//! Producer ids are given out in blocks, so that a shard asks the cluster log once in a while only.

use std::ops::Range;

use pelton_model::ProducerId;

use crate::{ClusterState, Record};

/// Ids of a block. What a shard has left of one when it stops is never given out.
pub const PRODUCER_ID_BLOCK_LENGTH: i64 = 1000;

/// The next block, half-open, and the record that takes it; `None` once all 2^63 ids are gone.
///
/// The block is the caller's only when the record is durable and applied.
pub fn allocate_block(state: &ClusterState) -> Option<(Range<i64>, Record)> {
    let first = state.next_producer_id().get();
    let next = first.checked_add(PRODUCER_ID_BLOCK_LENGTH)?;
    Some((first..next, Record::ProducerIdBlock { next: ProducerId::new(next) }))
}

#[cfg(test)]
#[path = "producer_ids_test.rs"]
mod producer_ids_test;
