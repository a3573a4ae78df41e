//! Carrying the tail to segments, so that the journal's space is free again.

use std::io;

use pelton_model::{LeaderEpoch, Offset, TimestampMs};

use super::{Log, LogParts, Positions};
use crate::directories::create_dir_durably;
use crate::disk::is_disk_full;
use crate::error::StorageError;
use crate::segment::{Carried, CarriedBatch, Segment, SegmentName, SegmentWriter};
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

/// A writer that carried less is closed: an idle partition keeps no file open.
const KEEP_OPEN_BYTES: usize = 256 << 10;

/// Bytes that one carry takes at most, so that partitions take turns.
const CARRY_BYTES_MAX: usize = 32 << 20;

impl Log {
    /// Whether committed batches wait to be carried.
    pub fn is_dirty(&self) -> bool {
        let positions = self.0.positions.borrow();
        positions.carried_end < positions.commit && !positions.dropped
    }

    /// The first journal group that this log still needs.
    pub(crate) fn needs_from(&self) -> Option<u64> {
        self.0.positions.borrow().needs_from()
    }

    /// Writes committed batches to segments and syncs them. Returns the bytes carried.
    pub async fn carry(&self, rules: RollRules) -> Result<usize, StorageError> {
        self.check()?;
        let Some(_pass) = self.0.gate.try_enter() else { return Ok(0) };
        match self.carry_alone(rules).await {
            Ok(bytes) => Ok(bytes),
            Err(error) if is_disk_full(&error) => Err(StorageError::Full),
            Err(_) if self.is_dropped() => Ok(0),
            Err(error) => {
                let error = StorageError::Fenced(format!("carrying to a segment: {error}"));
                self.fence(error.clone());
                Err(error)
            }
        }
    }

    async fn carry_alone(&self, rules: RollRules) -> io::Result<usize> {
        let mut total = 0;
        loop {
            let batches = self.tail_batches(CARRY_BYTES_MAX - total);
            let Some(first) = batches.first() else { break };
            let mut writer = self.take_writer(first.bytes.len() as u64, rules).await?;
            let room = rules.segment_bytes.saturating_sub(writer.log_bytes());
            let mut bytes = 0;
            let count = batches
                .iter()
                .take_while(|batch| {
                    bytes += batch.bytes.len() as u64;
                    bytes <= room
                })
                .count()
                .max(1);
            let carried = writer.carry(&batches[..count]).await?;
            total += batches[..count].iter().map(|batch| batch.bytes.len()).sum::<usize>();
            self.take_in(&carried);
            self.0.positions.borrow_mut().writer = Some(writer);
            if total >= CARRY_BYTES_MAX {
                break;
            }
        }
        if total < KEEP_OPEN_BYTES || !self.0.open.may_keep_writer() {
            let writer = self.0.positions.borrow_mut().writer.take();
            if let Some(writer) = writer {
                writer.close().await?;
            }
        }
        Ok(total)
    }

    fn tail_batches(&self, bytes_max: usize) -> Vec<CarriedBatch> {
        let positions = self.0.positions.borrow();
        if positions.dropped {
            return Vec::new();
        }
        let first = positions.recent.partition_point(|batch| batch.base < positions.carried_end);
        let mut bytes = 0;
        positions
            .recent
            .range(first..)
            .take_while(|batch| {
                let fits = batch.next <= positions.commit && bytes < bytes_max;
                bytes += batch.bytes.len();
                fits
            })
            .map(|batch| CarriedBatch {
                base_offset: batch.base,
                max_timestamp: batch.max_timestamp,
                bytes: batch.bytes.clone(),
            })
            .collect()
    }

    /// The last segment's writer, after a roll if the next batch does not fit or the time is up.
    async fn take_writer(&self, next_bytes: u64, rules: RollRules) -> io::Result<SegmentWriter> {
        let parts = &self.0;
        let (writer, last, open_chunk, since) = {
            let mut positions = parts.positions.borrow_mut();
            let last = positions.segments.last().map(Segment::state);
            (positions.writer.take(), last, positions.open_chunk, positions.segment_since)
        };
        let is_first = last.is_none();
        let writer = match (writer, last) {
            (Some(writer), _) => Some(writer),
            (None, Some(last)) => Some(
                SegmentWriter::resume(
                    &parts.disk,
                    &parts.dir,
                    parts.open.writer_pass(),
                    parts.id,
                    &last,
                    open_chunk,
                )
                .await?,
            ),
            (None, None) => None,
        };
        if let Some(mut writer) = writer {
            let full = writer.log_bytes() + next_bytes > rules.segment_bytes;
            let old = since.is_some_and(|since| {
                rules.now.get().saturating_sub(since.get()) >= rules.segment_ms
            });
            if !(writer.log_bytes() > 0 && (full || old)) {
                return Ok(writer);
            }
            let sealed = writer.seal().await?;
            self.take_in_chunks(&sealed);
            writer.close().await?;
        }
        let name = SegmentName::carried(parts.positions.borrow().carried_end);
        if is_first {
            // The partition's directory, its topic's, and that of all topics.
            create_dir_durably(&parts.disk, &parts.dir, 3).await?;
        }
        let writer = SegmentWriter::create(
            &parts.disk,
            &parts.dir,
            parts.open.writer_pass(),
            parts.id,
            name,
        )
        .await?;
        let mut positions = parts.positions.borrow_mut();
        positions.segments.push(Segment::new(name));
        positions.open_chunk = None;
        positions.segment_since = Some(rules.now);
        Ok(writer)
    }

    /// Seals the last segment, so that retention can take it; the next append begins another.
    pub(super) async fn seal_last(&self, rules: RollRules) -> io::Result<()> {
        let writer = self.take_writer(u64::MAX / 2, rules).await?;
        writer.close().await
    }

    fn take_in(&self, carried: &Carried) {
        let (bytes, count) = {
            let mut positions = self.0.positions.borrow_mut();
            if positions.dropped {
                // Its batches are no longer in memory: it stays as it was, whatever was written.
                return;
            }
            let end = positions.segments.last().map_or(0, |segment| segment.log_bytes);
            let mut left = carried.log_bytes - end;
            let first =
                positions.recent.partition_point(|batch| batch.base < positions.carried_end);
            let mut carried_end = positions.carried_end;
            let (mut bytes, mut count) = (0, 0);
            for batch in positions.recent.range(first..) {
                if left < batch.bytes.len() as u64 || left == 0 {
                    break;
                }
                left -= batch.bytes.len() as u64;
                carried_end = batch.next;
                bytes += batch.bytes.len();
                count += 1;
            }
            assert!(left == 0, "a carry ends at a batch");
            positions.carried_end = carried_end;
            (bytes, count)
        };
        self.take_in_chunks(carried);
        self.0.memory.carried(&self.0, bytes, count);
    }

    fn take_in_chunks(&self, carried: &Carried) {
        let mut positions = self.0.positions.borrow_mut();
        positions.open_chunk = carried.open_chunk;
        if let Some(segment) = positions.segments.last_mut() {
            self.0.open.extend(self.0.id, segment, &carried.chunks);
            segment.extend(carried.log_bytes, carried.max_timestamp, &carried.chunks);
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
            epochs: positions.durable_epochs(),
            segments: positions.segments.iter().map(Segment::state).collect(),
            open_chunk: positions.open_chunk,
            producers: producers.into(),
        }
    }
}

impl LogParts {
    /// Drops the oldest carried batch from memory; returns its bytes.
    pub(crate) fn evict_one(&self) -> usize {
        let mut positions = self.positions.borrow_mut();
        let carried_end = positions.carried_end;
        match positions.recent.front() {
            Some(batch) if batch.base < carried_end => {
                positions.recent.pop_front().map_or(0, |batch| batch.bytes.len())
            }
            _ => 0,
        }
    }
}

impl Positions {
    /// An epoch that begins beyond the commit point may never have begun; its journal entry tells.
    fn durable_epochs(&self) -> Vec<(LeaderEpoch, Offset)> {
        self.epochs.iter().filter(|(_, start)| *start <= self.commit).copied().collect()
    }
}
