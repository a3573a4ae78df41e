//! The `.idx` beside a segment: a block of identity, then one entry per finished chunk.

use std::io;
use std::path::Path;

use pelton_model::limits::BLOCK_BYTES;
use pelton_model::{Offset, PartitionId};

use super::ChunkEntry;
use crate::disk::Disk;
use crate::error::StorageError;
use crate::wire::{Fields, put_partition};

const MAGIC: [u8; 8] = *b"PELTONX0";
const FORMAT: u16 = 0;
const HEADER_BYTES: usize = 44;

/// Where the entries begin.
pub const ENTRIES_AT: u64 = BLOCK_BYTES as u64;

/// The first block's used bytes.
pub fn header(partition: PartitionId, segment: Offset) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&FORMAT.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    put_partition(&mut out, partition);
    out.extend_from_slice(&segment.get().to_le_bytes());
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// Reads the first `count` entries; all are checked, and that they follow one another.
pub async fn read(
    disk: &Disk,
    path: &Path,
    partition: PartitionId,
    segment: Offset,
    count: u32,
) -> Result<Vec<ChunkEntry>, StorageError> {
    let damaged = |what: String| StorageError::Damaged {
        partition,
        what: format!("{}: {what}", path.display()),
    };
    if count == 0 {
        return Ok(Vec::new());
    }
    let failed = |error: io::Error| StorageError::of_reading(partition, path, &error);
    let file = disk.open(path, super::SEGMENT_MODE).await.map_err(failed)?;
    let bytes = BLOCK_BYTES + count as usize * ChunkEntry::BYTES;
    let content = file.read_at(0, bytes).await.map_err(failed);
    let _ = file.close().await;
    decode(&content?, partition, segment).map_err(damaged)
}

/// Reads a whole index; all entries are checked, and that they follow one another.
pub fn decode(
    content: &[u8],
    partition: PartitionId,
    segment: Offset,
) -> Result<Vec<ChunkEntry>, String> {
    let (head, entries) = content.split_at_checked(BLOCK_BYTES).ok_or("it has no header")?;
    if let Some(format) = Fields(&head[8..]).u16()
        && format > FORMAT
    {
        return Err(format!("format {format} is newer than this program"));
    }
    if head[..HEADER_BYTES] != header(partition, segment)[..] {
        return Err("its header is not that of this segment".into());
    }
    let mut chunks: Vec<ChunkEntry> = Vec::with_capacity(entries.len() / ChunkEntry::BYTES);
    for (at, bytes) in entries.chunks_exact(ChunkEntry::BYTES).enumerate() {
        let entry = ChunkEntry::decode(bytes)
            .ok_or_else(|| format!("entry {at} does not match its checksum"))?;
        let position = chunks.last().map_or(0, ChunkEntry::end);
        if entry.position != position || entry.offset < segment {
            return Err(format!("entry {at} does not follow its predecessor"));
        }
        chunks.push(entry);
    }
    Ok(chunks)
}

#[cfg(test)]
#[path = "index_test.rs"]
mod index_test;
