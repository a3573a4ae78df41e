//! The state file (F4): all small state of a shard's partitions, in two slots.
//!
//! The slots are written in turn, each by write, sync, rename and directory sync, so one of them is
//! whole whatever happens. The newer one counts.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use pelton_model::{LeaderEpoch, Offset, PartitionId, ShardId, TimestampMs};

use crate::disk::{Disk, OpenMode, is_disk_full};
use crate::error::OpenError;
use crate::journal::Life;
use crate::segment::{ChunkEntry, SegmentName};
use crate::wire::{Fields, put_partition};

const MAGIC: [u8; 8] = *b"PELTONS0";
const FORMAT: u16 = 0;
const HEAD_BYTES: usize = 24;

/// Everything that the journal need not be replayed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardState {
    pub version: u64,
    pub shard: ShardId,
    pub life: Life,
    /// Journal entries below this sequence are contained in this state.
    pub tail: u64,
    /// There is no journal entry from the tail on: the life ended in order, and the journal need
    /// not be read.
    pub clean: bool,
    pub partitions: Vec<PartitionState>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionState {
    pub id: PartitionId,
    pub start: Offset,
    /// Records below it are in segments.
    pub carried_end: Offset,
    /// Compaction has been over everything below it.
    pub cleaned_end: Offset,
    /// Where each leader epoch began, oldest first.
    pub epochs: Vec<(LeaderEpoch, Offset)>,
    pub segments: Vec<SegmentState>,
    /// The last segment's finished chunks that its index does not have.
    pub unindexed: Vec<ChunkEntry>,
    /// The last segment's unfinished chunk.
    pub open_chunk: Option<ChunkEntry>,
    /// When the last segment got its first batch, by the broker's clock.
    pub segment_since: Option<TimestampMs>,
    /// See `pelton_model::producer`.
    pub producers: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentState {
    pub base: Offset,
    /// How often compaction has written it anew.
    pub generation: u32,
    pub log_bytes: u64,
    pub max_timestamp: TimestampMs,
    /// See [`Segment::appended_at`](crate::segment::Segment::appended_at).
    pub appended_at: TimestampMs,
    pub chunk_count: u32,
}

impl SegmentState {
    pub(crate) fn name(&self) -> SegmentName {
        SegmentName { base: self.base, generation: self.generation }
    }

    /// Whether a record at `found` may be the next when all up to `expected` have been seen: what
    /// compaction has written anew has gaps.
    pub(crate) fn may_follow(&self, expected: Offset, found: Offset) -> bool {
        match self.generation {
            0 => expected == found,
            _ => expected <= found,
        }
    }
}

impl ShardState {
    /// The whole file's bytes, drawn in README.md of this crate.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.encode().finish().concat()
    }

    fn encode(&self) -> StateWriter {
        let mut out = StateWriter::new(&StateHead {
            version: self.version,
            shard: self.shard,
            life: self.life,
            tail: self.tail,
            clean: self.clean,
            partition_count: self.partitions.len() as u32,
        });
        self.partitions.iter().for_each(|partition| out.push(partition));
        out
    }

    /// Nothing is believed before the checksum of all of it holds.
    pub fn decode(content: &Bytes) -> Result<ShardState, Unreadable> {
        let head = content.get(..HEAD_BYTES).ok_or(Unreadable::Damaged)?;
        let body = content.slice(HEAD_BYTES..);
        let mut fields = Fields(head);
        if fields.bytes(8) != Some(&MAGIC) {
            return Err(Unreadable::Damaged);
        }
        let format = fields.u16().ok_or(Unreadable::Damaged)?;
        let shard = ShardId::new(fields.u16().ok_or(Unreadable::Damaged)?);
        let length = fields.u64().ok_or(Unreadable::Damaged)?;
        let crc = fields.u32().ok_or(Unreadable::Damaged)?;
        if body.len() as u64 != length
            || crc32c::crc32c_append(crc32c::crc32c(&body), &head[..20]) != crc
        {
            return Err(Unreadable::Damaged);
        }
        if format > FORMAT {
            return Err(Unreadable::TooNew(format));
        }
        Self::decode_body(shard, &body).ok_or(Unreadable::Damaged)
    }

    fn decode_body(shard: ShardId, body: &Bytes) -> Option<ShardState> {
        let mut fields = Fields(body);
        let version = fields.u64()?;
        let life = Life { incarnation: fields.u64()?, seed: fields.u32()? };
        let tail = fields.u64()?;
        let clean = fields.u8()? != 0;
        let mut partitions = Vec::new();
        for _ in 0..fields.u32()? {
            partitions.push(PartitionState::decode(&mut fields)?);
        }
        fields.0.is_empty().then_some(ShardState { version, shard, life, tail, clean, partitions })
    }
}

/// What precedes the partitions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StateHead {
    pub version: u64,
    pub shard: ShardId,
    pub life: Life,
    pub tail: u64,
    pub clean: bool,
    pub partition_count: u32,
}

/// An encoded piece is closed at this size, so that none has to be grown by copying megabytes.
const PIECE_BYTES: usize = 256 << 10;

/// A state being encoded, partition by partition.
pub(crate) struct StateWriter {
    shard: ShardId,
    partitions_left: u32,
    pieces: Vec<Vec<u8>>,
    piece: Vec<u8>,
    body_bytes: u64,
    crc: u32,
}

impl StateWriter {
    pub fn new(head: &StateHead) -> Self {
        let mut piece = Vec::with_capacity(PIECE_BYTES.min(256 * head.partition_count as usize));
        piece.extend_from_slice(&head.version.to_le_bytes());
        piece.extend_from_slice(&head.life.incarnation.to_le_bytes());
        piece.extend_from_slice(&head.life.seed.to_le_bytes());
        piece.extend_from_slice(&head.tail.to_le_bytes());
        piece.push(u8::from(head.clean));
        piece.extend_from_slice(&head.partition_count.to_le_bytes());
        StateWriter {
            shard: head.shard,
            partitions_left: head.partition_count,
            pieces: Vec::new(),
            piece,
            body_bytes: 0,
            crc: 0,
        }
    }

    pub fn push(&mut self, partition: &PartitionState) {
        self.partitions_left -= 1;
        partition.encode(&mut self.piece);
        if self.piece.len() >= PIECE_BYTES {
            self.close_piece();
        }
    }

    /// Encoded so far.
    pub fn bytes(&self) -> u64 {
        self.body_bytes + self.piece.len() as u64
    }

    fn close_piece(&mut self) {
        let piece = std::mem::take(&mut self.piece);
        self.crc = crc32c::crc32c_append(self.crc, &piece);
        self.body_bytes += piece.len() as u64;
        self.pieces.push(piece);
    }

    /// The file's content, in order.
    fn finish(mut self) -> Vec<Vec<u8>> {
        assert_eq!(self.partitions_left, 0, "the head counts the partitions");
        self.close_piece();
        let mut head = Vec::with_capacity(HEAD_BYTES);
        head.extend_from_slice(&MAGIC);
        head.extend_from_slice(&FORMAT.to_le_bytes());
        head.extend_from_slice(&self.shard.get().to_le_bytes());
        head.extend_from_slice(&self.body_bytes.to_le_bytes());
        let crc = crc32c::crc32c_append(self.crc, &head);
        head.extend_from_slice(&crc.to_le_bytes());
        self.pieces.insert(0, head);
        self.pieces
    }
}

impl PartitionState {
    fn encode(&self, out: &mut Vec<u8>) {
        put_partition(out, self.id);
        out.extend_from_slice(&self.start.get().to_le_bytes());
        out.extend_from_slice(&self.carried_end.get().to_le_bytes());
        out.extend_from_slice(&self.cleaned_end.get().to_le_bytes());
        put_count(out, self.epochs.len());
        for (epoch, start) in &self.epochs {
            out.extend_from_slice(&epoch.get().to_le_bytes());
            out.extend_from_slice(&start.get().to_le_bytes());
        }
        put_count(out, self.segments.len());
        for segment in &self.segments {
            out.extend_from_slice(&segment.base.get().to_le_bytes());
            out.extend_from_slice(&segment.generation.to_le_bytes());
            out.extend_from_slice(&segment.log_bytes.to_le_bytes());
            out.extend_from_slice(&segment.max_timestamp.get().to_le_bytes());
            out.extend_from_slice(&segment.appended_at.get().to_le_bytes());
            out.extend_from_slice(&segment.chunk_count.to_le_bytes());
        }
        put_count(out, self.unindexed.len());
        for chunk in &self.unindexed {
            out.extend_from_slice(&chunk.encode());
        }
        match &self.open_chunk {
            None => out.push(0),
            Some(chunk) => {
                out.push(1);
                out.extend_from_slice(&chunk.encode());
            }
        }
        match &self.segment_since {
            None => out.push(0),
            Some(since) => {
                out.push(1);
                out.extend_from_slice(&since.get().to_le_bytes());
            }
        }
        put_count(out, self.producers.len());
        out.extend_from_slice(&self.producers);
    }

    fn decode(fields: &mut Fields<'_>) -> Option<PartitionState> {
        let id = fields.partition()?;
        let start = Offset::new(fields.i64()?);
        let carried_end = Offset::new(fields.i64()?);
        let cleaned_end = Offset::new(fields.i64()?);
        let mut epochs = Vec::new();
        for _ in 0..fields.u32()? {
            epochs.push((LeaderEpoch::new(fields.i32()?), Offset::new(fields.i64()?)));
        }
        let mut segments = Vec::new();
        for _ in 0..fields.u32()? {
            segments.push(SegmentState {
                base: Offset::new(fields.i64()?),
                generation: fields.u32()?,
                log_bytes: fields.u64()?,
                max_timestamp: TimestampMs::new(fields.i64()?),
                appended_at: TimestampMs::new(fields.i64()?),
                chunk_count: fields.u32()?,
            });
        }
        let mut unindexed = Vec::new();
        for _ in 0..fields.u32()? {
            unindexed.push(ChunkEntry::decode(fields.bytes(ChunkEntry::BYTES)?)?);
        }
        let open_chunk = match fields.u8()? {
            0 => None,
            1 => Some(ChunkEntry::decode(fields.bytes(ChunkEntry::BYTES)?)?),
            _ => return None,
        };
        let segment_since = match fields.u8()? {
            0 => None,
            1 => Some(TimestampMs::new(fields.i64()?)),
            _ => return None,
        };
        let count = fields.u32()? as usize;
        let producers = Bytes::copy_from_slice(fields.bytes(count)?);
        Some(PartitionState {
            id,
            start,
            carried_end,
            cleaned_end,
            epochs,
            segments,
            unindexed,
            open_chunk,
            segment_since,
            producers,
        })
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&(count as u32).to_le_bytes());
}

/// What the head of a state file says of the bytes behind it.
fn body_bytes(head: &[u8]) -> Option<u64> {
    let mut fields = Fields(head);
    let (magic, _format, _shard) = (fields.bytes(8)?, fields.u16()?, fields.u16()?);
    fields.u64().filter(|_| magic == MAGIC)
}

pub enum Unreadable {
    Damaged,
    TooNew(u16),
}

/// The two slots of one shard.
pub struct StateFile {
    disk: Disk,
    dir: PathBuf,
}

impl StateFile {
    pub fn new(disk: &Disk, dir: &Path) -> Self {
        Self { disk: disk.clone(), dir: dir.to_path_buf() }
    }

    fn slot(&self, version: u64) -> PathBuf {
        self.dir.join(format!("state.{}", version % 2))
    }

    /// The newest whole state; `None` in a fresh directory.
    pub async fn read(&self) -> Result<Option<ShardState>, OpenError> {
        let mut newest: Option<ShardState> = None;
        let mut damaged = None;
        for version in 0..2 {
            let path = self.slot(version);
            let content = match self.read_slot(&path).await {
                Ok(content) => content,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(OpenError::Io { path, error }),
            };
            let state = content.ok_or(Unreadable::Damaged);
            match state.and_then(|content| ShardState::decode(&content)) {
                Ok(state) if newest.as_ref().is_none_or(|other| other.version < state.version) => {
                    newest = Some(state);
                }
                Ok(_) => {}
                Err(Unreadable::TooNew(format)) => return Err(OpenError::TooNew { path, format }),
                Err(Unreadable::Damaged) => damaged = Some(path),
            }
        }
        // A slot is replaced by rename, so no crash leaves a broken one; and which of the two was
        // the newer cannot be told any more.
        match damaged {
            Some(path) => {
                Err(OpenError::Damaged { path, what: "its checksum does not match".into() })
            }
            None => Ok(newest),
        }
    }

    /// All of a slot; none of what its head does not give the length of. There is no other bound: what
    /// was written has to be read, or there would be no way to start.
    async fn read_slot(&self, path: &Path) -> io::Result<Option<Bytes>> {
        let file = self.disk.open(path, OpenMode::default()).await?;
        let content = async {
            let bytes = usize::try_from(file.bytes()?).unwrap_or(usize::MAX);
            let head = file.read_at(0, bytes.min(HEAD_BYTES)).await?;
            match body_bytes(&head).and_then(|body| body.checked_add(HEAD_BYTES as u64)) {
                Some(told) if told == bytes as u64 => file.read_at(0, bytes).await.map(Some),
                _ => Ok(None),
            }
        }
        .await;
        file.close().await?;
        content
    }

    pub(crate) async fn write_encoded(&self, version: u64, state: StateWriter) -> io::Result<()> {
        let (slot, pieces) = (self.slot(version), state.finish());
        match self.disk.write_pieces_durably(&slot, &pieces).await {
            // The older state, which nobody needs any more, makes room for its successor: a start, too,
            // has to write one.
            Err(error) if is_disk_full(&error) && self.disk.remove_file(&slot).await.is_ok() => {
                self.disk.write_pieces_durably(&slot, &pieces).await
            }
            written => written,
        }
    }

    pub async fn write(&self, state: &ShardState) -> io::Result<()> {
        self.write_encoded(state.version, state.encode()).await
    }
}

#[cfg(test)]
#[path = "state_test.rs"]
mod state_test;
