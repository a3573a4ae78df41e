//! What a batch must be before it may enter a log, and what changes on its way in: the rules and
//! each check. [`super::prepare`] applies them in order.

use super::header::{BatchHeader, TimestampType};
use super::scan::Seen;
use super::{BatchError, Rejection, patch};
use crate::compression::Compression;
use crate::ids::{ProducerEpoch, ProducerId, TimestampMs};

/// The first Produce version whose clients know zstd (KIP-110).
const ZSTD_PRODUCE_VERSION: i16 = 7;

/// "No timestamp", which is never out of bounds.
pub(super) const NO_TIMESTAMP: TimestampMs = TimestampMs::new(-1);

/// The length in front of a record, a variable-length number.
const RECORD_LENGTH_BYTES_MAX: usize = 5;

/// What a topic's configuration and the request say of a batch.
#[derive(Clone, Copy, Debug)]
pub struct ValidationRules {
    /// `max.message.bytes`: the whole batch with its first 12 bytes, compressed.
    pub max_message_bytes: usize,
    /// `max.decompressed.message.bytes`: one record of a compressed batch.
    pub decompressed_record_bytes_max: usize,
    /// All of a batch that is decompressed here; what the shard's memory allows.
    pub decompressed_batch_bytes_max: usize,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`
    pub timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`
    pub timestamp_after_max_ms: i64,
    pub now: TimestampMs,
    /// The topic is compacted.
    pub needs_keys: bool,
    /// `compression.type`.
    pub compression: CompressionTarget,
    pub produce_version: i16,
    /// Decompress and walk compressed batches even where nothing else needs it.
    pub validate_compressed: bool,
}

/// How a topic wants its batches compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CompressionTarget {
    /// As the producer did.
    Producer,
    /// With this codec, at its level where batches come with another one.
    Codec(Compression, i32),
}

/// A batch that may enter the log once it has its offset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prepared {
    /// As the batch will be stored, but for base offset and leader epoch; its CRC is right.
    pub header: BatchHeader,
    pub bytes: BatchBytes,
    /// None for batches that are not idempotent.
    pub producer: Option<ProducerBatch>,
}

/// Where the bytes of a [`Prepared`] batch are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BatchBytes {
    /// The first so many bytes of the input, as they are.
    AsSent { bytes: usize },
    /// The same, but with another header.
    NewHeader { bytes: usize, header: Box<[u8; BatchHeader::BYTES]> },
    /// Recompressed.
    Rewritten(Vec<u8>),
}

/// Who wrote an idempotent batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProducerBatch {
    pub id: ProducerId,
    pub epoch: ProducerEpoch,
    /// Not negative.
    pub base_sequence: i32,
    pub last_offset_delta: i32,
}

impl Prepared {
    /// The stored size, in bytes.
    pub fn total_bytes(&self) -> usize {
        self.header.total_bytes()
    }

    /// The batch's bytes as they will be stored, taken from the input that it was prepared from.
    pub fn to_vec(&self, input: &[u8]) -> Vec<u8> {
        match &self.bytes {
            BatchBytes::AsSent { bytes } => input[..*bytes].to_vec(),
            BatchBytes::NewHeader { bytes, header } => {
                let mut batch = input[..*bytes].to_vec();
                batch[..BatchHeader::BYTES].copy_from_slice(&header[..]);
                batch
            }
            BatchBytes::Rewritten(batch) => batch.clone(),
        }
    }
}

impl ValidationRules {
    /// The oldest and the newest timestamp that a record may have.
    fn timestamp_bounds(&self) -> (TimestampMs, TimestampMs) {
        let now = self.now.get();
        (
            TimestampMs::new(now.saturating_sub(self.timestamp_before_max_ms)),
            TimestampMs::new(now.saturating_add(self.timestamp_after_max_ms)),
        )
    }

    /// What the batch may take once it is decompressed. A bomb of few records is not let off
    /// further than these could fill.
    pub(super) fn batch_bytes_max(&self, header: &BatchHeader) -> usize {
        let count = usize::try_from(header.record_count).unwrap_or(0);
        let each = self.decompressed_record_bytes_max.saturating_add(RECORD_LENGTH_BYTES_MAX);
        self.decompressed_batch_bytes_max.min(count.saturating_mul(each))
    }

    pub(super) fn takes_timestamp(&self, timestamp: TimestampMs) -> bool {
        let (earliest, latest) = self.timestamp_bounds();
        self.timestamp_type == TimestampType::LogAppendTime
            || timestamp == NO_TIMESTAMP
            || (earliest..=latest).contains(&timestamp)
    }

    /// What this topic does not take about a well-formed record.
    pub(super) fn rejection(&self, record: &Seen, timestamp: TimestampMs) -> Option<Rejection> {
        if self.needs_keys && !record.has_key {
            return Some(Rejection::NoKey);
        }
        if !self.takes_timestamp(timestamp) {
            let (earliest, latest) = self.timestamp_bounds();
            return Some(Rejection::Timestamp { timestamp, earliest, latest });
        }
        None
    }
}

/// The checks of the bytes as a whole, but for the checksum.
pub(super) fn check_frame(
    header: &BatchHeader,
    batch: &[u8],
    rules: &ValidationRules,
) -> Result<(), BatchError> {
    if rules.produce_version < ZSTD_PRODUCE_VERSION && header.compression() == Ok(Compression::Zstd)
    {
        return Err(BatchError::ZstdTooEarly);
    }
    // The CRC does not cover it.
    if header.base_offset.get() != 0 {
        return Err(BatchError::BaseOffset(header.base_offset.get()));
    }
    check_size(batch.len(), rules)
}

fn check_size(bytes: usize, rules: &ValidationRules) -> Result<(), BatchError> {
    let bytes_max = rules.max_message_bytes;
    if bytes > bytes_max { Err(BatchError::TooLarge { bytes, bytes_max }) } else { Ok(()) }
}

/// The checks of the header's fields, which the CRC has shown to be as the client wrote them.
pub(super) fn check_header(header: &BatchHeader) -> Result<(), BatchError> {
    let BatchHeader { record_count, last_offset_delta, .. } = *header;
    if record_count <= 0 || last_offset_delta != record_count - 1 {
        return Err(BatchError::Count { record_count, last_offset_delta });
    }
    if header.is_control() {
        return Err(BatchError::ControlBatch);
    }
    if header.has_producer() && header.base_sequence < 0 {
        return Err(BatchError::BaseSequence(header.base_sequence));
    }
    Ok(())
}

/// The batch with its records as they came, and with the right timestamps in its header.
pub(super) fn restamp(
    header: &BatchHeader,
    batch: &[u8],
    timestamp_type: TimestampType,
    max_timestamp: TimestampMs,
) -> Result<(BatchHeader, BatchBytes), BatchError> {
    let bytes = batch.len();
    if header.timestamp_type() == timestamp_type && header.max_timestamp == max_timestamp {
        return Ok((*header, BatchBytes::AsSent { bytes }));
    }
    let mut stamped = Box::new(header.to_bytes());
    patch::set_timestamps(&mut stamped[..], timestamp_type, max_timestamp);
    Ok((BatchHeader::read(&stamped[..])?, BatchBytes::NewHeader { bytes, header: stamped }))
}

/// The batch around recompressed records, which stand behind room for a header; or none, if the
/// batch would have more bytes than the topic takes: it has `bytes`.
pub(super) fn rewrite(
    header: &BatchHeader,
    rules: &ValidationRules,
    max_timestamp: TimestampMs,
    codec: Compression,
    (bytes, batch): (usize, Option<Vec<u8>>),
) -> Result<(BatchHeader, BatchBytes), BatchError> {
    check_size(bytes, rules)?;
    let length = i32::try_from(bytes).ok().zip(batch);
    let Some((length, mut batch)) = length else {
        return Err(BatchError::TooLarge { bytes, bytes_max: i32::MAX as usize });
    };
    let length = length as u32 - BatchHeader::PREFIX_BYTES as u32;
    let attributes = (header.attributes & !BatchHeader::COMPRESSION_MASK) | i16::from(codec.id());
    let header = BatchHeader { length, attributes, ..*header };
    batch[..BatchHeader::BYTES].copy_from_slice(&header.to_bytes());
    // Corrects a CRC that is wrong yet; the next line makes it right.
    patch::set_timestamps(&mut batch, rules.timestamp_type, max_timestamp);
    patch::reseal_crc(&mut batch);
    Ok((BatchHeader::read(&batch)?, BatchBytes::Rewritten(batch)))
}

#[cfg(test)]
#[path = "validate_test.rs"]
mod validate_test;
