//! When a partition begins a new segment.

use pelton_cluster::config::TopicConfig;
use pelton_model::{PartitionId, TimestampMs};
use pelton_storage::RollRules;

/// What a topic's configs say for one of its partitions.
pub(super) fn rules_of(
    config: &TopicConfig,
    partition: PartitionId,
    now: TimestampMs,
) -> RollRules {
    let segment_ms = match config.cleanup_policy.compact {
        // What is in the last segment cannot be compacted.
        true => config.segment_ms.min(config.max_compaction_lag_ms),
        false => config.segment_ms,
    };
    let jitter_ms = config.segment_jitter_ms.min(segment_ms);
    RollRules {
        segment_bytes: u64::try_from(config.segment_bytes).unwrap_or(1 << 30),
        segment_ms: segment_ms - share_of(jitter_ms, partition),
        now,
    }
}

/// A number from 0 to below `most` (`segment.jitter.ms`), so that partitions which began together do
/// not all roll at once. Always the same for a partition: it is asked for at every look.
fn share_of(most: i64, partition: PartitionId) -> i64 {
    let index = partition.index.get().to_be_bytes();
    // FNV-1a.
    let hash = partition
        .topic
        .as_bytes()
        .iter()
        .chain(&index)
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3_u64)
        });
    match u64::try_from(most) {
        Ok(most @ 1..) => (hash % most) as i64,
        _ => 0,
    }
}

#[cfg(test)]
#[path = "roll_test.rs"]
mod roll_test;
