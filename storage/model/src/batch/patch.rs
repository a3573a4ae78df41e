//! Changes to a batch in place.
//!
//! All of these take bytes that begin with a header which [`BatchHeader::read`] has read; fewer
//! bytes are a bug of the caller and panic.

use super::{BatchHeader, TimestampType};
use crate::crc;
use crate::ids::{LeaderEpoch, Offset, TimestampMs};

/// Gives the batch its place in the log. Both fields lie outside the CRC, which stays right.
pub fn set_base_offset_and_epoch(batch: &mut [u8], base_offset: Offset, epoch: LeaderEpoch) {
    put(batch, 0, base_offset.get().to_be_bytes());
    put(batch, BatchHeader::LEADER_EPOCH_AT, epoch.get().to_be_bytes());
}

/// Sets timestamp type and maximum timestamp, and corrects the CRC without reading the records.
/// The header alone suffices. As in Kafka, attributes that have no meaning are gone from a batch
/// that had to be stamped, and stay in others.
pub fn set_timestamps(batch: &mut [u8], timestamp_type: TimestampType, max_timestamp: TimestampMs) {
    let header = &mut batch[..BatchHeader::BYTES];
    let length = u32::from_be_bytes(get(header, BatchHeader::LENGTH_AT));
    let record_bytes =
        (length as usize + BatchHeader::PREFIX_BYTES).saturating_sub(BatchHeader::BYTES);
    let crc_before = crc32c::crc32c(&header[BatchHeader::CRC_END..]);

    let mut attributes = i16::from_be_bytes(get(header, BatchHeader::ATTRIBUTES_AT));
    attributes &= BatchHeader::ATTRIBUTES_KNOWN;
    match timestamp_type {
        TimestampType::CreateTime => attributes &= !BatchHeader::LOG_APPEND_TIME,
        TimestampType::LogAppendTime => attributes |= BatchHeader::LOG_APPEND_TIME,
    }
    put(header, BatchHeader::ATTRIBUTES_AT, attributes.to_be_bytes());
    put(header, BatchHeader::MAX_TIMESTAMP_AT, max_timestamp.get().to_be_bytes());

    let crc_after = crc32c::crc32c(&header[BatchHeader::CRC_END..]);
    let stored = u32::from_be_bytes(get(header, BatchHeader::CRC_AT));
    let corrected = stored ^ crc::advance(crc_before ^ crc_after, record_bytes);
    put(header, BatchHeader::CRC_AT, corrected.to_be_bytes());
}

/// Computes the CRC anew over the whole batch, which must be all that `batch` holds.
pub fn reseal_crc(batch: &mut [u8]) {
    let crc = crc32c::crc32c(&batch[BatchHeader::CRC_END..]);
    put(batch, BatchHeader::CRC_AT, crc.to_be_bytes());
}

fn get<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

fn put<const N: usize>(bytes: &mut [u8], at: usize, field: [u8; N]) {
    bytes[at..at + N].copy_from_slice(&field);
}

#[cfg(test)]
#[path = "patch_test.rs"]
mod patch_test;
