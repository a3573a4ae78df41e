//! Chunks (F2): runs of whole batches, each with a CRC over every byte of it.

use pelton_model::chunk_crc::ChunkCrc;
use pelton_model::limits::CHUNK_BYTES;
use pelton_model::{Offset, PartitionId, TimestampMs};

use crate::planted::{Bug, is_planted};
use crate::wire::Fields;

/// Where a chunk lies in its segment, and what its bytes must sum up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkEntry {
    /// Base offset of the first batch.
    pub offset: Offset,
    /// Byte position in the segment's `.log`.
    pub position: u64,
    /// Greatest record timestamp; producers need not send them in order.
    pub max_timestamp: TimestampMs,
    pub length: u32,
    /// CRC-32C over the chunk, seeded with partition, segment and position.
    pub crc: u32,
    /// A repair computed the CRC from what it found in the `.log`: it finds what rots from then
    /// on, and cannot vouch for what was written.
    pub is_unverified: bool,
}

/// The one flag of an entry: see [`ChunkEntry::is_unverified`].
const UNVERIFIED: u32 = 1;

impl ChunkEntry {
    pub const BYTES: usize = 40;

    /// Forty bytes, of which the last four are the CRC of the others.
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        out[0..8].copy_from_slice(&self.offset.get().to_le_bytes());
        out[8..16].copy_from_slice(&self.position.to_le_bytes());
        out[16..24].copy_from_slice(&self.max_timestamp.get().to_le_bytes());
        out[24..28].copy_from_slice(&self.length.to_le_bytes());
        out[28..32].copy_from_slice(&self.crc.to_le_bytes());
        let flags = if self.is_unverified { UNVERIFIED } else { 0 };
        out[32..36].copy_from_slice(&flags.to_le_bytes());
        let crc = crc32c::crc32c(&out[..36]);
        out[36..40].copy_from_slice(&crc.to_le_bytes());
        out
    }

    pub fn decode(bytes: &[u8]) -> Option<ChunkEntry> {
        let mut fields = Fields(bytes);
        let (offset, position) = (Offset::new(fields.i64()?), fields.u64()?);
        let max_timestamp = TimestampMs::new(fields.i64()?);
        let (length, crc, flags) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let stored = fields.u32()?;
        (stored == crc32c::crc32c(bytes.get(..36)?) && flags <= UNVERIFIED).then_some(ChunkEntry {
            offset,
            position,
            max_timestamp,
            length,
            crc,
            is_unverified: flags == UNVERIFIED,
        })
    }

    pub fn end(&self) -> u64 {
        self.position + u64::from(self.length)
    }
}

/// The chunk that is still being filled; its CRC runs along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenChunk {
    entry: Option<ChunkEntry>,
}

impl OpenChunk {
    /// Continues a chunk that an earlier life left open.
    pub fn resume(entry: Option<ChunkEntry>) -> Self {
        Self { entry }
    }

    /// What the chunk would be if it ended here.
    pub fn entry(&self) -> Option<ChunkEntry> {
        self.entry
    }

    /// Takes in one batch that lies at `position`; returns the chunk when it has reached its size.
    pub fn push(
        &mut self,
        partition: PartitionId,
        position: u64,
        offset: Offset,
        max_timestamp: TimestampMs,
        batch: &[u8],
    ) -> Option<ChunkEntry> {
        let entry = self.entry.get_or_insert_with(|| ChunkEntry {
            offset,
            position,
            max_timestamp,
            length: 0,
            crc: ChunkCrc::new(partition, position).crc(),
            is_unverified: false,
        });
        let mut crc = ChunkCrc::resume(entry.crc, u64::from(entry.length));
        crc.push_batch(batch);
        entry.max_timestamp = entry.max_timestamp.max(max_timestamp);
        entry.length += batch.len() as u32;
        entry.crc = crc.crc();
        (entry.length as usize >= CHUNK_BYTES).then(|| self.close()).flatten()
    }

    /// Ends the chunk where it is.
    pub fn close(&mut self) -> Option<ChunkEntry> {
        self.entry.take()
    }
}

/// Whether `bytes` are what was written as this chunk.
pub fn matches(partition: PartitionId, entry: &ChunkEntry, bytes: &[u8]) -> bool {
    let mut crc = ChunkCrc::new(partition, entry.position);
    crc.push_bytes(bytes);
    let is_right = crc.crc() == entry.crc || is_planted(Bug::SkipTheCrc);
    bytes.len() == entry.length as usize && is_right
}

#[cfg(test)]
#[path = "chunk_test.rs"]
mod chunk_test;
