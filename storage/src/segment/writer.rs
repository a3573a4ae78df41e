//! Appending to the last segment of a partition: whole blocks, by direct I/O.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use pelton_model::batch::BatchHeader;
use pelton_model::limits::BLOCK_BYTES;
use pelton_model::{Offset, PartitionId, TimestampMs};

use super::{ChunkEntry, OpenChunk, SegmentName, WriterPass, index};
use crate::block_file::{BlockFile, WritesInFlight};
use crate::disk::{Disk, OpenMode};
use crate::journal::{Extent, producers_of};
use crate::planted::{Bug, is_planted};
use crate::state::SegmentState;

const MODE: OpenMode = OpenMode { create: true, durable_writes: false };

/// What becomes of a writer's writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Each is durable when it returns (`O_DSYNC`): for appends that are one write. It costs a
    /// request, and a thread of the kernel's, less than a write and a sync.
    OfEachWrite,
    /// A sync behind an append makes its writes durable, however many they are.
    BySync,
}

/// The open end of a partition's last segment.
pub(crate) struct SegmentWriter {
    disk: Disk,
    partition: PartitionId,
    base: Offset,
    log: BlockFile,
    durability: Durability,
    index: Index,
    open_chunk: OpenChunk,
    /// The `.log` is counted among the open files.
    pass: WriterPass,
}

/// The index file, which most carries of a few batches add nothing to. It is made, or opened, when
/// something is added.
struct Index {
    path: PathBuf,
    /// What was written when it was last opened or closed; 0 when there need not be a file.
    end: u64,
    file: Option<OpenIndex>,
}

struct OpenIndex {
    blocks: BlockFile,
    _pass: WriterPass,
}

/// What is about to be written, described before a byte of it is.
pub(crate) struct Plan {
    pub extent: Extent,
    pub max_timestamp: TimestampMs,
    open_chunk: OpenChunk,
    pieces: Vec<Bytes>,
}

/// One batch on its way into a segment.
pub(crate) struct CarriedBatch {
    pub base_offset: Offset,
    pub next_offset: Offset,
    pub max_timestamp: TimestampMs,
    pub bytes: Bytes,
}

impl SegmentWriter {
    /// Makes a new segment; its file is durable when this returns.
    pub async fn create(
        disk: &Disk,
        dir: &Path,
        pass: WriterPass,
        partition: PartitionId,
        name: SegmentName,
        durability: Durability,
    ) -> io::Result<SegmentWriter> {
        let base = name.base;
        let log = BlockFile::open(disk, &name.log_path(dir), durability.mode(), 0).await?;
        let index = Index { path: name.index_path(dir), end: 0, file: None };
        disk.sync_dir(dir).await?;
        let (disk, open_chunk) = (disk.clone(), OpenChunk::default());
        Ok(SegmentWriter { disk, partition, base, log, durability, index, open_chunk, pass })
    }

    /// Continues the segment that an earlier life, or an earlier carry, left.
    pub async fn resume(
        disk: &Disk,
        dir: &Path,
        pass: WriterPass,
        partition: PartitionId,
        last: &SegmentState,
        open_chunk: Option<ChunkEntry>,
        durability: Durability,
    ) -> io::Result<SegmentWriter> {
        let path = last.name().log_path(dir);
        let log = BlockFile::open(disk, &path, durability.mode(), last.log_bytes).await?;
        let end = match u64::from(last.chunk_count) {
            0 => 0,
            count => index::ENTRIES_AT + count * ChunkEntry::BYTES as u64,
        };
        let index = Index { path: last.name().index_path(dir), end, file: None };
        let (disk, open_chunk) = (disk.clone(), OpenChunk::resume(open_chunk));
        let base = last.base;
        Ok(SegmentWriter { disk, partition, base, log, durability, index, open_chunk, pass })
    }

    pub fn log_bytes(&self) -> u64 {
        self.log.end
    }

    /// Whether it is as good for an append as one that were opened for it: of many writes, each
    /// should not be made durable by itself.
    pub fn suits(&self, durability: Durability) -> bool {
        self.durability == durability || self.durability == Durability::BySync
    }

    /// Describes `batches`, which are not empty, behind the end, and takes room for them.
    pub async fn plan(&mut self, batches: &[CarriedBatch]) -> io::Result<Plan> {
        let position = self.log.end;
        let mut open_chunk = self.open_chunk;
        let mut at = position;
        let mut max_timestamp = TimestampMs::new(-1);
        let (mut chunks, mut headers) = (Vec::new(), Vec::new());
        for batch in batches {
            max_timestamp = max_timestamp.max(batch.max_timestamp);
            let (offset, time) = (batch.base_offset, batch.max_timestamp);
            chunks.extend(open_chunk.push(self.partition, at, offset, time, &batch.bytes));
            headers.extend(BatchHeader::read(&batch.bytes));
            at += batch.bytes.len() as u64;
        }
        chunks.extend(open_chunk.entry());
        self.log.reserve(at - position).await?;
        let end = batches.last().map_or(self.base, |batch| batch.next_offset);
        let extent = Extent {
            segment: self.base,
            position,
            length: (at - position) as u32,
            end,
            chunks,
            producers: producers_of(&headers),
        };
        let pieces = batches.iter().map(|batch| batch.bytes.clone()).collect();
        Ok(Plan { extent, max_timestamp, open_chunk, pieces })
    }

    /// Writes what was planned, durably. After an error the writer is not used again: what it
    /// had written behind the durable end is written anew, from the same bytes, by the one that
    /// resumes.
    pub async fn write(&mut self, plan: &Plan, in_flight: WritesInFlight) -> io::Result<()> {
        assert_eq!(plan.extent.position, self.log.end, "a plan is for the end");
        self.log.append(&self.disk, &plan.pieces, in_flight).await?;
        if self.durability == Durability::BySync && !is_planted(Bug::SkipSegmentSync) {
            self.log.file.sync().await?;
        }
        self.open_chunk = plan.open_chunk;
        Ok(())
    }

    /// Writes `batches` without a sync: nothing of it counts before [`SegmentWriter::finish`].
    /// Returns the chunks that they finished.
    pub async fn write_unsynced(
        &mut self,
        batches: &[CarriedBatch],
    ) -> io::Result<Vec<ChunkEntry>> {
        let plan = self.plan(batches).await?;
        self.log.append(&self.disk, &plan.pieces, WritesInFlight::One).await?;
        self.open_chunk = plan.open_chunk;
        Ok(plan.extent.split_chunks().0.to_vec())
    }

    /// Ends a segment that was written without syncs, with the chunks that came of it; everything is
    /// durable when this returns. Gives back all chunks, the last one included.
    pub async fn finish(
        mut self,
        mut chunks: Vec<ChunkEntry>,
        is_unverified: bool,
    ) -> io::Result<Vec<ChunkEntry>> {
        chunks.extend(self.open_chunk.close());
        chunks.iter_mut().for_each(|chunk| chunk.is_unverified = is_unverified);
        self.seal(&chunks).await?;
        self.close().await?;
        Ok(chunks)
    }

    /// Ends the segment: indexes what is left, and cuts the files to their length. Returns the
    /// chunk that was open.
    pub async fn seal(&mut self, unindexed: &[ChunkEntry]) -> io::Result<Option<ChunkEntry>> {
        let last = self.open_chunk.close();
        let chunks: Vec<ChunkEntry> = unindexed.iter().copied().chain(last).collect();
        self.index(&chunks).await?;
        let index = match self.index.is_there() {
            true => Some(&*self.index.open(&self.disk, &self.pass).await?),
            false => None,
        };
        for file in [Some(&self.log), index].into_iter().flatten() {
            file.file.truncate(file.end).await?;
            file.file.sync().await?;
        }
        Ok(last)
    }

    /// Adds finished chunks to the index, durably.
    pub async fn index(&mut self, chunks: &[ChunkEntry]) -> io::Result<()> {
        if chunks.is_empty() {
            return Ok(());
        }
        let is_new = !self.index.is_there();
        let mut added = Vec::new();
        if is_new {
            added = index::header(self.partition, self.base);
            added.resize(BLOCK_BYTES, 0);
        }
        for chunk in chunks {
            added.extend_from_slice(&chunk.encode());
        }
        let file = self.index.open(&self.disk, &self.pass).await?;
        file.append(&self.disk, &[Bytes::from(added)], WritesInFlight::One).await?;
        file.file.sync().await?;
        match self.index.path.parent() {
            Some(dir) if is_new => self.disk.sync_dir(dir).await,
            _ => Ok(()),
        }
    }

    /// Closes the `.idx`, until something is added to it again.
    pub async fn close_index(&mut self) -> io::Result<()> {
        let Some(index) = self.index.file.take() else { return Ok(()) };
        self.index.end = index.blocks.end;
        index.blocks.file.close().await
    }

    pub async fn close(mut self) -> io::Result<()> {
        let closed = self.close_index().await;
        self.log.file.close().await.and(closed)
    }
}

impl Durability {
    fn mode(self) -> OpenMode {
        let durable_writes = self == Durability::OfEachWrite && !is_planted(Bug::SkipSegmentSync);
        OpenMode { create: true, durable_writes }
    }
}

impl Index {
    /// Whether anything was written to it.
    fn is_there(&self) -> bool {
        self.end > 0 || self.file.as_ref().is_some_and(|index| index.blocks.end > 0)
    }

    async fn open(&mut self, disk: &Disk, beside: &WriterPass) -> io::Result<&mut BlockFile> {
        let index = match self.file.take() {
            Some(index) => index,
            None => OpenIndex {
                blocks: BlockFile::open(disk, &self.path, MODE, self.end).await?,
                _pass: beside.another(),
            },
        };
        Ok(&mut self.file.insert(index).blocks)
    }
}

#[cfg(test)]
#[path = "writer_test.rs"]
mod writer_test;
