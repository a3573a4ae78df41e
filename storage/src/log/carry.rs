//! Carrying the tail to segments, so that the journal's space is free again.
//!
//! Whatever is added to a segment has an entry in the journal, also what the journal held before:
//! a recovery then knows where every later extent begins without reading a segment (S5).

use std::io;

use pelton_model::{LeaderEpoch, Offset, TimestampMs};

use super::{Log, LogParts, Positions};
use crate::block_file::{WRITE_BYTES_MAX, WritesInFlight};
use crate::error::StorageError;
use crate::journal::Entry;
use crate::segment::{
    CarriedBatch, ChunkEntry, Durability, Plan, Segment, SegmentName, SegmentWriter,
};
use crate::state::PartitionState;

/// When a segment ends.
#[derive(Clone, Copy, Debug)]
pub struct RollRules {
    /// `segment.bytes`
    pub segment_bytes: u64,
    /// `segment.ms`, counted from the segment's first batch by the broker's clock.
    pub segment_ms: i64,
    pub now: TimestampMs,
}

/// How much a carry takes of the device, which others want for what somebody waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Bytes after which the next log has its turn.
    pub bytes_max: usize,
    pub writes_in_flight: WritesInFlight,
}

impl Effort {
    /// The journal has room: one write at a time, and one extent.
    pub const GENTLE: Effort =
        Effort { bytes_max: EXTENT_BYTES_MAX, writes_in_flight: WritesInFlight::One };
    /// The journal needs room.
    pub const FULL: Effort = Effort { bytes_max: 32 << 20, writes_in_flight: WritesInFlight::Four };
}

/// Bytes that one extent takes at most, unless a single batch is larger.
pub(crate) const EXTENT_BYTES_MAX: usize = 4 << 20;

/// Committed bytes of one log that may wait for the next checkpoint, in direct flushes (1 MiB by
/// default); more are carried before, in the background, so that a checkpoint finds little to do at
/// once.
const BACKLOG_FLUSHES_MAX: u64 = 4;

/// Finished chunks that are left to the state file before the index is paid a write and a sync: 64
/// KiB each.
const UNINDEXED_MAX: usize = 64;

impl Log {
    /// Whether committed batches wait to be carried.
    pub fn is_dirty(&self) -> bool {
        let positions = self.0.positions.borrow();
        positions.carried_end < positions.commit && !positions.dropped
    }

    /// Committed bytes that wait to be carried.
    pub(crate) fn backlog_bytes(&self) -> u64 {
        self.0.positions.borrow().backlog_bytes()
    }

    pub(super) fn is_behind(&self, positions: &Positions) -> bool {
        let bytes_max = (self.0.direct_flush_bytes as u64).saturating_mul(BACKLOG_FLUSHES_MAX);
        positions.backlog_bytes() > bytes_max
    }

    /// Asks for a carry in the background, once, if much waits for it.
    pub(super) fn want_carry(&self, positions: &mut Positions) {
        if self.is_behind(positions) && !std::mem::replace(&mut positions.is_carry_wanted, true) {
            self.0.carries.add(self.clone());
        }
    }

    /// One turn of what was asked for.
    pub(crate) async fn carry_wanted(&self, rules: RollRules) -> Result<(), StorageError> {
        self.0.positions.borrow_mut().is_carry_wanted = false;
        self.carry_with(rules, Effort::GENTLE).await?;
        // What is left has another turn.
        self.want_carry(&mut self.0.positions.borrow_mut());
        Ok(())
    }

    /// The first journal group that this log still needs.
    pub(crate) fn needs_from(&self) -> Option<u64> {
        self.0.positions.borrow().needs_from(self.0.journal.durable_sequence())
    }

    /// Writes committed batches to segments and syncs them. Returns the bytes carried.
    pub async fn carry(&self, rules: RollRules) -> Result<usize, StorageError> {
        self.carry_with(rules, Effort::FULL).await
    }

    pub(crate) async fn carry_with(
        &self,
        rules: RollRules,
        effort: Effort,
    ) -> Result<usize, StorageError> {
        self.check()?;
        // Nobody in the gate waits for the journal, which may be waiting for this carry.
        let _pass = self.0.gate.enter().await;
        // Fenced meanwhile, by a flush: the file is not written to again (S3).
        self.check()?;
        self.judge("carrying to a segment", self.carry_alone(rules, effort).await)
    }

    /// What a failed write says of the log: nothing when it is dropped, or when others may succeed
    /// later, and else it is fenced (S3).
    pub(super) fn judge<T: Default>(
        &self,
        doing: &str,
        written: io::Result<T>,
    ) -> Result<T, StorageError> {
        match written {
            Ok(done) => Ok(done),
            Err(_) if self.is_dropped() => Ok(T::default()),
            Err(error) => {
                Err(StorageError::of_passing(&error)
                    .unwrap_or_else(|| self.fence_for(doing, &error)))
            }
        }
    }

    pub(super) fn fence_for(&self, doing: &str, error: &io::Error) -> StorageError {
        let error = StorageError::Fenced(format!("{doing}: {error}"));
        self.fence(error.clone());
        error
    }

    /// The caller is in the gate.
    pub(super) async fn carry_alone(&self, rules: RollRules, effort: Effort) -> io::Result<usize> {
        let mut total = 0;
        while total < effort.bytes_max {
            let batches = self.uncarried(EXTENT_BYTES_MAX, |positions| positions.commit);
            let Some(first) = batches.first() else { break };
            let durability = self.durability_of(&batches);
            let mut writer = self.take_writer(first.bytes.len() as u64, durability, rules).await?;
            let plan = writer.plan(fitting(&batches, &writer, rules)).await?;
            writer.write(&plan, effort.writes_in_flight).await?;
            total += plan.extent.length as usize;
            if !self.is_dropped() {
                // Refused only when the journal ends, and then no extent follows this one.
                let entry = Entry::Extent(plan.extent.clone());
                let _ = self.0.journal.push(self.0.id, entry, None);
            }
            self.take_in(&plan);
            self.index_chunks(&mut writer).await?;
            self.0.positions.borrow_mut().keep_writer(writer);
        }
        self.close_writer_of_too_many().await?;
        Ok(total)
    }

    /// There is a bound for open writers.
    pub(super) async fn close_writer_of_too_many(&self) -> io::Result<()> {
        match self.0.open.may_keep_writer() {
            true => Ok(()),
            false => self.close_writer().await,
        }
    }

    /// What it wrote is durable; the next one opens the file anew.
    pub(super) async fn close_writer(&self) -> io::Result<()> {
        let writer = self.0.positions.borrow_mut().writer.take();
        match writer {
            Some(writer) => writer.close().await,
            None => Ok(()),
        }
    }

    /// Closes a writer that was not used since this was last called: an idle partition keeps no file
    /// open.
    pub(crate) async fn close_idle_writer(&self) {
        let Some(_pass) = self.0.gate.try_enter() else { return };
        let was_idle = std::mem::replace(&mut self.0.positions.borrow_mut().is_writer_idle, true);
        if was_idle {
            let _ = self.close_writer().await;
        }
    }

    /// Batches from the carried end on, below an offset.
    pub(super) fn uncarried(
        &self,
        bytes_max: usize,
        end: impl FnOnce(&Positions) -> Offset,
    ) -> Vec<CarriedBatch> {
        let positions = self.0.positions.borrow();
        if positions.dropped {
            return Vec::new();
        }
        let end = end(&positions);
        let first = positions.recent.partition_point(|batch| batch.base < positions.carried_end);
        let mut bytes = 0;
        positions
            .recent
            .range(first..)
            .take_while(|batch| {
                let is_first = bytes == 0;
                bytes += batch.bytes.len();
                batch.next <= end && (is_first || bytes <= bytes_max)
            })
            .map(|batch| CarriedBatch {
                base_offset: batch.base,
                next_offset: batch.next,
                max_timestamp: batch.max_timestamp,
                bytes: batch.bytes.clone(),
            })
            .collect()
    }

    /// Of a writer for these batches. Those that are less than a direct flush are one write.
    pub(super) fn durability_of(&self, batches: &[CarriedBatch]) -> Durability {
        let bytes: usize = batches.iter().map(|batch| batch.bytes.len()).sum();
        match bytes < self.0.direct_flush_bytes.min(WRITE_BYTES_MAX) {
            true => Durability::OfEachWrite,
            false => Durability::BySync,
        }
    }

    /// The last segment's writer, after a roll if the next batch does not fit or the time is up.
    pub(super) async fn take_writer(
        &self,
        next_bytes: u64,
        durability: Durability,
        rules: RollRules,
    ) -> io::Result<SegmentWriter> {
        self.sweep_at_first().await;
        let parts = &self.0;
        let (writer, last, open_chunk, since) = {
            let mut positions = parts.positions.borrow_mut();
            let last = positions.segments.last().map(Segment::state);
            (positions.writer.take(), last, positions.open_chunk, positions.segment_since)
        };
        let is_first = last.is_none();
        let writer = match (writer, last) {
            (Some(writer), _) if writer.suits(durability) => Some(writer),
            (writer, Some(last)) => {
                if let Some(writer) = writer {
                    writer.close().await?;
                }
                Some(
                    SegmentWriter::resume(
                        &parts.disk,
                        &parts.dir,
                        parts.open.writer_pass(),
                        parts.id,
                        &last,
                        open_chunk,
                        durability,
                    )
                    .await?,
                )
            }
            (writer, None) => writer,
        };
        if let Some(writer) = writer {
            let full = writer.log_bytes() + next_bytes > rules.segment_bytes;
            let old = since.is_some_and(|since| {
                rules.now.get().saturating_sub(since.get()) >= rules.segment_ms
            });
            if !(writer.log_bytes() > 0 && (full || old)) {
                return Ok(writer);
            }
            self.seal(writer).await?;
        }
        let base = parts.positions.borrow().carried_end;
        if is_first {
            // The partition's directory, its topic's, and that of all topics.
            parts.directories.create(&parts.disk, &parts.dir).await?;
        }
        let writer = SegmentWriter::create(
            &parts.disk,
            &parts.dir,
            parts.open.writer_pass(),
            parts.id,
            SegmentName::carried(base),
            durability,
        )
        .await?;
        let mut positions = parts.positions.borrow_mut();
        if !positions.dropped {
            // As with extents: when it is refused, nothing follows.
            let _ = parts.journal.push(parts.id, Entry::Roll { base }, None);
            positions.segments.push(Segment::new(SegmentName::carried(base), rules.now));
            positions.open_chunk = None;
            positions.segment_since = positions.has_uncarried().then_some(rules.now);
        }
        Ok(writer)
    }

    async fn seal(&self, mut writer: SegmentWriter) -> io::Result<()> {
        let last = writer.seal(&self.unindexed()).await?;
        {
            let mut positions = self.0.positions.borrow_mut();
            positions.open_chunk = None;
            positions.unindexed.extend(last);
            self.note_indexed(&mut positions);
        }
        writer.close().await
    }

    /// Seals the last segment, so that retention can take it; the next append begins another.
    pub(super) async fn seal_last(&self, rules: RollRules) -> io::Result<()> {
        let writer = self.take_writer(u64::MAX / 2, Durability::OfEachWrite, rules).await?;
        writer.close().await
    }

    /// Takes in what is durable in the last segment.
    pub(super) fn take_in(&self, plan: &Plan) {
        let extent = &plan.extent;
        let bytes = {
            let mut positions = self.0.positions.borrow_mut();
            if positions.dropped {
                // Its batches are no longer in memory: it stays as it was, whatever was written.
                return;
            }
            let first =
                positions.recent.partition_point(|batch| batch.base < positions.carried_end);
            let taken = positions.recent.range(first..).take_while(|it| it.next <= extent.end);
            let bytes: usize = taken.map(|batch| batch.bytes.len()).sum();
            assert_eq!(bytes, extent.length as usize, "an extent is of whole batches");
            positions.carried_end = extent.end;
            positions.carried_bytes += extent.length as u64;
            let (finished, open) = extent.split_chunks();
            positions.unindexed.extend_from_slice(finished);
            positions.open_chunk = open;
            let appended_at = positions.appended_at;
            if let Some(segment) = positions.segments.last_mut() {
                segment.extend(extent.end_position(), plan.max_timestamp, appended_at);
            }
            bytes
        };
        self.0.memory.carried(&self.0, bytes, extent.end);
    }

    /// Brings the index up to date once too many chunks wait for it.
    pub(super) async fn index_chunks(&self, writer: &mut SegmentWriter) -> io::Result<()> {
        if self.0.positions.borrow().unindexed.len() > UNINDEXED_MAX {
            writer.index(&self.unindexed()).await?;
            self.note_indexed(&mut self.0.positions.borrow_mut());
        }
        match self.0.open.may_keep_index() {
            true => Ok(()),
            false => writer.close_index().await,
        }
    }

    fn unindexed(&self) -> Vec<ChunkEntry> {
        self.0.positions.borrow().unindexed.clone()
    }

    fn note_indexed(&self, positions: &mut Positions) {
        let chunks = std::mem::take(&mut positions.unindexed);
        if let Some(segment) = positions.segments.last_mut() {
            self.0.open.extend(self.0.id, segment, &chunks);
            segment.chunk_count += chunks.len() as u32;
        }
    }

    /// The group that began this log.
    pub(crate) fn placed_sequence(&self) -> u64 {
        self.0.positions.borrow().placed_sequence
    }

    /// What the state file keeps of this log.
    pub(crate) fn state(&self) -> PartitionState {
        let positions = self.0.positions.borrow();
        let mut producers = Vec::new();
        if !positions.producers.is_empty() {
            positions.producers.encode(&mut producers);
        }
        PartitionState {
            id: self.0.id,
            start: positions.start,
            carried_end: positions.carried_end,
            cleaned_end: positions.cleaned_end,
            epochs: positions.durable_epochs(self.0.journal.durable_sequence()),
            segments: positions.segments.iter().map(Segment::state).collect(),
            unindexed: positions.unindexed.clone(),
            open_chunk: positions.open_chunk,
            segment_since: positions.segment_since,
            producers: producers.into(),
        }
    }
}

/// As many batches as the segment has room for; one in any case.
pub(super) fn fitting<'a>(
    batches: &'a [CarriedBatch],
    writer: &SegmentWriter,
    rules: RollRules,
) -> &'a [CarriedBatch] {
    let room = rules.segment_bytes.saturating_sub(writer.log_bytes());
    let mut bytes = 0;
    let fits = batches.iter().take_while(|batch| {
        bytes += batch.bytes.len() as u64;
        bytes <= room
    });
    &batches[..fits.count().max(1)]
}

impl LogParts {
    /// Drops carried batches below `end` from memory; returns their bytes.
    pub(crate) fn evict_below(&self, end: Offset) -> usize {
        let mut positions = self.positions.borrow_mut();
        assert!(end <= positions.carried_end, "what is not carried is no cache");
        let mut bytes = 0;
        while positions.recent.front().is_some_and(|batch| batch.base < end) {
            let Some(batch) = positions.recent.pop_front() else { break };
            // It may not be committed yet, and is not there any more to be counted when it is.
            positions.committed_bytes = positions.committed_bytes.max(batch.end_bytes);
            bytes += batch.bytes.len();
        }
        bytes
    }

    /// Whether memory still has some of its batches below `end`.
    pub(crate) fn caches_below(&self, end: Offset) -> bool {
        self.positions.borrow().recent.front().is_some_and(|batch| batch.base < end)
    }
}

impl Positions {
    /// Committed bytes that no segment has.
    pub(super) fn backlog_bytes(&self) -> u64 {
        self.committed_bytes.saturating_sub(self.carried_bytes)
    }

    pub(super) fn keep_writer(&mut self, writer: SegmentWriter) {
        (self.writer, self.is_writer_idle) = (Some(writer), false);
    }

    /// An epoch that begins above all that is committed or carried may never have begun; its journal entry
    /// tells.
    pub(super) fn durable_epochs(&self, durable: u64) -> Vec<(LeaderEpoch, Offset)> {
        if let Some(epochs) = self.epochs_before_anew(durable) {
            return epochs.clone();
        }
        let end = self.commit.max(self.carried_end);
        self.epochs.iter().filter(|(_, start)| *start <= end).copied().collect()
    }
}
