//! The checksum of a chunk of a segment, over every byte that is written.

use crate::batch::BatchHeader;
use crate::crc;
use crate::ids::PartitionId;

/// From this size on, combining (a fraction of a microsecond) is cheaper than reading the bytes.
const COMBINE_BYTES_MIN: usize = 8 << 10;

/// A running CRC-32C over batches, seeded with the partition and the position in its segment, so
/// that bytes which were written elsewhere do not pass. Kafka's own CRC leaves the first 21 bytes
/// of a batch uncovered; this one covers them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkCrc {
    crc: u32,
    bytes: u64,
}

impl ChunkCrc {
    /// An empty chunk that begins at `position` (bytes) of a segment of `partition`.
    pub fn new(partition: PartitionId, position: u64) -> Self {
        let mut crc = crc32c::crc32c(partition.topic.as_bytes());
        crc = crc32c::crc32c_append(crc, &partition.index.get().to_be_bytes());
        crc = crc32c::crc32c_append(crc, &position.to_be_bytes());
        Self { crc, bytes: 0 }
    }

    /// Continues a chunk whose first `bytes` bytes sum up to `crc`, seed included.
    pub fn resume(crc: u32, bytes: u64) -> Self {
        Self { crc, bytes }
    }

    /// The chunk's checksum so far.
    pub fn crc(&self) -> u32 {
        self.crc
    }

    /// How many bytes the chunk has so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds a whole batch whose own CRC is known to be right, without reading all of it.
    pub fn push_batch(&mut self, batch: &[u8]) {
        let stored = batch.get(BatchHeader::CRC_AT..BatchHeader::CRC_END);
        match stored.and_then(|crc| crc.try_into().ok()) {
            Some(stored) if batch.len() >= COMBINE_BYTES_MIN => {
                let (uncovered, covered) = batch.split_at(BatchHeader::CRC_END);
                let stored = u32::from_be_bytes(stored);
                self.push_bytes(uncovered);
                self.crc = crc::combine(self.crc, stored, covered.len());
                self.bytes += covered.len() as u64;
            }
            _ => self.push_bytes(batch),
        }
    }

    /// Adds bytes of any kind, reading them: what a reader uses to verify a chunk.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        self.crc = crc::append(self.crc, bytes);
        self.bytes += bytes.len() as u64;
    }
}

#[cfg(test)]
#[path = "chunk_crc_test.rs"]
mod chunk_crc_test;
