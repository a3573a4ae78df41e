//! Letting old records go: DeleteRecords, and retention by size and by time.

use std::io;

use pelton_model::{Offset, TimestampMs};

use super::{Log, RollRules};
use crate::error::{ReadError, StorageError};
use crate::journal::Entry;
use crate::segment::{Segment, SegmentName};

/// What a topic keeps.
#[derive(Clone, Copy, Debug)]
pub struct RetentionRules {
    /// `retention.ms`; negative: for ever.
    pub retention_ms: i64,
    /// `retention.bytes`; negative: all.
    pub retention_bytes: i64,
    pub roll: RollRules,
}

impl Log {
    /// Moves the start of the log to `offset` (DeleteRecords); returns the journal group that makes
    /// it durable. Below the start nothing happens.
    pub fn delete_records(&self, offset: Offset) -> Result<u64, ReadError> {
        self.check()?;
        let mut positions = self.0.positions.borrow_mut();
        if offset > positions.commit || offset < Offset::ZERO {
            let (start, end) = (positions.start, positions.commit);
            return Err(ReadError::OutOfRange { start, end });
        }
        if offset <= positions.start {
            return Ok(positions.start_sequence);
        }
        let entry = Entry::LogStart { start: offset };
        let sequence = self.0.journal.push(self.0.id, entry, None).map_err(ReadError::Storage)?;
        positions.start_before = positions.durable_start(self.0.journal.durable_sequence());
        positions.start = offset;
        positions.start_sequence = sequence;
        positions.last_sequence = sequence;
        Ok(sequence)
    }

    /// Rolls what is too old, moves the start over what need not be kept, and removes the files of
    /// segments below the start. Returns the bytes freed.
    pub async fn retain(&self, rules: RetentionRules) -> Result<u64, StorageError> {
        self.check()?;
        self.roll_when_done(&rules).await?;
        if let Some(start) = self.start_by_rules(&rules)
            && self.delete_records(start).is_ok()
        {
            tracing::info!(partition = %self.0.id, start = %start, "retention moved the log's start");
        }
        // The gate is open meanwhile: the journal may wait for this log's tail to be carried.
        let start_sequence = self.0.positions.borrow().start_sequence;
        self.0.journal.durable(start_sequence).await?;
        Ok(self.remove_below_start(start_sequence).await)
    }

    /// Ends the last segment, and begins another, when its time is up and nothing waits to be
    /// carried to it: compaction leaves the last one alone, and an idle log rolls by no append.
    pub async fn roll_when_old(&self, roll: RollRules) -> Result<(), StorageError> {
        self.check()?;
        self.roll_when_done(&RetentionRules { retention_ms: -1, retention_bytes: -1, roll }).await
    }

    async fn roll_when_done(&self, rules: &RetentionRules) -> Result<(), StorageError> {
        if !self.last_segment_is_done(rules) {
            return Ok(());
        }
        let _pass = self.0.gate.enter().await;
        // Fenced meanwhile: the file is not written to again (S3).
        self.check()?;
        if !self.last_segment_is_done(rules) {
            return Ok(());
        }
        self.judge("rolling a segment", self.seal_last(rules.roll).await)
    }

    /// Removes the files of segments below the start, which group `start_sequence` made durable.
    /// Waits for its turn: somebody is in the gate of a hot log at any time, and who looks in another
    /// round finds it no better.
    async fn remove_below_start(&self, start_sequence: u64) -> u64 {
        // Nobody in the gate waits for the journal, or for a round of retention.
        let _pass = self.0.gate.enter().await;
        let mut freed = 0;
        while let Some(segment) = self.take_first_below_start(start_sequence) {
            self.remove_files_of(&segment).await;
            freed += segment.log_bytes;
        }
        freed
    }

    /// After a restart: lets go of segments that the state file names and that an earlier life may
    /// have removed already, the last one included. All of them are below the start.
    pub(crate) async fn remove_left_over_segments(&self) {
        while let Some(segment) = self.take_first_left_over() {
            self.remove_files_of(&segment).await;
        }
    }

    async fn remove_files_of(&self, segment: &Segment) {
        self.close_segment(segment.name).await;
        self.remove_files_named(segment.name).await;
    }

    /// Closes a segment's file; reads under way end before.
    pub(crate) async fn close_segment(&self, name: SegmentName) {
        self.0.open.close(self.0.id, name).await;
    }

    pub(crate) async fn remove_files_named(&self, name: SegmentName) {
        for path in [name.log_path(&self.0.dir), name.index_path(&self.0.dir)] {
            match self.0.disk.remove_file(&path).await {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // A file that stays costs space, not data.
                Err(error) => tracing::warn!(partition = %self.0.id, path = %path.display(),
                    %error, "an old segment could not be removed"),
            }
        }
    }

    fn take_first_left_over(&self) -> Option<Segment> {
        let mut positions = self.0.positions.borrow_mut();
        let end = positions.segments.get(1).map_or(positions.carried_end, |next| next.base());
        if positions.segments.is_empty() || end > positions.start {
            return None;
        }
        if positions.segments.len() == 1 {
            positions.open_chunk = None;
            positions.unindexed.clear();
        }
        Some(positions.segments.remove(0))
    }

    /// A segment that everything has been carried to, and that is past its time.
    fn last_segment_is_done(&self, rules: &RetentionRules) -> bool {
        let positions = self.0.positions.borrow();
        let Some(last) = positions.segments.last() else { return false };
        if last.log_bytes == 0 || positions.dropped || positions.carried_end < positions.end {
            return false;
        }
        let age = |since: TimestampMs| rules.roll.now.get().saturating_sub(since.get());
        let rolled = positions.segment_since.is_some_and(|at| age(at) >= rules.roll.segment_ms);
        rolled || is_expired(last, rules)
    }

    fn start_by_rules(&self, rules: &RetentionRules) -> Option<Offset> {
        let positions = self.0.positions.borrow();
        let (_, sealed) = positions.segments.split_last()?;
        let mut bytes: u64 = positions.segments.iter().map(|segment| segment.log_bytes).sum();
        let mut start = None;
        for (at, segment) in sealed.iter().enumerate() {
            let too_many = u64::try_from(rules.retention_bytes)
                .is_ok_and(|max| bytes - segment.log_bytes >= max);
            if !too_many && !is_expired(segment, rules) {
                break;
            }
            bytes -= segment.log_bytes;
            start = positions.segments.get(at + 1).map(|next| next.base());
        }
        start.filter(|start| *start > positions.start)
    }

    fn take_first_below_start(&self, start_sequence: u64) -> Option<Segment> {
        let mut positions = self.0.positions.borrow_mut();
        if positions.start_sequence != start_sequence {
            return None;
        }
        let next = positions.segments.get(1)?.base();
        (next <= positions.start).then(|| positions.segments.remove(0))
    }
}

/// Judged by the newest record's time, as Kafka does. One of the future pins the segment until then,
/// which `message.timestamp.after.max.ms` bounds (KIP-937).
fn is_expired(segment: &Segment, rules: &RetentionRules) -> bool {
    rules.retention_ms >= 0
        && rules.roll.now.get().saturating_sub(segment.newest_time().get()) > rules.retention_ms
}
