//! A partition's segments: batches as they went over the wire (F1), and an index of chunks (F2).

mod chunk;
pub(crate) mod index;
mod name;
mod open;
mod read_ahead;
mod writer;

use std::io;
use std::path::Path;
use std::rc::Rc;

use bytes::Bytes;
use pelton_model::{Offset, PartitionId, TimestampMs};

pub use chunk::ChunkEntry;
pub(crate) use chunk::{OpenChunk, matches};
pub use index::{decode as decode_index, header as index_header};
pub(crate) use name::{SegmentName, partition_dir, topics_dir};
pub use open::Corruptions;
pub(crate) use open::{OpenSegments, WriterPass};
use read_ahead::{Ahead, Place, ReadAhead};
pub(crate) use writer::{CarriedBatch, Durability, Plan, SegmentWriter};

use crate::disk::{Disk, File, OpenMode};
use crate::error::StorageError;
use crate::state::SegmentState;

/// Data is written without O_DSYNC: one sync follows a whole carry.
pub(crate) const SEGMENT_MODE: OpenMode = OpenMode { create: false, durable_writes: false };

/// One segment; [`OpenSegments`] has its files while somebody reads it.
pub(crate) struct Segment {
    pub name: SegmentName,
    /// Durable bytes of the `.log`.
    pub log_bytes: u64,
    pub max_timestamp: TimestampMs,
    /// When the newest of its records was appended, by the broker's clock, or later: its age, where
    /// they carry no time.
    pub appended_at: TimestampMs,
    /// Finished chunks that the index has.
    pub chunk_count: u32,
}

impl Segment {
    pub fn new(name: SegmentName, now: TimestampMs) -> Self {
        let max_timestamp = TimestampMs::new(-1);
        Segment { name, log_bytes: 0, max_timestamp, appended_at: now, chunk_count: 0 }
    }

    pub fn from_state(state: &SegmentState) -> Self {
        Segment {
            name: SegmentName { base: state.base, generation: state.generation },
            log_bytes: state.log_bytes,
            max_timestamp: state.max_timestamp,
            appended_at: state.appended_at,
            chunk_count: state.chunk_count,
        }
    }

    pub fn state(&self) -> SegmentState {
        SegmentState {
            base: self.name.base,
            generation: self.name.generation,
            log_bytes: self.log_bytes,
            max_timestamp: self.max_timestamp,
            appended_at: self.appended_at,
            chunk_count: self.chunk_count,
        }
    }

    /// The first offset that it may hold; the next segment's base ends it.
    pub fn base(&self) -> Offset {
        self.name.base
    }

    /// Takes in what has become durable, and was appended at `appended_at` at the latest.
    pub fn extend(&mut self, log_bytes: u64, max_timestamp: TimestampMs, appended_at: TimestampMs) {
        self.log_bytes = log_bytes;
        self.max_timestamp = self.max_timestamp.max(max_timestamp);
        self.appended_at = self.appended_at.max(appended_at);
    }

    /// What its age is counted from: the newest record's timestamp, or, where none has one, when it was
    /// appended. So does Kafka, which takes the file's last modification for the latter.
    pub fn newest_time(&self) -> TimestampMs {
        match self.max_timestamp.get() {
            0.. => self.max_timestamp,
            ..0 => self.appended_at,
        }
    }
}

/// A segment's files while they are being read; holds no borrow of the log across an await.
pub(crate) struct SegmentAccess {
    name: SegmentName,
    chunk_count: u32,
    pub index: Option<Rc<Vec<ChunkEntry>>>,
    reader: Option<File>,
}

impl SegmentAccess {
    /// The finished chunks, read and checked once.
    pub async fn index(
        &mut self,
        disk: &Disk,
        dir: &Path,
        partition: PartitionId,
    ) -> Result<Rc<Vec<ChunkEntry>>, StorageError> {
        if let Some(index) = &self.index {
            return Ok(index.clone());
        }
        let path = self.name.index_path(dir);
        let chunks = index::read(disk, &path, partition, self.name.base, self.chunk_count).await?;
        let chunks = Rc::new(chunks);
        self.index = Some(chunks.clone());
        Ok(chunks)
    }

    /// A run of neighbouring chunks, each checked before a byte of it is handed out.
    pub async fn read_chunks(
        &mut self,
        disk: &Disk,
        dir: &Path,
        partition: PartitionId,
        chunks: &[ChunkEntry],
        ahead: Option<Ahead>,
    ) -> Result<Bytes, StorageError> {
        let (Some(first), Some(last)) = (chunks.first(), chunks.last()) else {
            return Ok(Bytes::new());
        };
        let path = self.name.log_path(dir);
        let failed = |error: io::Error| StorageError::of_reading(partition, &path, &error);
        let file = match &self.reader {
            Some(file) => file.clone(),
            None => {
                let file = disk.open(&path, SEGMENT_MODE).await.map_err(failed)?;
                self.reader = Some(file.clone());
                file
            }
        };
        let bytes = (last.end() - first.position) as usize;
        let ahead = match ahead {
            Some(ahead) => ahead.take(bytes).await,
            None => None,
        };
        let content = match ahead {
            Some(content) => content,
            None => file.read_at(first.position, bytes).await.map_err(failed)?,
        };
        for chunk in chunks {
            let from = (chunk.position - first.position) as usize;
            if !matches(partition, chunk, &content[from..from + chunk.length as usize]) {
                let what = format!(
                    "{}: bytes {}..{} do not match their checksum",
                    path.display(),
                    chunk.position,
                    chunk.end()
                );
                return Err(StorageError::Damaged { partition, what });
            }
        }
        Ok(content)
    }

    /// The run that begins at `position`, and whether its reader came from the run before.
    pub fn arrive(
        &self,
        readers: &ReadAhead,
        partition: PartitionId,
        position: u64,
    ) -> (bool, Option<Ahead>) {
        match readers.arrive(Place { partition, segment: self.name, position }) {
            Some(ahead) => (true, ahead),
            None => (false, None),
        }
    }

    /// A reader will go on with `chunks`, which are finished. They are read ahead if he is known to
    /// go from front to back.
    pub fn expect(
        &self,
        readers: &ReadAhead,
        partition: PartitionId,
        chunks: &[ChunkEntry],
        is_sequential: bool,
    ) {
        let (Some(first), Some(last)) = (chunks.first(), chunks.last()) else { return };
        let (position, bytes) = (first.position, (last.end() - first.position) as usize);
        let file = self.reader.as_ref().filter(|_| is_sequential);
        let ahead = file.and_then(|file| Ahead::begin(file, position, bytes));
        readers.expect(Place { partition, segment: self.name, position }, ahead);
    }
}
