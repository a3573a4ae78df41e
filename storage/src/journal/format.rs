//! The bytes of a journal group (F3) and of its entries (S5). Drawn in README.md of this crate.

use bytes::Bytes;
use pelton_model::limits::BLOCK_BYTES;
use pelton_model::{LeaderEpoch, Offset, PartitionId, ShardId};

use super::extent::Extent;
use crate::wire::{Fields, put_partition};

pub const MAGIC: [u8; 8] = *b"PELTONJ0";
pub const FORMAT: u16 = 0;
pub const HEADER_BYTES: usize = 64;
/// Kind, padding, payload length, partition: what precedes every entry's payload.
pub const ENTRY_HEAD_BYTES: usize = 28;

/// The fixed part of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupHeader {
    pub shard: ShardId,
    pub entry_count: u32,
    /// Raised and made durable at each start, before the first append of that life.
    pub incarnation: u64,
    pub sequence: u64,
    /// Every extent described below this sequence is durable.
    pub horizon: u64,
    /// Entries below this sequence are no longer needed.
    pub tail: u64,
    pub body_bytes: u32,
    /// The header CRC of the group before: the chain.
    pub previous_crc: u32,
    pub body_crc: u32,
}

/// Why bytes are no group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoGroup {
    /// Not a group at all, or a torn one.
    Invalid,
    /// A whole header of a later format.
    TooNew(u16),
}

impl GroupHeader {
    /// The header's 64 bytes; the last four are their own CRC, which the next group repeats.
    ///
    /// `seed` is the ring's own number: without it a client could send a record that reads as a
    /// group when a torn one is looked behind.
    pub fn encode(&self, seed: u32) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[0..8].copy_from_slice(&MAGIC);
        out[8..10].copy_from_slice(&FORMAT.to_le_bytes());
        out[10..12].copy_from_slice(&self.shard.get().to_le_bytes());
        out[12..16].copy_from_slice(&self.entry_count.to_le_bytes());
        out[16..24].copy_from_slice(&self.incarnation.to_le_bytes());
        out[24..32].copy_from_slice(&self.sequence.to_le_bytes());
        out[32..40].copy_from_slice(&self.horizon.to_le_bytes());
        out[40..48].copy_from_slice(&self.tail.to_le_bytes());
        out[48..52].copy_from_slice(&self.body_bytes.to_le_bytes());
        out[52..56].copy_from_slice(&self.previous_crc.to_le_bytes());
        out[56..60].copy_from_slice(&self.body_crc.to_le_bytes());
        let crc = crc32c::crc32c_append(seed, &out[..60]);
        out[60..64].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads a header and its CRC; says nothing of the body.
    pub fn decode(bytes: &[u8], seed: u32) -> Result<(GroupHeader, u32), NoGroup> {
        let bytes = bytes.get(..HEADER_BYTES).ok_or(NoGroup::Invalid)?;
        let stored = Fields(&bytes[60..]).u32().ok_or(NoGroup::Invalid)?;
        if bytes[..8] != MAGIC || crc32c::crc32c_append(seed, &bytes[..60]) != stored {
            return Err(NoGroup::Invalid);
        }
        let mut fields = Fields(&bytes[8..60]);
        let format = fields.u16().ok_or(NoGroup::Invalid)?;
        if format > FORMAT {
            return Err(NoGroup::TooNew(format));
        }
        let mut read = || {
            Some(GroupHeader {
                shard: ShardId::new(fields.u16()?),
                entry_count: fields.u32()?,
                incarnation: fields.u64()?,
                sequence: fields.u64()?,
                horizon: fields.u64()?,
                tail: fields.u64()?,
                body_bytes: fields.u32()?,
                previous_crc: fields.u32()?,
                body_crc: fields.u32()?,
            })
        };
        Ok((read().ok_or(NoGroup::Invalid)?, stored))
    }

    /// What the group takes in the file: header and body, filled up to a block.
    pub fn file_bytes(&self) -> usize {
        file_bytes(self.body_bytes as usize)
    }
}

/// What a group with so large a body takes in the file.
pub(super) fn file_bytes(body_bytes: usize) -> usize {
    (HEADER_BYTES + body_bytes).next_multiple_of(BLOCK_BYTES)
}

/// A whole, checked group as it was found in a file.
#[derive(Clone, Debug)]
pub struct Group {
    pub header: GroupHeader,
    pub header_crc: u32,
    pub body: Bytes,
}

impl Group {
    /// Reads the group that begins at `at`; both CRCs hold when it is returned.
    pub fn read(file: &Bytes, at: usize, seed: u32) -> Result<Group, NoGroup> {
        let (header, header_crc) =
            GroupHeader::decode(file.get(at..).ok_or(NoGroup::Invalid)?, seed)?;
        let from = at + HEADER_BYTES;
        let to = from.checked_add(header.body_bytes as usize).ok_or(NoGroup::Invalid)?;
        let body = file.get(from..to).ok_or(NoGroup::Invalid)?;
        if crc32c::crc32c(body) != header.body_crc {
            return Err(NoGroup::Invalid);
        }
        Ok(Group { header, header_crc, body: file.slice(from..to) })
    }

    /// The entries, in order; `None` when the body does not parse, which its CRC rules out.
    pub fn entries(&self) -> Option<Vec<(PartitionId, Entry)>> {
        let mut entries = Vec::new();
        let mut at = 0;
        for _ in 0..self.header.entry_count {
            let mut head = Fields(self.body.get(at..at + ENTRY_HEAD_BYTES)?);
            let kind = head.u8()?;
            head.bytes(3)?;
            let length = head.u32()? as usize;
            let partition = head.partition()?;
            let from = at + ENTRY_HEAD_BYTES;
            let to = from.checked_add(length)?;
            self.body.get(from..to)?;
            entries.push((partition, Entry::decode(kind, self.body.slice(from..to))?));
            at = to;
        }
        (at == self.body.len()).then_some(entries)
    }
}

/// What became durable (S5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// One record batch, as it stands in the log.
    Append { base_offset: Offset, epoch: LeaderEpoch, batch: Bytes },
    /// Bytes that stand in a segment, up to offset `end`.
    Extent(Extent),
    /// The log was cut off, by a start or after it was fenced: records at and above `end` are gone,
    /// and of extents those that reach beyond `carried`.
    Truncate { end: Offset, carried: Offset },
    /// Records below `start` are gone.
    LogStart { start: Offset },
    /// A segment begins at `base`.
    Roll { base: Offset },
    /// The partition is gone.
    Drop,
    /// The partition lives on this shard, led in `epoch` from offset `start` on; 0 for a new one.
    Place { epoch: LeaderEpoch, start: Offset },
}

const APPEND: u8 = 1;
const EXTENT: u8 = 2;
const TRUNCATE: u8 = 3;
const LOG_START: u8 = 4;
const ROLL: u8 = 5;
const DROP: u8 = 6;
const PLACE: u8 = 7;

impl Entry {
    /// Whether the log that it is of has nothing before it.
    pub(crate) fn begins_log(&self) -> bool {
        matches!(self, Entry::Place { start: Offset::ZERO, .. })
    }

    /// What the entry takes in a group's body.
    pub fn encoded_bytes(&self) -> usize {
        ENTRY_HEAD_BYTES
            + match self {
                Entry::Append { batch, .. } => 12 + batch.len(),
                Entry::Extent(extent) => extent.encoded_bytes(),
                Entry::Truncate { .. } => 16,
                Entry::LogStart { .. } | Entry::Roll { .. } => 8,
                Entry::Drop => 0,
                Entry::Place { .. } => 12,
            }
    }

    /// Everything but an Append's batch, which is copied straight into the group's buffer.
    pub fn encode_head(&self, partition: PartitionId, out: &mut Vec<u8>) {
        let kind = match self {
            Entry::Append { .. } => APPEND,
            Entry::Extent(_) => EXTENT,
            Entry::Truncate { .. } => TRUNCATE,
            Entry::LogStart { .. } => LOG_START,
            Entry::Roll { .. } => ROLL,
            Entry::Drop => DROP,
            Entry::Place { .. } => PLACE,
        };
        out.extend_from_slice(&[kind, 0, 0, 0]);
        let payload = (self.encoded_bytes() - ENTRY_HEAD_BYTES) as u32;
        out.extend_from_slice(&payload.to_le_bytes());
        put_partition(out, partition);
        match self {
            Entry::Append { base_offset, epoch, .. } => {
                out.extend_from_slice(&base_offset.get().to_le_bytes());
                out.extend_from_slice(&epoch.get().to_le_bytes());
            }
            Entry::Extent(extent) => extent.encode(out),
            Entry::Truncate { end, carried } => {
                out.extend_from_slice(&end.get().to_le_bytes());
                out.extend_from_slice(&carried.get().to_le_bytes());
            }
            Entry::LogStart { start: offset } | Entry::Roll { base: offset } => {
                out.extend_from_slice(&offset.get().to_le_bytes())
            }
            Entry::Drop => {}
            Entry::Place { epoch, start } => {
                out.extend_from_slice(&epoch.get().to_le_bytes());
                out.extend_from_slice(&start.get().to_le_bytes());
            }
        }
    }

    fn decode(kind: u8, payload: Bytes) -> Option<Entry> {
        let mut fields = Fields(&payload);
        Some(match kind {
            APPEND => Entry::Append {
                base_offset: Offset::new(fields.i64()?),
                epoch: LeaderEpoch::new(fields.i32()?),
                batch: payload.slice(12..),
            },
            EXTENT => Entry::Extent(Extent::decode(&mut fields)?),
            TRUNCATE => Entry::Truncate {
                end: Offset::new(fields.i64()?),
                carried: Offset::new(fields.i64()?),
            },
            LOG_START => Entry::LogStart { start: Offset::new(fields.i64()?) },
            ROLL => Entry::Roll { base: Offset::new(fields.i64()?) },
            DROP => Entry::Drop,
            PLACE => Entry::Place {
                epoch: LeaderEpoch::new(fields.i32()?),
                start: Offset::new(fields.i64()?),
            },
            _ => return None,
        })
    }
}

#[cfg(test)]
#[path = "format_test.rs"]
mod format_test;
