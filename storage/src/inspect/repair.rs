//! Rebuilding an index from its `.log`: an explicit act, because the chunks' CRCs, which cover
//! what Kafka's own do not, are lost with the index.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use pelton_model::chunk_crc::ChunkCrc;
use pelton_model::limits::BLOCK_BYTES;
use pelton_model::{Offset, PartitionId};

use super::batches::{SeenBatch, each_batch};
use super::segments::{shards, without_path};
use crate::disk::{Disk, File, OpenMode};
use crate::error::OpenError;
use crate::segment::{ChunkEntry, index, partition_dir};
use crate::state::{PartitionState, SegmentState, StateFile};

/// What became of one segment whose index could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mend {
    pub partition: PartitionId,
    pub index: PathBuf,
    pub why: String,
    /// The chunks of the new index; or why there is none.
    pub result: Result<usize, NotRebuilt>,
}

/// Why an index stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotRebuilt {
    /// An index would be worth nothing: what is wrong with the `.log`.
    LogDamaged(String),
    /// The journal may say of more entries than the state file, and be the only one to do so: a start,
    /// which does not need the index, has to take that in first.
    StartFirst,
}

impl fmt::Display for NotRebuilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotRebuilt::LogDamaged(what) => write!(f, "the log is damaged: {what}"),
            NotRebuilt::StartFirst => {
                f.write_str("the broker did not stop in order: start it, stop it, and repair again")
            }
        }
    }
}

/// What [`repair`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    pub sound: u64,
    pub mends: Vec<Mend>,
}

/// Rebuilds every index that cannot be read, and no other. The new one's chunks are *unverified*:
/// what rots from now on is found, but of what the `.log` holds now, only the batches' own CRCs
/// vouch, which leave the first 21 bytes of each batch (base offset, length, leader epoch, magic)
/// uncovered. A segment with a batch that fails its own CRC is left as it is. So is a partition's last one
/// after a stop that was not in order: the journal may have sealed it since.
///
/// With `is_trial` nothing is written. After a crash in the middle, run it again.
pub async fn repair(disk: &Disk, data_dir: &Path, is_trial: bool) -> Result<Repaired, OpenError> {
    let mut repaired = Repaired::default();
    for shard in shards(disk, data_dir).await? {
        let dir = data_dir.join("shard").join(shard.to_string());
        let state_file = StateFile::new(disk, &dir);
        let Some(mut state) = state_file.read().await? else { continue };
        let mut has_changed = false;
        for partition in &mut state.partitions {
            let dir = partition_dir(data_dir, partition.id);
            let at = Place { disk, dir: &dir, partition: partition.id, is_trial };
            has_changed |= at.mend(partition, state.clean, &mut repaired).await;
        }
        if has_changed && !is_trial {
            // The new index is durable by now; the state names how many entries of it count.
            state.version += 1;
            let written = state_file.write(&state).await;
            written.map_err(|error| OpenError::Io { path: dir, error })?;
        }
    }
    Ok(repaired)
}

struct Place<'a> {
    disk: &'a Disk,
    dir: &'a Path,
    partition: PartitionId,
    is_trial: bool,
}

impl Place<'_> {
    /// Whether the state has changed.
    async fn mend(
        &self,
        state: &mut PartitionState,
        is_clean: bool,
        repaired: &mut Repaired,
    ) -> bool {
        let mut has_changed = false;
        let (start, carried_end) = (state.start, state.carried_end);
        let ends: Vec<Offset> =
            state.segments.iter().skip(1).map(|it| it.base).chain([carried_end]).collect();
        let last = ends.len().saturating_sub(1);
        for (at, (segment, end)) in state.segments.iter_mut().zip(ends).enumerate() {
            // The CRCs of chunks beyond the index are in the state file and stay good.
            let beyond =
                state.unindexed.first().copied().or(state.open_chunk).filter(|_| at == last);
            let count = segment.chunk_count;
            let Err(why) = self.read_index(segment, beyond).await else {
                repaired.sound += 1;
                continue;
            };
            if end <= start {
                continue;
            }
            let rebuilt = match at == last && !is_clean {
                true => Err(NotRebuilt::StartFirst),
                false => self.rebuild(segment, beyond, end).await.map_err(NotRebuilt::LogDamaged),
            };
            has_changed |= rebuilt.as_ref().is_ok_and(|chunks| *chunks != count as usize);
            if let Ok(chunks) = &rebuilt {
                segment.chunk_count = *chunks as u32;
            }
            repaired.mends.push(Mend {
                partition: self.partition,
                index: segment.name().index_path(self.dir),
                why,
                result: rebuilt,
            });
        }
        has_changed
    }

    /// `Err` says why the index is of no use.
    async fn read_index(
        &self,
        segment: &SegmentState,
        beyond: Option<ChunkEntry>,
    ) -> Result<(), String> {
        let path = segment.name().index_path(self.dir);
        let count = segment.chunk_count;
        let chunks = index::read(self.disk, &path, self.partition, segment.base, count).await;
        let chunks = chunks.map_err(|error| without_path(error, &path))?;
        let end = beyond.map_or(segment.log_bytes, |chunk| chunk.position);
        match chunks.last().map_or(0, ChunkEntry::end) {
            // A repair that a crash cut short has not told the state file yet.
            described if described != end => {
                Err(format!("it describes {described} of {end} bytes"))
            }
            _ => Ok(()),
        }
    }

    async fn rebuild(
        &self,
        segment: &SegmentState,
        beyond: Option<ChunkEntry>,
        end: Offset,
    ) -> Result<usize, String> {
        let text = |error: io::Error| error.to_string();
        let path = segment.name().log_path(self.dir);
        let file = self.disk.open(&path, OpenMode::default()).await.map_err(text)?;
        let bytes = beyond.map_or(segment.log_bytes, |chunk| chunk.position);
        let end = beyond.map_or(end, |chunk| chunk.offset);
        let mut chunks = self.chunks(&file, bytes, segment, end).await?;
        for chunk in &mut chunks {
            chunk.crc = self.crc_of(&file, chunk).await.map_err(text)?;
        }
        if !self.is_trial {
            let mut content = index::header(self.partition, segment.base);
            content.resize(BLOCK_BYTES, 0);
            chunks.iter().for_each(|chunk| content.extend_from_slice(&chunk.encode()));
            let path = segment.name().index_path(self.dir);
            self.disk.write_file_durably(&path, &content).await.map_err(text)?;
        }
        Ok(chunks.len())
    }

    /// The batches of the first `bytes` bytes in chunks; their CRCs are still open.
    async fn chunks(
        &self,
        file: &File,
        bytes: u64,
        segment: &SegmentState,
        end: Offset,
    ) -> Result<Vec<ChunkEntry>, String> {
        let mut fault = None;
        let mut expected = segment.base;
        let mut chunks: Vec<ChunkEntry> = Vec::new();
        let mut fill = 0;
        let walked = each_batch(file, bytes, |batch: &SeenBatch| {
            let header = &batch.header;
            if !batch.is_crc_right || !segment.may_follow(expected, header.base_offset) {
                let (at, offset) = (batch.position, header.base_offset);
                fault.get_or_insert(format!("the batch at {at}, offset {offset}, is damaged"));
            }
            expected = header.next_offset();
            match chunks.last_mut().filter(|_| fill < pelton_model::limits::CHUNK_BYTES) {
                Some(chunk) => {
                    chunk.length += header.total_bytes() as u32;
                    chunk.max_timestamp = chunk.max_timestamp.max(header.max_timestamp);
                    fill += header.total_bytes();
                }
                None => {
                    fill = header.total_bytes();
                    chunks.push(ChunkEntry {
                        offset: header.base_offset,
                        position: batch.position,
                        max_timestamp: header.max_timestamp,
                        length: fill as u32,
                        crc: 0,
                        is_unverified: true,
                    });
                }
            }
        })
        .await
        .map_err(|error| error.to_string())?;
        match fault {
            Some(fault) => Err(fault),
            None if walked < bytes => Err(format!("bytes {walked}..{bytes} are no batches")),
            None if !segment.may_follow(expected, end) => {
                Err(format!("it ends at offset {expected} before {end}"))
            }
            None => Ok(chunks),
        }
    }

    async fn crc_of(&self, file: &File, chunk: &ChunkEntry) -> io::Result<u32> {
        let mut crc = ChunkCrc::new(self.partition, chunk.position);
        crc.push_bytes(&file.read_at(chunk.position, chunk.length as usize).await?);
        Ok(crc.crc())
    }
}
