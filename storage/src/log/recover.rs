//! Applying journal entries again after a restart (S5).

use std::io;

use bytes::Bytes;
use pelton_model::batch::{BatchHeader, ProducerBatch};
use pelton_model::limits::{BLOCK_BYTES, IO_BYTES_MAX};
use pelton_model::{LeaderEpoch, Offset, TimestampMs};

use super::{Cut, Log, NewRecent, Positions};
use crate::disk::{Disk, File, OpenMode};
use crate::journal::{Entry, Extent};
use crate::planted::{Bug, is_planted};
use crate::segment::{Segment, SegmentName, matches};

impl Log {
    /// Applies one entry; what the state file contains already is passed over. `Err` says why the
    /// entry cannot follow what is there, which no crash explains.
    pub(crate) fn replay(
        &self,
        entry: Entry,
        sequence: u64,
        now: TimestampMs,
    ) -> Result<(), String> {
        match entry {
            Entry::Append { base_offset, batch, .. } => {
                self.replay_append(base_offset, batch, sequence, now)
            }
            Entry::LogStart { start } => {
                let mut positions = self.0.positions.borrow_mut();
                positions.start = positions.start.max(start);
                Ok(())
            }
            Entry::Place { epoch, start } => self.replay_place(epoch, start),
            Entry::Extent(extent) => self.replay_extent(&extent, now),
            Entry::Roll { base } => self.replay_roll(base, now),
            // What it cut off was passed over on the way here.
            Entry::Truncate { .. } => Ok(()),
            Entry::Drop => Err("a log was dropped, and is there".into()),
        }
    }

    fn replay_append(
        &self,
        base: Offset,
        bytes: Bytes,
        sequence: u64,
        now: TimestampMs,
    ) -> Result<(), String> {
        let header = BatchHeader::read(&bytes).map_err(|error| format!("{error:?}"))?;
        let next = header.next_offset();
        let mut positions = self.0.positions.borrow_mut();
        if header.base_offset != base || header.total_bytes() != bytes.len() {
            return Err(format!("the batch at {base} is not what its entry says"));
        }
        if is_planted(Bug::MintOffsetsTwice) || next <= positions.carried_end {
            return Ok(());
        }
        if positions.has_batch(base, &bytes) {
            // It was logged anew.
            return Ok(());
        }
        if base != positions.end {
            return Err(format!("a batch at {base} follows offset {}", positions.end));
        }
        if header.has_producer() {
            let producer = ProducerBatch {
                id: header.producer_id,
                epoch: header.producer_epoch,
                base_sequence: header.base_sequence,
                last_offset_delta: header.last_offset_delta,
            };
            positions.producers.record(&producer, base, header.max_timestamp, now);
        }
        positions.last_sequence = sequence;
        positions.segment_since.get_or_insert(now);
        self.0.memory.add_uncarried(bytes.len());
        positions.push_recent(NewRecent {
            base,
            next,
            max_timestamp: header.max_timestamp,
            sequence,
            appended_at: now,
            // The ring file that it was read from need not be kept for it.
            bytes: Bytes::copy_from_slice(&bytes),
        });
        positions.recovered_to(next);
        Ok(())
    }

    fn replay_extent(&self, extent: &Extent, now: TimestampMs) -> Result<(), String> {
        let mut positions = self.0.positions.borrow_mut();
        if positions.contains(extent) {
            return Ok(());
        }
        let (position, segment) = (extent.position, extent.segment);
        let last = positions.segments.last().map_or((segment, 0), |it| (it.base(), it.log_bytes));
        if positions.segments.is_empty() || last != (segment, position) {
            return Err(format!("an extent at {position} of segment {segment}, not at {last:?}"));
        }
        let (finished, open) = extent.split_chunks();
        let end = positions.end;
        for producer in extent.producers.iter().filter(|it| it.base_offset >= end) {
            let (batch, base, time) =
                (&producer.batch, producer.base_offset, producer.max_timestamp);
            positions.producers.record(batch, base, time, now);
        }
        // A roll that came no further than sealing the segment has closed the chunk that was open:
        // the extent begins another, behind it.
        let closed = positions.open_chunk.take();
        let begins_at = extent.chunks.first().map(|chunk| chunk.position);
        positions.unindexed.extend(closed.filter(|chunk| begins_at > Some(chunk.position)));
        positions.unindexed.extend_from_slice(finished);
        positions.open_chunk = open;
        positions.segment_since.get_or_insert(now);
        if let Some(segment) = positions.segments.last_mut() {
            let newest = extent.chunks.iter().map(|it| it.max_timestamp).max();
            segment.extend(extent.end_position(), newest.unwrap_or(segment.max_timestamp), now);
        }
        positions.carried_end = extent.end;
        while positions.recent.front().is_some_and(|batch| batch.next <= extent.end) {
            if let Some(batch) = positions.recent.pop_front() {
                positions.carried_bytes += batch.bytes.len() as u64;
                self.0.memory.release(batch.bytes.len(), false);
            }
        }
        let end = end.max(extent.end);
        positions.end = end;
        positions.recovered_to(end);
        Ok(())
    }

    fn replay_roll(&self, base: Offset, now: TimestampMs) -> Result<(), String> {
        let mut positions = self.0.positions.borrow_mut();
        let is_known = positions.segments.last().is_some_and(|last| base <= last.base());
        if is_known || positions.has_let_go_of(base) {
            return Ok(());
        }
        if base != positions.carried_end {
            let end = positions.carried_end;
            return Err(format!("a segment at {base} follows one that ends at {end}"));
        }
        // The index of the one before was completed first.
        let chunks = positions.unindexed.len() + usize::from(positions.open_chunk.is_some());
        positions.unindexed.clear();
        positions.open_chunk = None;
        if let Some(last) = positions.segments.last_mut() {
            last.chunk_count += chunks as u32;
        }
        positions.segments.push(Segment::new(SegmentName::carried(base), now));
        positions.segment_since = positions.has_uncarried().then_some(now);
        Ok(())
    }

    /// Whether an extent that was perhaps being written when the last life ended is all there; if
    /// so, it is durable when this returns. Everything that it can be torn by reads as `false`.
    pub(crate) async fn verify_extent(&self, extent: &Extent) -> io::Result<bool> {
        if self.0.positions.borrow().contains(extent) {
            return Ok(true);
        }
        // Only segments as they were carried are written to.
        let path = SegmentName::carried(extent.segment).log_path(&self.0.dir);
        let file = match self.0.disk.open(&path, OpenMode::default()).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        for chunk in &extent.chunks {
            let content = match file.read_at(chunk.position, chunk.length as usize).await {
                Ok(content) => content,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
                Err(error) => return Err(error),
            };
            if !matches(self.0.id, chunk, &content) {
                return Ok(false);
            }
        }
        // What a kill left in the device's cache counts from here on, so it has to last. A sync
        // alone would not make durable what a failed write left there.
        write_again(&self.0.disk, &file, extent.position, extent.end_position()).await?;
        file.sync().await?;
        file.close().await?;
        Ok(true)
    }

    fn replay_place(&self, epoch: LeaderEpoch, start: Offset) -> Result<(), String> {
        if epoch <= self.leader_epoch() {
            return Ok(());
        }
        let end = self.end_offset();
        if start != end {
            return Err(format!("epoch {epoch} begins at {start}, yet the log ends at {end}"));
        }
        self.begin_epoch(epoch);
        Ok(())
    }

    /// Batches from here on carry `epoch`.
    pub(crate) fn begin_epoch(&self, epoch: LeaderEpoch) {
        let mut positions = self.0.positions.borrow_mut();
        let end = positions.end;
        if positions.epochs.last().is_none_or(|(last, _)| *last < epoch) {
            positions.epochs.push((epoch, end));
        }
    }
}

/// Writes bytes of a file, and those that share blocks with them, to where they are.
async fn write_again(disk: &Disk, file: &File, from: u64, to: u64) -> io::Result<()> {
    const BLOCK: u64 = BLOCK_BYTES as u64;
    let file_bytes = file.bytes()?;
    let mut at = from - from % BLOCK;
    while at < to {
        let end = to.next_multiple_of(BLOCK).min(at + IO_BYTES_MAX as u64);
        let bytes = (end - at) as usize;
        let content = file.read_at(at, (end.min(file_bytes) - at) as usize).await?;
        let mut buffer = disk.allocate_buffer(bytes);
        let (head, padding) = buffer.as_mut_slice()[..bytes].split_at_mut(content.len());
        head.copy_from_slice(&content);
        padding.fill(0);
        file.write_at(buffer, bytes, at).await?;
        at = end;
    }
    // A sealed segment is cut to its length, which the padding has passed.
    match file.bytes()? > file_bytes {
        true => file.truncate(file_bytes).await,
        false => Ok(()),
    }
}

impl Positions {
    /// Whether what the state file says includes the extent.
    fn contains(&self, extent: &Extent) -> bool {
        self.has_let_go_of(extent.segment)
            || self.segments.last().is_some_and(|last| {
                extent.segment < last.base()
                    || (extent.segment == last.base() && extent.end_position() <= last.log_bytes)
            })
    }

    /// Whether the segment was below the log's start, and went with all the others.
    fn has_let_go_of(&self, base: Offset) -> bool {
        self.segments.is_empty() && base < self.carried_end
    }

    /// Whether this very batch is in memory already.
    fn has_batch(&self, base: Offset, bytes: &Bytes) -> bool {
        let at = self.recent.partition_point(|batch| batch.base < base);
        self.recent.get(at).is_some_and(|batch| batch.base == base && batch.bytes == *bytes)
    }

    fn recovered_to(&mut self, end: Offset) {
        self.commit = end;
        self.journal_end = end;
        self.pushed_end = end;
        self.committed_bytes = self.appended_bytes;
    }
}

impl Log {
    /// The log as it is, if nothing follows.
    pub(crate) fn cut_here(&self) -> Cut {
        let positions = self.0.positions.borrow();
        Cut { end: positions.end, carried: positions.carried_end }
    }
}
