//! The 61 bytes before a batch's records.

use super::BatchError;
use crate::compression::Compression;
use crate::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, TimestampMs};

/// A batch's header as it stands in its bytes; see [`super`] for the places.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchHeader {
    pub base_offset: Offset,
    /// Of what follows the first 12 bytes.
    pub length: u32,
    pub leader_epoch: LeaderEpoch,
    pub crc: u32,
    pub attributes: i16,
    /// Of the last offset that the batch stands for; after compaction, no record may be there.
    pub last_offset_delta: i32,
    pub base_timestamp: TimestampMs,
    pub max_timestamp: TimestampMs,
    pub producer_id: ProducerId,
    pub producer_epoch: ProducerEpoch,
    pub base_sequence: i32,
    /// Of the records that are there; as claimed.
    pub record_count: i32,
}

/// Whose clock a batch's timestamps are of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TimestampType {
    /// The producer's; each record has its own.
    #[default]
    CreateTime,
    /// The broker's; every record has the batch's maximum timestamp.
    LogAppendTime,
}

impl BatchHeader {
    /// The header's size.
    pub const BYTES: usize = 61;
    /// Base offset and length, which `length` does not count.
    pub const PREFIX_BYTES: usize = 12;
    /// The only format that is read.
    pub const MAGIC: i8 = 2;

    pub(crate) const LENGTH_AT: usize = 8;
    pub(crate) const LEADER_EPOCH_AT: usize = 12;
    pub(crate) const MAGIC_AT: usize = 16;
    pub(crate) const CRC_AT: usize = 17;
    pub const CRC_END: usize = 21;
    pub(crate) const ATTRIBUTES_AT: usize = 21;
    pub(crate) const MAX_TIMESTAMP_AT: usize = 35;
    const RECORD_COUNT_AT: usize = 57;

    pub(crate) const COMPRESSION_MASK: i16 = 0b111;
    pub(crate) const LOG_APPEND_TIME: i16 = 1 << 3;
    pub(crate) const TRANSACTIONAL: i16 = 1 << 4;
    pub(crate) const CONTROL: i16 = 1 << 5;
    pub(crate) const DELETE_HORIZON: i16 = 1 << 6;
    pub(crate) const ATTRIBUTES_KNOWN: i16 = (1 << 7) - 1;

    /// The least that a length can say.
    pub(crate) const LENGTH_MIN: i32 = (Self::BYTES - Self::PREFIX_BYTES) as i32;

    /// Reads a header. The records behind it need not be there; whether they are is for the
    /// caller to compare with [`BatchHeader::total_bytes`].
    ///
    /// Fails with `Truncated`, `OldMagic`, `UnknownMagic` or `BadLength`.
    pub fn read(bytes: &[u8]) -> Result<Self, BatchError> {
        let bytes = bytes.first_chunk::<{ Self::BYTES }>().ok_or(BatchError::Truncated)?;
        match i8::from_be_bytes(field(bytes, Self::MAGIC_AT)) {
            Self::MAGIC => {}
            magic @ (0 | 1) => return Err(BatchError::OldMagic(magic)),
            magic => return Err(BatchError::UnknownMagic(magic)),
        }
        let length = i32::from_be_bytes(field(bytes, Self::LENGTH_AT));
        if !is_plausible_length(length, Self::LENGTH_MIN) {
            return Err(BatchError::BadLength(length));
        }
        Ok(Self {
            base_offset: Offset::new(i64::from_be_bytes(field(bytes, 0))),
            length: length as u32,
            leader_epoch: LeaderEpoch::new(i32::from_be_bytes(field(bytes, Self::LEADER_EPOCH_AT))),
            crc: u32::from_be_bytes(field(bytes, Self::CRC_AT)),
            attributes: i16::from_be_bytes(field(bytes, Self::ATTRIBUTES_AT)),
            last_offset_delta: i32::from_be_bytes(field(bytes, 23)),
            base_timestamp: TimestampMs::new(i64::from_be_bytes(field(bytes, 27))),
            max_timestamp: TimestampMs::new(i64::from_be_bytes(field(
                bytes,
                Self::MAX_TIMESTAMP_AT,
            ))),
            producer_id: ProducerId::new(i64::from_be_bytes(field(bytes, 43))),
            producer_epoch: ProducerEpoch::new(i16::from_be_bytes(field(bytes, 51))),
            base_sequence: i32::from_be_bytes(field(bytes, 53)),
            record_count: i32::from_be_bytes(field(bytes, Self::RECORD_COUNT_AT)),
        })
    }

    /// How many records a whole batch says that it has, for who counts and needs nothing else of
    /// it; 0 of what is no batch.
    pub fn record_count_of(batch: &[u8]) -> u32 {
        let count = batch.get(Self::RECORD_COUNT_AT..).and_then(|rest| rest.first_chunk());
        count.map_or(0, |bytes| i32::from_be_bytes(*bytes).try_into().unwrap_or(0))
    }

    /// The header's bytes, with the fields as they are here.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, &self.base_offset.get().to_be_bytes());
        put(Self::LENGTH_AT, &self.length.to_be_bytes());
        put(Self::LEADER_EPOCH_AT, &self.leader_epoch.get().to_be_bytes());
        put(Self::MAGIC_AT, &Self::MAGIC.to_be_bytes());
        put(Self::CRC_AT, &self.crc.to_be_bytes());
        put(Self::ATTRIBUTES_AT, &self.attributes.to_be_bytes());
        put(23, &self.last_offset_delta.to_be_bytes());
        put(27, &self.base_timestamp.get().to_be_bytes());
        put(Self::MAX_TIMESTAMP_AT, &self.max_timestamp.get().to_be_bytes());
        put(43, &self.producer_id.get().to_be_bytes());
        put(51, &self.producer_epoch.get().to_be_bytes());
        put(53, &self.base_sequence.to_be_bytes());
        put(Self::RECORD_COUNT_AT, &self.record_count.to_be_bytes());
        bytes
    }

    /// The whole batch, the first 12 bytes included.
    pub fn total_bytes(&self) -> usize {
        self.length as usize + Self::PREFIX_BYTES
    }

    /// The last offset that the batch stands for.
    pub fn last_offset(&self) -> Offset {
        self.base_offset.plus(i64::from(self.last_offset_delta))
    }

    /// The offset behind the batch.
    pub fn next_offset(&self) -> Offset {
        self.last_offset().plus(1)
    }

    /// Fails with `UnknownCodec`.
    pub fn compression(&self) -> Result<Compression, BatchError> {
        let id = (self.attributes & Self::COMPRESSION_MASK) as u8;
        Compression::from_id(id).ok_or(BatchError::UnknownCodec(id))
    }

    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes & Self::LOG_APPEND_TIME == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    pub fn is_transactional(&self) -> bool {
        self.attributes & Self::TRANSACTIONAL != 0
    }

    /// A transaction marker or another record of the brokers' own.
    pub fn is_control(&self) -> bool {
        self.attributes & Self::CONTROL != 0
    }

    /// When compaction may remove the batch's tombstones (KIP-534); it stands where the base
    /// timestamp does.
    pub fn delete_horizon(&self) -> Option<TimestampMs> {
        (self.attributes & Self::DELETE_HORIZON != 0).then_some(self.base_timestamp)
    }

    /// Any negative id is none.
    pub fn has_producer(&self) -> bool {
        self.producer_id > ProducerId::NONE
    }

    /// The time of a record of this batch, which differs by its delta.
    pub fn timestamp_of(&self, timestamp_delta: i64) -> TimestampMs {
        match self.timestamp_type() {
            // Producers send any value; Java wraps too.
            TimestampType::CreateTime => {
                TimestampMs::new(self.base_timestamp.get().wrapping_add(timestamp_delta))
            }
            TimestampType::LogAppendTime => self.max_timestamp,
        }
    }
}

/// Whether the whole batch's size still is a positive i32.
pub(super) fn is_plausible_length(length: i32, length_min: i32) -> bool {
    (length_min..=i32::MAX - BatchHeader::PREFIX_BYTES as i32).contains(&length)
}

/// The places are constants within the header: this cannot fail.
fn field<const N: usize>(bytes: &[u8; BatchHeader::BYTES], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

#[cfg(test)]
#[path = "header_test.rs"]
mod header_test;
