//! What a batch must be before it may enter a log, and what changes on its way in.

use super::frame::only_batch;
use super::header::{BatchHeader, TimestampType};
use super::{BatchError, Record, Records, RejectedRecord, Rejection, patch, record_bytes};
use crate::compression::{Compression, compress, lz4_has_linked_blocks};
use crate::ids::{ProducerEpoch, ProducerId, TimestampMs};
use crate::limits::RECORD_ERRORS_MAX;

/// The first Produce version whose clients know zstd (KIP-110).
const ZSTD_PRODUCE_VERSION: i16 = 7;

/// "No timestamp", which is never out of bounds.
const NO_TIMESTAMP: TimestampMs = TimestampMs::new(-1);

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

/// Checks the one batch in `bytes`, a partition's records of a Produce request, and says how it
/// is stored.
///
/// The CRC is read once. The records of an uncompressed batch are walked. Those of a compressed
/// one are decompressed only if the rules ask for it (keys, recompression, `validate_compressed`)
/// or the header's timestamps are out of bounds, to name the records; else what a compressed
/// batch says of itself is believed, its maximum timestamp too.
///
/// Departs from Kafka in refusing what Kafka's own readers then cannot read: offset deltas other
/// than 0, 1, 2…, wrong record lengths in compressed batches, lz4 with linked blocks.
pub fn prepare_for_log(bytes: &[u8], rules: &ValidationRules) -> Result<Prepared, BatchError> {
    let (header, batch) = only_batch(bytes)?;
    check_frame(&header, batch, rules)?;
    check_header(&header)?;
    let codec = header.compression()?;
    let body = &batch[BatchHeader::BYTES..];
    if codec == Compression::Lz4 && lz4_has_linked_blocks(body) {
        return Err(BatchError::LinkedLz4Blocks);
    }

    let target = match rules.compression {
        CompressionTarget::Codec(target, level) if target != codec => Some((target, level)),
        _ => None,
    };
    let must_walk = codec == Compression::None
        || target.is_some()
        || rules.needs_keys
        || rules.validate_compressed
        || !rules.takes_timestamp(header.base_timestamp)
        || !rules.takes_timestamp(header.max_timestamp);
    let mut max_timestamp = header.max_timestamp;
    if rules.timestamp_type == TimestampType::LogAppendTime
        && header.timestamp_type() == TimestampType::LogAppendTime
    {
        let count = usize::try_from(header.record_count).unwrap_or(0).min(RECORD_ERRORS_MAX);
        let reject = |index| RejectedRecord { index, cause: Rejection::StampedBySender };
        return Err(BatchError::Rejected((0..count).map(reject).collect()));
    }
    let mut recompressed = None;
    if must_walk {
        let records = record_bytes(&header, batch, rules.batch_bytes_max(&header))?;
        max_timestamp = walk(&header, &records, rules)?;
        recompressed = target.map(|(codec, level)| (codec, compress(codec, level, &records)));
    }
    if rules.timestamp_type == TimestampType::LogAppendTime {
        max_timestamp = rules.now;
    }

    let (header, bytes) = match recompressed {
        Some((codec, body)) => rewrite(&header, rules, max_timestamp, codec, &body)?,
        None => restamp(&header, batch, rules.timestamp_type, max_timestamp)?,
    };
    let producer = header.has_producer().then_some(ProducerBatch {
        id: header.producer_id,
        epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        last_offset_delta: header.last_offset_delta,
    });
    Ok(Prepared { header, bytes, producer })
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
    fn batch_bytes_max(&self, header: &BatchHeader) -> usize {
        let count = usize::try_from(header.record_count).unwrap_or(0);
        let each = self.decompressed_record_bytes_max.saturating_add(RECORD_LENGTH_BYTES_MAX);
        self.decompressed_batch_bytes_max.min(count.saturating_mul(each))
    }

    fn takes_timestamp(&self, timestamp: TimestampMs) -> bool {
        let (earliest, latest) = self.timestamp_bounds();
        self.timestamp_type == TimestampType::LogAppendTime
            || timestamp == NO_TIMESTAMP
            || (earliest..=latest).contains(&timestamp)
    }

    /// What this topic does not take about a well-formed record.
    fn rejection(&self, record: &Record<'_>, timestamp: TimestampMs) -> Option<Rejection> {
        if self.needs_keys && record.key.is_none() {
            return Some(Rejection::NoKey);
        }
        if !self.takes_timestamp(timestamp) {
            let (earliest, latest) = self.timestamp_bounds();
            return Some(Rejection::Timestamp { timestamp, earliest, latest });
        }
        None
    }
}

/// The checks of the bytes as a whole.
fn check_frame(
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
    check_size(batch.len(), rules)?;
    let computed = crc32c::crc32c(&batch[BatchHeader::CRC_END..]);
    if computed != header.crc {
        return Err(BatchError::BadCrc { stored: header.crc, computed });
    }
    Ok(())
}

fn check_size(bytes: usize, rules: &ValidationRules) -> Result<(), BatchError> {
    let bytes_max = rules.max_message_bytes;
    if bytes > bytes_max { Err(BatchError::TooLarge { bytes, bytes_max }) } else { Ok(()) }
}

/// The checks of the header's fields, which the CRC has shown to be as the client wrote them.
fn check_header(header: &BatchHeader) -> Result<(), BatchError> {
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

/// Checks every record and returns the greatest of their timestamps.
fn walk(
    header: &BatchHeader,
    record_bytes: &[u8],
    rules: &ValidationRules,
) -> Result<TimestampMs, BatchError> {
    let record_bytes_max = match header.compression()? {
        Compression::None => usize::MAX,
        _ => rules.decompressed_record_bytes_max,
    };
    let mut max_timestamp = NO_TIMESTAMP;
    let mut rejected = Vec::new();
    for (index, record) in Records::new(header, record_bytes).enumerate() {
        let record = record?;
        if usize::try_from(record.offset_delta) != Ok(index) {
            return Err(BatchError::OffsetDelta { index, offset_delta: record.offset_delta });
        }
        if record.bytes > record_bytes_max {
            return Err(BatchError::RecordTooLarge { index, bytes: record.bytes });
        }
        let timestamp = header.timestamp_of(record.timestamp_delta);
        max_timestamp = max_timestamp.max(timestamp);
        if let Some(cause) = rules.rejection(&record, timestamp)
            && rejected.len() < RECORD_ERRORS_MAX
        {
            rejected.push(RejectedRecord { index, cause });
        }
    }
    if rejected.is_empty() { Ok(max_timestamp) } else { Err(BatchError::Rejected(rejected)) }
}

/// The batch with its records as they came, and with the right timestamps in its header.
fn restamp(
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

/// The batch around recompressed records.
fn rewrite(
    header: &BatchHeader,
    rules: &ValidationRules,
    max_timestamp: TimestampMs,
    codec: Compression,
    body: &[u8],
) -> Result<(BatchHeader, BatchBytes), BatchError> {
    let total_bytes = BatchHeader::BYTES + body.len();
    check_size(total_bytes, rules)?;
    // Decompressed records may be larger than any length can say.
    let length = i32::try_from(total_bytes)
        .map_err(|_| BatchError::TooLarge { bytes: total_bytes, bytes_max: i32::MAX as usize })?
        as u32
        - BatchHeader::PREFIX_BYTES as u32;
    let attributes = (header.attributes & !BatchHeader::COMPRESSION_MASK) | i16::from(codec.id());
    let mut batch = Vec::with_capacity(total_bytes);
    batch.extend_from_slice(&BatchHeader { length, attributes, ..*header }.to_bytes());
    batch.extend_from_slice(body);
    // Corrects a CRC that is wrong yet; the next line makes it right.
    patch::set_timestamps(&mut batch, rules.timestamp_type, max_timestamp);
    patch::reseal_crc(&mut batch);
    Ok((BatchHeader::read(&batch)?, BatchBytes::Rewritten(batch)))
}

#[cfg(test)]
#[path = "validate_test.rs"]
mod validate_test;
