//! Every byte of every segment against its index, the batches' own checksums, and the state file.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use pelton_model::batch::{BatchHeader, Batches};
use pelton_model::{Offset, PartitionId, ShardId};

use super::batches::each_batch;
use super::{Finding, Findings, Weight, partition_of};
use crate::disk::{Disk, File, OpenMode};
use crate::error::{OpenError, StorageError};
use crate::reshard::shard_dirs;
use crate::segment::{ChunkEntry, index, matches, partition_dir, topics_dir};
use crate::state::{PartitionState, SegmentState, StateFile};

/// What [`verify_logs`] has read.
#[derive(Debug, Default)]
pub struct LogReport {
    pub partitions: u64,
    pub segments: u64,
    pub chunks: u64,
    pub batches: u64,
    pub bytes: u64,
    /// Chunks whose CRC a repair has computed.
    pub unverified_chunks: u64,
    pub findings: Findings,
}

/// Reads every segment that the shards' state files name. `Err` only where a state file itself
/// cannot be read: without it nobody knows what should be there.
///
/// Records that are only in the journal are not looked at; see [`super::inspect_journal`].
pub async fn verify_logs(disk: &Disk, data_dir: &Path) -> Result<LogReport, OpenError> {
    let mut report = LogReport::default();
    let mut known = BTreeSet::new();
    for shard in shards(disk, data_dir).await? {
        let dir = data_dir.join("shard").join(shard.to_string());
        let Some(state) = StateFile::new(disk, &dir).read().await? else { continue };
        for partition in &state.partitions {
            known.insert(partition.id);
            let dir = partition_dir(data_dir, partition.id);
            Walk { disk, dir: &dir, id: partition.id, report: &mut report }.verify(partition).await;
        }
    }
    note_strangers(disk, data_dir, &known, &mut report.findings)
        .await
        .map_err(|error| OpenError::Io { path: topics_dir(data_dir), error })?;
    Ok(report)
}

pub(super) async fn shards(disk: &Disk, data_dir: &Path) -> Result<Vec<ShardId>, OpenError> {
    let path = data_dir.join("shard");
    shard_dirs(disk, data_dir).await.map_err(|error| OpenError::Io { path, error })
}

/// One partition on its way into the report.
struct Walk<'a> {
    disk: &'a Disk,
    dir: &'a Path,
    id: PartitionId,
    report: &'a mut LogReport,
}

impl Walk<'_> {
    fn find(&mut self, weight: Weight, path: &Path, what: String) {
        let (path, partition) = (path.to_path_buf(), Some(self.id));
        self.report.findings.add(Finding { path, partition, weight, what });
    }

    fn damage(&mut self, path: &Path, what: String) {
        self.find(Weight::Damage, path, what);
    }

    async fn verify(mut self, state: &PartitionState) {
        self.report.partitions += 1;
        for (at, segment) in state.segments.iter().enumerate() {
            let next = state.segments.get(at + 1);
            let end = next.map_or(state.carried_end, |next| next.base);
            let beyond: Vec<ChunkEntry> = match next {
                None => state.unindexed.iter().copied().chain(state.open_chunk).collect(),
                Some(_) => Vec::new(),
            };
            // Deleted records: the files may be gone already.
            let path = segment.name().log_path(self.dir);
            if end <= state.start && self.is_absent(&path).await {
                self.find(Weight::Note, &path, "removed, below the log's start".into());
                continue;
            }
            self.verify_segment(segment, beyond, end).await;
        }
        if state.segments.is_empty() && state.carried_end > state.start {
            let what = format!("no segment holds {}..{}", state.start, state.carried_end);
            self.damage(self.dir, what);
        }
    }

    async fn is_absent(&self, path: &Path) -> bool {
        match self.disk.open(path, OpenMode::default()).await {
            Ok(_) => false,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    async fn verify_segment(
        &mut self,
        segment: &SegmentState,
        beyond_index: Vec<ChunkEntry>,
        end: Offset,
    ) {
        self.report.segments += 1;
        let path = segment.name().log_path(self.dir);
        let file = match self.disk.open(&path, OpenMode::default()).await {
            Ok(file) => file,
            Err(error) => return self.damage(&path, error.to_string()),
        };
        let bytes = file.bytes().unwrap_or(0);
        if bytes < segment.log_bytes {
            let what = format!("it has {bytes} bytes of {}", segment.log_bytes);
            self.damage(&path, what);
        }
        let idx = segment.name().index_path(self.dir);
        let read = index::read(self.disk, &idx, self.id, segment.base, segment.chunk_count).await;
        match read {
            Ok(mut chunks) => {
                chunks.extend(beyond_index);
                self.verify_chunks(&file, &path, segment, &chunks, end).await;
            }
            Err(error) => {
                self.damage(&idx, without_path(error, &idx));
                self.verify_without_index(&file, &path, segment, end).await;
            }
        }
    }

    async fn verify_chunks(
        &mut self,
        file: &File,
        path: &Path,
        segment: &SegmentState,
        chunks: &[ChunkEntry],
        end: Offset,
    ) {
        let described = chunks.last().map_or(0, ChunkEntry::end);
        if described != segment.log_bytes {
            let bytes = segment.log_bytes;
            self.damage(path, format!("chunks describe {described} of {bytes} bytes"));
        }
        // `None` behind damage: where the next batch begins is not known.
        let mut expected = Some(segment.base);
        for chunk in chunks {
            self.report.chunks += 1;
            self.report.unverified_chunks += u64::from(chunk.is_unverified);
            let content = match file.read_at(chunk.position, chunk.length as usize).await {
                Ok(content) => content,
                Err(error) => {
                    let what = format!("bytes {}..{}: {error}", chunk.position, chunk.end());
                    self.damage(path, what);
                    expected = None;
                    continue;
                }
            };
            self.report.bytes += content.len() as u64;
            if !matches(self.id, chunk, &content) {
                let what = format!(
                    "bytes {}..{}, from offset {}: they do not match their chunk's checksum",
                    chunk.position,
                    chunk.end(),
                    chunk.offset
                );
                self.damage(path, what);
                expected = None;
                continue;
            }
            expected = self.verify_batches(path, segment, chunk, &content, expected);
        }
        if expected.is_some_and(|expected| !segment.may_follow(expected, end)) {
            let what = format!("it ends before offset {end}, where the next records begin");
            self.damage(path, what);
        }
    }

    /// Returns the offset behind the chunk.
    fn verify_batches(
        &mut self,
        path: &Path,
        segment: &SegmentState,
        chunk: &ChunkEntry,
        content: &[u8],
        mut expected: Option<Offset>,
    ) -> Option<Offset> {
        let mut position = chunk.position;
        let mut batches = Batches::new(content);
        for batch in &mut batches {
            let Ok((header, bytes)) = batch else { break };
            self.report.batches += 1;
            let found = header.base_offset;
            if let Some(expected) = expected.filter(|it| !segment.may_follow(*it, found)) {
                let what = format!("the batch at {position} has offset {found}, after {expected}");
                self.damage(path, what);
            }
            if crc32c::crc32c(&bytes[BatchHeader::CRC_END..]) != header.crc {
                let offset = header.base_offset;
                self.damage(path, format!("the batch at {position}, offset {offset}: its own CRC"));
            }
            expected = Some(header.next_offset());
            position += bytes.len() as u64;
        }
        if position != chunk.end() {
            let what = format!("bytes {position}..{}: no whole batches", chunk.end());
            self.damage(path, what);
            return None;
        }
        expected
    }

    /// Which records are hurt cannot be told without the chunks' CRCs; what the batches say of
    /// themselves can.
    async fn verify_without_index(
        &mut self,
        file: &File,
        path: &Path,
        segment: &SegmentState,
        end: Offset,
    ) {
        let mut seen = Vec::new();
        let mut expected = Some(segment.base);
        let (mut batches, mut bytes) = (0, 0);
        let walked = each_batch(file, segment.log_bytes, |batch| {
            (batches, bytes) = (batches + 1, batch.end());
            let offset = batch.header.base_offset;
            if !expected.is_some_and(|expected| segment.may_follow(expected, offset)) {
                seen.push(format!("the batch at {} has offset {offset}", batch.position));
            }
            if !batch.is_crc_right {
                seen.push(format!("the batch at {}, offset {offset}: its own CRC", batch.position));
            }
            expected = Some(batch.header.next_offset());
            // The rest of a hopeless file is as hopeless.
            seen.truncate(super::FINDINGS_MAX);
        })
        .await;
        self.report.batches += batches;
        self.report.bytes += bytes;
        match walked {
            Err(error) => seen.push(error.to_string()),
            Ok(position) if position < segment.log_bytes => {
                seen.push(format!("bytes {position}..{}: no whole batches", segment.log_bytes));
            }
            Ok(_) if !expected.is_some_and(|expected| segment.may_follow(expected, end)) => {
                seen.push(format!("it ends before offset {end}"))
            }
            Ok(_) => {}
        }
        for what in seen {
            self.damage(path, what);
        }
    }
}

/// What is wrong with a file that is named beside it.
pub(super) fn without_path(error: StorageError, path: &Path) -> String {
    let what = match error {
        StorageError::Damaged { what, .. } => what,
        other => other.to_string(),
    };
    what.strip_prefix(&format!("{}: ", path.display())).unwrap_or(&what).to_owned()
}

/// Directories that no state file names: left by a crash between a carry and the state file, or by
/// a removal; a start replaces or removes them.
async fn note_strangers(
    disk: &Disk,
    data_dir: &Path,
    known: &BTreeSet<PartitionId>,
    findings: &mut Findings,
) -> io::Result<()> {
    let root = topics_dir(data_dir);
    let mut topics: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for topic in disk.dirs_in(&root).await? {
        let partitions = disk.dirs_in(&root.join(&topic)).await?;
        topics.insert(topic, partitions);
    }
    for (topic, partitions) in topics {
        for index in partitions {
            let id = partition_of(&topic, &index);
            if id.is_none_or(|id| !known.contains(&id)) {
                let path = root.join(&topic).join(&index);
                let what = "no state file names this directory".into();
                findings.add(Finding { path, partition: id, weight: Weight::Note, what });
            }
        }
    }
    Ok(())
}
