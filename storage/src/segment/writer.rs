//! Appending to the last segment of a partition: whole blocks, by direct I/O, one sync per carry.

use std::io;
use std::path::Path;

use bytes::Bytes;
use pelton_model::limits::{BLOCK_BYTES, IO_BYTES_MAX};
use pelton_model::{Offset, PartitionId, TimestampMs};

use super::{ChunkEntry, OpenChunk, SegmentName, WriterPass, index};
use crate::block_file::BlockFile;
use crate::disk::{Disk, OpenMode};
use crate::state::SegmentState;

/// One write carries so many bytes at most; the disk seam cuts them into I/Os.
const WRITE_BYTES: usize = 4 * IO_BYTES_MAX;

const MODE: OpenMode = OpenMode { create: true, durable_writes: false };

/// The open end of a partition's last segment.
pub(crate) struct SegmentWriter {
    disk: Disk,
    partition: PartitionId,
    log: BlockFile,
    index: BlockFile,
    open_chunk: OpenChunk,
    /// It is counted among the open files.
    _pass: WriterPass,
}

/// What one carry has made durable.
pub(crate) struct Carried {
    pub log_bytes: u64,
    pub max_timestamp: TimestampMs,
    pub chunks: Vec<ChunkEntry>,
    pub open_chunk: Option<ChunkEntry>,
}

/// One batch on its way into a segment.
pub(crate) struct CarriedBatch {
    pub base_offset: Offset,
    pub max_timestamp: TimestampMs,
    pub bytes: Bytes,
}

impl SegmentWriter {
    /// Makes a new segment; its files are durable when this returns.
    pub async fn create(
        disk: &Disk,
        dir: &Path,
        pass: WriterPass,
        partition: PartitionId,
        name: SegmentName,
    ) -> io::Result<SegmentWriter> {
        let log = BlockFile::open(disk, &name.log_path(dir), MODE, 0).await?;
        let mut index = BlockFile::open(disk, &name.index_path(dir), MODE, 0).await?;
        let mut first = index::header(partition, name.base);
        first.resize(BLOCK_BYTES, 0);
        index.append(disk, &[Bytes::from(first)]).await?;
        index.file.sync().await?;
        disk.sync_dir(dir).await?;
        let (disk, open_chunk) = (disk.clone(), OpenChunk::default());
        Ok(SegmentWriter { disk, partition, log, index, open_chunk, _pass: pass })
    }

    /// Continues the segment that an earlier life, or an earlier carry, left.
    pub async fn resume(
        disk: &Disk,
        dir: &Path,
        pass: WriterPass,
        partition: PartitionId,
        last: &SegmentState,
        open_chunk: Option<ChunkEntry>,
    ) -> io::Result<SegmentWriter> {
        let log = BlockFile::open(disk, &last.name().log_path(dir), MODE, last.log_bytes).await?;
        let index_end = index::ENTRIES_AT + u64::from(last.chunk_count) * ChunkEntry::BYTES as u64;
        let index = BlockFile::open(disk, &last.name().index_path(dir), MODE, index_end).await?;
        let (disk, open_chunk) = (disk.clone(), OpenChunk::resume(open_chunk));
        Ok(SegmentWriter { disk, partition, log, index, open_chunk, _pass: pass })
    }

    pub fn log_bytes(&self) -> u64 {
        self.log.end
    }

    /// Writes and syncs `batches`. After an error the writer is not used again: what it had written
    /// behind the durable end is written anew, from the same bytes, by the one that resumes.
    pub async fn carry(&mut self, batches: &[CarriedBatch]) -> io::Result<Carried> {
        let written = self.write(batches).await?;
        self.log.file.sync().await?;
        self.index_chunks(&written.chunks).await?;
        Ok(written)
    }

    /// Writes `batches` without a sync: nothing of it counts before [`SegmentWriter::finish`].
    pub async fn write(&mut self, batches: &[CarriedBatch]) -> io::Result<Carried> {
        let mut max_timestamp = TimestampMs::new(-1);
        let mut chunks = Vec::new();
        let mut rest = batches;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest.iter().take_while(|batch| {
                bytes += batch.bytes.len();
                bytes <= WRITE_BYTES
            });
            let (now, later) = rest.split_at(fitting.count().max(1));
            rest = later;
            let mut position = self.log.end;
            for batch in now {
                max_timestamp = max_timestamp.max(batch.max_timestamp);
                chunks.extend(self.open_chunk.push(
                    self.partition,
                    position,
                    batch.base_offset,
                    batch.max_timestamp,
                    &batch.bytes,
                ));
                position += batch.bytes.len() as u64;
            }
            let pieces: Vec<Bytes> = now.iter().map(|batch| batch.bytes.clone()).collect();
            self.log.append(&self.disk, &pieces).await?;
        }
        Ok(Carried {
            log_bytes: self.log.end,
            max_timestamp,
            chunks,
            open_chunk: self.open_chunk.entry(),
        })
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
        self.index_chunks(&chunks).await?;
        self.seal().await?;
        self.close().await?;
        Ok(chunks)
    }

    /// Ends the segment: closes its last chunk and cuts the files to their length.
    pub async fn seal(&mut self) -> io::Result<Carried> {
        let chunks: Vec<ChunkEntry> = self.open_chunk.close().into_iter().collect();
        self.index_chunks(&chunks).await?;
        for file in [&self.log, &self.index] {
            file.file.truncate(file.end).await?;
            file.file.sync().await?;
        }
        Ok(Carried {
            log_bytes: self.log.end,
            max_timestamp: TimestampMs::new(-1),
            chunks,
            open_chunk: None,
        })
    }

    pub async fn close(self) -> io::Result<()> {
        self.log.file.close().await?;
        self.index.file.close().await
    }

    async fn index_chunks(&mut self, chunks: &[ChunkEntry]) -> io::Result<()> {
        if chunks.is_empty() {
            return Ok(());
        }
        let mut entries = Vec::with_capacity(chunks.len() * ChunkEntry::BYTES);
        for chunk in chunks {
            entries.extend_from_slice(&chunk.encode());
        }
        self.index.append(&self.disk, &[Bytes::from(entries)]).await?;
        self.index.file.sync().await
    }
}
