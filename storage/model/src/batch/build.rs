//! Building a batch from records: what clients, compaction and tests do.

use super::varint::{put_i32, put_i64};
use super::{BatchHeader, TimestampType, patch};
use crate::compression::{Compression, compress};
use crate::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, TimestampMs};

/// A record to be written.
#[derive(Clone, Copy, Default, Debug)]
pub struct NewRecord<'a> {
    pub timestamp: TimestampMs,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: &'a [(&'a [u8], Option<&'a [u8]>)],
}

/// What a batch says of itself beside its records. The default is a plain client's batch.
#[derive(Clone, Copy, Debug)]
pub struct BatchFields {
    pub base_offset: Offset,
    pub leader_epoch: LeaderEpoch,
    pub compression: Compression,
    /// As in [`compress`].
    pub compression_level: i32,
    pub timestamp_type: TimestampType,
    pub is_transactional: bool,
    pub is_control: bool,
    /// Then stands in place of the base timestamp.
    pub delete_horizon: Option<TimestampMs>,
    pub producer_id: ProducerId,
    pub producer_epoch: ProducerEpoch,
    pub base_sequence: i32,
}

/// A batch in the making. Records are encoded as they come; [`BatchBuilder::build`] compresses.
#[derive(Clone, Debug, Default)]
pub struct BatchBuilder {
    fields: BatchFields,
    records: Vec<u8>,
    record_count: i32,
    base_timestamp: Option<TimestampMs>,
    max_timestamp: Option<TimestampMs>,
    last_offset_delta: i32,
    scratch: Vec<u8>,
}

impl Default for BatchFields {
    fn default() -> Self {
        Self {
            base_offset: Offset::ZERO,
            leader_epoch: LeaderEpoch::new(-1),
            compression: Compression::None,
            compression_level: 0,
            timestamp_type: TimestampType::CreateTime,
            is_transactional: false,
            is_control: false,
            delete_horizon: None,
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch::new(-1),
            base_sequence: -1,
        }
    }
}

impl BatchFields {
    /// A codec at Kafka's default level.
    pub fn compressed(compression: Compression) -> Self {
        let compression_level = compression.default_level();
        Self { compression, compression_level, ..Self::default() }
    }
}

impl BatchBuilder {
    pub fn new(fields: BatchFields) -> Self {
        Self { fields, base_timestamp: fields.delete_horizon, ..Self::default() }
    }

    /// Adds a record at the next offset.
    pub fn push(&mut self, record: &NewRecord<'_>) {
        let offset_delta = if self.record_count == 0 { 0 } else { self.last_offset_delta + 1 };
        self.push_at(offset_delta, record);
    }

    /// Adds a record at an offset of its own, as compaction keeps them; deltas must rise.
    pub fn push_at(&mut self, offset_delta: i32, record: &NewRecord<'_>) {
        assert!(self.record_count == 0 || offset_delta > self.last_offset_delta);
        let base_timestamp = *self.base_timestamp.get_or_insert(record.timestamp);
        put_record(&mut self.records, &mut self.scratch, base_timestamp, offset_delta, record);
        self.record_count += 1;
        self.last_offset_delta = offset_delta;
        self.max_timestamp = self.max_timestamp.max(Some(record.timestamp));
    }

    /// The batch stands for offsets up to this one although no record may be there: compaction
    /// keeps the range of the batch that it cleaned.
    pub fn set_last_offset_delta(&mut self, last_offset_delta: i32) {
        self.last_offset_delta = last_offset_delta;
    }

    /// Instead of the greatest of the records'.
    pub fn set_max_timestamp(&mut self, max_timestamp: TimestampMs) {
        self.max_timestamp = Some(max_timestamp);
    }

    /// Who sends the batch, and the number of its first record (KIP-98); known only when it is sent.
    pub fn set_producer(
        &mut self,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
        base_sequence: i32,
    ) {
        self.fields.producer_id = producer_id;
        self.fields.producer_epoch = producer_epoch;
        self.fields.base_sequence = base_sequence;
    }

    pub fn record_count(&self) -> i32 {
        self.record_count
    }

    /// What the batch has now, if nothing is compressed; header included.
    pub fn uncompressed_bytes(&self) -> usize {
        BatchHeader::BYTES + self.records.len()
    }

    /// The batch, sealed.
    pub fn build(&self) -> Vec<u8> {
        let fields = &self.fields;
        let compressed;
        let body = match fields.compression {
            Compression::None => &self.records,
            codec => {
                compressed = compress(codec, fields.compression_level, &self.records);
                &compressed
            }
        };
        let total_bytes = BatchHeader::BYTES + body.len();
        let length = i32::try_from(total_bytes - BatchHeader::PREFIX_BYTES)
            .expect("a batch is less than 2 GiB");
        let header = BatchHeader {
            base_offset: fields.base_offset,
            length: length as u32,
            leader_epoch: fields.leader_epoch,
            crc: 0,
            attributes: fields.attributes(),
            last_offset_delta: self.last_offset_delta,
            base_timestamp: self.base_timestamp.unwrap_or(TimestampMs::new(-1)),
            max_timestamp: self.max_timestamp.unwrap_or(TimestampMs::new(-1)),
            producer_id: fields.producer_id,
            producer_epoch: fields.producer_epoch,
            base_sequence: fields.base_sequence,
            record_count: self.record_count,
        };
        let mut batch = Vec::with_capacity(total_bytes);
        batch.extend_from_slice(&header.to_bytes());
        batch.extend_from_slice(body);
        patch::reseal_crc(&mut batch);
        batch
    }
}

/// A record as it stands in a batch, at the end of `out`; `body` is memory that is used again.
pub(crate) fn put_record(
    out: &mut Vec<u8>,
    body: &mut Vec<u8>,
    base_timestamp: TimestampMs,
    offset_delta: i32,
    record: &NewRecord<'_>,
) {
    body.clear();
    body.push(0); // Attributes: none has a meaning.
    put_i64(body, record.timestamp.get().wrapping_sub(base_timestamp.get()));
    put_i32(body, offset_delta);
    put_nullable(body, record.key);
    put_nullable(body, record.value);
    put_length(body, record.headers.len());
    for (key, value) in record.headers {
        put_nullable(body, Some(key));
        put_nullable(body, *value);
    }
    put_length(out, body.len());
    out.extend_from_slice(body);
}

impl BatchFields {
    fn attributes(&self) -> i16 {
        let bit = |is_set: bool, bit: i16| if is_set { bit } else { 0 };
        let is_log_append_time = self.timestamp_type == TimestampType::LogAppendTime;
        i16::from(self.compression.id())
            | bit(is_log_append_time, BatchHeader::LOG_APPEND_TIME)
            | bit(self.is_transactional, BatchHeader::TRANSACTIONAL)
            | bit(self.is_control, BatchHeader::CONTROL)
            | bit(self.delete_horizon.is_some(), BatchHeader::DELETE_HORIZON)
    }
}

fn put_nullable(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => put_i32(out, -1),
        Some(bytes) => {
            put_length(out, bytes.len());
            out.extend_from_slice(bytes);
        }
    }
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    put_i32(out, i32::try_from(length).expect("a batch is less than 2 GiB"));
}
