//! The second walk: writing a group of segments anew, without what the map knows to be superseded.

use bytes::Bytes;
use pelton_model::batch::BatchHeader;
use pelton_model::compact::{BatchCleaner, CleanRules, Cleaned, KeyHasher, OffsetMap};
use pelton_model::{Offset, ProducerId, TimestampMs};

use super::map::breathe;
use super::source::{Source, split_first};
use super::{
    Compacted, CompactionError, CompactionRules, DECOMPRESSED_BYTES_MAX, Pace, Replacement,
    SLICE_RECORDS, SegmentFacts,
};
use crate::error::StorageError;
use crate::log::Log;
use crate::segment::{CarriedBatch, ChunkEntry, Durability, SegmentName, SegmentWriter};
use crate::state::SegmentState;
use crate::unpack::unpacked;

/// Bytes gathered for one write. Whoever syncs anything else on the device waits for them, too.
const WRITE_BYTES: usize = 256 << 10;

/// One pass over a log: what all of its groups have in common.
pub(crate) struct Pass<'a> {
    log: &'a Log,
    map: &'a OffsetMap,
    hasher: &'a KeyHasher,
    rules: &'a CompactionRules,
    pace: &'a dyn Pace,
    /// By id; the last offset of the newest batch of each producer.
    producers: Vec<(ProducerId, Offset)>,
    /// The batch that ends here stays: nothing follows it, and readers learn from it how far the
    /// log goes.
    log_end: Option<Offset>,
}

/// A new segment in the making.
struct Target {
    writer: SegmentWriter,
    batches: Vec<CarriedBatch>,
    bytes: usize,
    chunks: Vec<ChunkEntry>,
    log_bytes: u64,
    max_timestamp: TimestampMs,
    /// Some of what it is made of was.
    is_unverified: bool,
}

impl<'a> Pass<'a> {
    pub fn new(
        log: &'a Log,
        map: &'a OffsetMap,
        hasher: &'a KeyHasher,
        rules: &'a CompactionRules,
        pace: &'a dyn Pace,
    ) -> Self {
        let positions = log.0.positions.borrow();
        let producers = positions.producers.iter();
        let newest = producers.filter_map(|(id, it)| Some((id, it.last_batch()?.last_offset())));
        let newest: Vec<(ProducerId, Offset)> = newest.collect();
        let active = positions.segments.last();
        let is_end = |active: &Offset| *active == positions.commit;
        let log_end = active.map(|active| active.base()).filter(is_end);
        Self { log, map, hasher, rules, pace, producers: newest, log_end }
    }

    /// Writes the next generation of a group, durably, beside it. On an error what was written is
    /// removed.
    pub async fn clean_group(
        &self,
        group: &[SegmentFacts],
        done: &mut Compacted,
    ) -> Result<Replacement, CompactionError> {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            return Err(CompactionError::Interrupted);
        };
        let name = SegmentName { generation: first.name.generation + 1, ..first.name };
        match self.write(name, group, done).await {
            Ok(segment) => Ok(Replacement {
                sources: group.iter().map(|segment| segment.name).collect(),
                segment,
                end: last.end,
                cleaned_end: None,
            }),
            Err(error) => {
                self.log.remove_files_named(name).await;
                Err(error)
            }
        }
    }

    async fn write(
        &self,
        name: SegmentName,
        group: &[SegmentFacts],
        done: &mut Compacted,
    ) -> Result<SegmentState, CompactionError> {
        let parts = &self.log.0;
        let writer = SegmentWriter::create(
            &parts.disk,
            &parts.dir,
            parts.open.writer_pass(),
            parts.id,
            name,
            Durability::BySync,
        )
        .await;
        let mut target = Target {
            writer: writer.map_err(|error| not_written(self.log, &error))?,
            batches: Vec::new(),
            bytes: 0,
            chunks: Vec::new(),
            log_bytes: 0,
            max_timestamp: TimestampMs::new(-1),
            is_unverified: false,
        };
        for segment in group {
            let mut source = Source::open(self.log, segment.name, segment.name.base).await?;
            target.is_unverified |= source.is_unverified();
            while let Some(content) = source.read().await? {
                done.read_bytes += content.len() as u64;
                self.clean_run(content, &mut target, done).await?;
            }
        }
        let mut unpaced = target.bytes;
        self.flush(&mut target).await?;
        breathe(self.log, self.pace, &mut unpaced).await?;
        let (log_bytes, max_timestamp) = (target.log_bytes, target.max_timestamp);
        let chunks = target.writer.finish(target.chunks, target.is_unverified).await;
        let chunks = chunks.map_err(|error| not_written(self.log, &error))?;
        done.written_bytes += log_bytes;
        Ok(SegmentState {
            base: name.base,
            generation: name.generation,
            log_bytes,
            max_timestamp,
            // Records do not become younger by it.
            appended_at: group.iter().map(|it| it.appended_at).max().unwrap_or(self.rules.now),
            chunk_count: chunks.len() as u32,
        })
    }

    async fn clean_run(
        &self,
        mut content: Bytes,
        target: &mut Target,
        done: &mut Compacted,
    ) -> Result<(), CompactionError> {
        let mut unpaced = content.len();
        let mut of_this_run = target.batches.len();
        while let Some((header, batch)) = split_first(self.log, &mut content)? {
            if let Some((max_timestamp, bytes)) =
                self.clean_batch(&header, batch, &mut unpaced, done).await?
            {
                target.bytes += bytes.len();
                target.batches.push(CarriedBatch {
                    base_offset: header.base_offset,
                    next_offset: header.next_offset(),
                    max_timestamp,
                    bytes,
                });
            }
            if target.bytes >= WRITE_BYTES {
                unpaced += target.bytes;
                self.flush(target).await?;
                of_this_run = 0;
            }
            breathe(self.log, self.pace, &mut unpaced).await?;
        }
        // Where little is kept, slices would keep all that was read in memory.
        for batch in &mut target.batches[of_this_run..] {
            batch.bytes = Bytes::copy_from_slice(&batch.bytes);
        }
        Ok(())
    }

    /// What takes the batch's place, and its maximum timestamp.
    async fn clean_batch(
        &self,
        header: &BatchHeader,
        batch: Bytes,
        unpaced: &mut usize,
        done: &mut Compacted,
    ) -> Result<Option<(TimestampMs, Bytes)>, CompactionError> {
        let rules = CleanRules {
            map: self.map,
            hasher: self.hasher,
            now: self.rules.now,
            delete_retention_ms: self.rules.delete_retention_ms,
        };
        let rewritten = {
            let Ok(bytes) = unpacked(header, &batch, DECOMPRESSED_BYTES_MAX).await else {
                return Ok(Some((header.max_timestamp, batch)));
            };
            let mut cleaner = BatchCleaner::new(header, &bytes);
            while cleaner.step(&rules, SLICE_RECORDS) {
                breathe(self.log, self.pace, unpaced).await?;
            }
            done.removed_records += cleaner.removed_count() as u64;
            match cleaner.finish(&rules, self.keeps_empty(header)) {
                Cleaned::AsItIs => None,
                Cleaned::Gone => return Ok(None),
                Cleaned::Rewritten(mut rewriter) => {
                    while rewriter.step(rewriter.step_bytes()) {
                        breathe(self.log, self.pace, unpaced).await?;
                    }
                    Some(rewriter.finish())
                }
            }
        };
        let Some(rewritten) = rewritten else { return Ok(Some((header.max_timestamp, batch))) };
        let max_timestamp =
            BatchHeader::read(&rewritten).map_or(header.max_timestamp, |it| it.max_timestamp);
        Ok(Some((max_timestamp, rewritten.into())))
    }

    fn keeps_empty(&self, header: &BatchHeader) -> bool {
        let is_last_of_producer = || {
            let known = self.producers.binary_search_by_key(&header.producer_id, |(id, _)| *id);
            known.is_ok_and(|at| self.producers[at].1 == header.last_offset())
        };
        self.log_end == Some(header.next_offset())
            || (header.has_producer() && is_last_of_producer())
    }

    async fn flush(&self, target: &mut Target) -> Result<(), CompactionError> {
        if target.batches.is_empty() {
            return Ok(());
        }
        let written = target.writer.write_unsynced(&target.batches).await;
        target.chunks.extend(written.map_err(|error| not_written(self.log, &error))?);
        target.log_bytes = target.writer.log_bytes();
        let newest = target.batches.iter().map(|batch| batch.max_timestamp).max();
        target.max_timestamp =
            newest.map_or(target.max_timestamp, |it| it.max(target.max_timestamp));
        target.batches.clear();
        target.bytes = 0;
        Ok(())
    }
}

/// The old segments are as good as before, so nothing is fenced for a new one that failed.
fn not_written(log: &Log, error: &std::io::Error) -> CompactionError {
    if let Some(passing) = StorageError::of_passing(error) {
        passing.into()
    } else if log.is_dropped() {
        CompactionError::Interrupted
    } else {
        let why = format!("writing a compacted segment: {error}");
        CompactionError::Failed(StorageError::Fenced(why))
    }
}
