//! The broker configs that rule groups; all of them are read at the start only, as in Kafka.

use std::time::Duration;

/// Under Kafka's names, in their units or as durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupConfig {
    pub group_min_session_timeout_ms: i32,
    pub group_max_session_timeout_ms: i32,
    pub group_initial_rebalance_delay: Duration,
    /// Members of one group.
    pub group_max_size: usize,
    /// Of the metadata beside a committed offset, in UTF-16 units as Java counts.
    pub offset_metadata_max: usize,
    pub offsets_retention_ms: i64,
    pub offsets_retention_check_interval: Duration,
    /// `max.message.bytes` of `__consumer_offsets`, less a batch's overhead: what one record may
    /// take.
    pub record_bytes_max: usize,
}

impl Default for GroupConfig {
    /// Kafka's defaults.
    fn default() -> Self {
        Self {
            group_min_session_timeout_ms: 6_000,
            group_max_session_timeout_ms: 1_800_000,
            group_initial_rebalance_delay: Duration::from_millis(3_000),
            group_max_size: i32::MAX as usize,
            offset_metadata_max: 4_096,
            offsets_retention_ms: 7 * 24 * 3_600_000,
            offsets_retention_check_interval: Duration::from_secs(600),
            record_bytes_max: 1_048_000,
        }
    }
}
