//! Compaction: of every key, the newest record is what stays.
//!
//! Only *sealed* segments are compacted: never the one that is still being carried to, never the
//! tail, so nothing above the commit point. A pass notes the keys of what no pass has seen (up to
//! where its memory ends), then writes groups of neighbouring segments anew, from the log's start
//! on, each into one segment of the next generation beside the old files. [`Store::compact`]
//! swaps each in; README.md of this crate argues why a crash leaves the old or the new.
//!
//! Ascending order matters: when a tombstone goes, every older record of its key has gone before.
//!
//! [`Store::compact`]: crate::Store::compact

mod choose;
mod clean;
mod map;
mod source;
mod swap;
mod sweep;

use std::fmt;

use futures::future::LocalBoxFuture;
use pelton_model::{Offset, TimestampMs};

pub use choose::Dirtiness;
pub(crate) use choose::{SegmentFacts, groups};
pub(crate) use clean::Pass;
pub(crate) use map::map_keys;
pub(crate) use swap::Replacement;
pub(crate) use sweep::Unswept;

use super::{Log, ReadLimits};
use crate::error::{ReadError, StorageError};

/// Records looked at before others get the core: well below 1 ms (R8).
const SLICE_RECORDS: usize = 1000;

/// A batch is decompressed to at most so much; one that is larger stays as it is.
const DECOMPRESSED_BYTES_MAX: usize = 64 << 20;

/// What a topic and the broker say about compaction.
#[derive(Clone, Copy, Debug)]
pub struct CompactionRules {
    pub now: TimestampMs,
    /// `delete.retention.ms`
    pub delete_retention_ms: i64,
    /// `min.cleanable.dirty.ratio`
    pub min_cleanable_dirty_ratio: f64,
    /// `min.compaction.lag.ms`
    pub min_compaction_lag_ms: i64,
    /// `max.compaction.lag.ms`
    pub max_compaction_lag_ms: i64,
    /// `segment.bytes`
    pub segment_bytes: u64,
    /// Memory for the keys of one pass; what does not fit takes another pass.
    pub map_bytes_max: usize,
    /// Keys the hash of this run's keys; drawn by chance, told to nobody.
    pub hash_secret: [u8; 16],
}

/// Who a compaction shares its core and its disk with.
pub trait Pace {
    /// Called after at most a thousand records of one batch, or 64 KiB of a new one, with the bytes that were read and
    /// written since; false ends the compaction. What was swapped in stays.
    fn pace(&self, moved_bytes: usize) -> LocalBoxFuture<'_, bool>;
}

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    pub passes: u32,
    /// By both walks.
    pub read_bytes: u64,
    pub written_bytes: u64,
    pub removed_records: u64,
}

/// Why a compaction ended early. The log is whole in each case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompactionError {
    /// It was told to, the log changed or went away under it, or too many files were open: another
    /// round may do better.
    Interrupted,
    /// There is no room for the new segment beside the old ones now.
    Full,
    /// The log cannot be read, or its new segment not be written: it stays as it is.
    Failed(StorageError),
}

impl fmt::Display for CompactionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompactionError::Interrupted => f.write_str("interrupted"),
            CompactionError::Full => StorageError::Full.fmt(f),
            CompactionError::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CompactionError {}

impl From<StorageError> for CompactionError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Full => CompactionError::Full,
            StorageError::TooManyFiles => CompactionError::Interrupted,
            error => CompactionError::Failed(error),
        }
    }
}

impl Log {
    /// How much of the log could be compacted now.
    pub fn dirtiness(&self, rules: &CompactionRules) -> Dirtiness {
        let positions = self.0.positions.borrow();
        choose::dirtiness(&self.sealed(), positions.cleaned_end, positions.start, rules)
    }

    /// Whether it is time: dirty enough, or a record has waited for `max.compaction.lag.ms`.
    pub async fn is_compaction_due(&self, rules: &CompactionRules) -> Result<bool, ReadError> {
        let dirtiness = self.dirtiness(rules);
        if dirtiness.dirty_bytes == 0 {
            return Ok(false);
        }
        if dirtiness.ratio() > rules.min_cleanable_dirty_ratio {
            return Ok(true);
        }
        if rules.max_compaction_lag_ms == i64::MAX {
            return Ok(false);
        }
        // As Kafka, by the first batch; which is good enough, for time goes on within a log.
        let limits = ReadLimits { bytes_max: 1, at_least_one: true, end: self.commit_offset() };
        let first = self.read(dirtiness.range.start, limits).await?;
        let header =
            first.slices.first().map(|batch| pelton_model::batch::BatchHeader::read(batch));
        let Some(Ok(header)) = header else { return Ok(false) };
        let waits_since = header.max_timestamp.get();
        let overdue = rules.now.get().saturating_sub(rules.max_compaction_lag_ms.max(0));
        Ok(waits_since > 0 && waits_since < overdue)
    }

    /// One past the last offset that compaction has been over.
    pub fn cleaned_end(&self) -> Offset {
        self.0.positions.borrow().cleaned_end
    }

    /// The segments that compaction may take, in order.
    pub(crate) fn sealed(&self) -> Vec<SegmentFacts> {
        let positions = self.0.positions.borrow();
        let ends = positions.segments.iter().skip(1).map(|next| next.base());
        positions
            .segments
            .iter()
            .zip(ends)
            // A direct flush may have rolled before what it wrote is committed.
            .take_while(|(_, end)| *end <= positions.commit)
            .map(|(segment, end)| SegmentFacts {
                name: segment.name,
                end,
                bytes: segment.log_bytes,
                newest_time: segment.newest_time(),
                appended_at: segment.appended_at,
            })
            .collect()
    }
}
