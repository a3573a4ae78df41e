//! From a batch's bytes to its records.

use std::sync::Arc;

use bytes::Bytes;
use pelton_model::batch::{BatchHeader, Records, TimestampType, record_bytes};
use pelton_model::{Offset, PartitionIndex, TimestampMs};

use crate::error::{Error, Result};

/// What a batch may become when decompressed. Brokers bound batches to some MiB; a codec's worst
/// ratio is a thousand and more.
const BATCH_BYTES_MAX: usize = 256 << 20;

/// A record that was read. Its bytes share the memory of its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerRecord {
    pub topic: Arc<str>,
    pub partition: PartitionIndex,
    pub offset: Offset,
    pub timestamp: TimestampMs,
    pub timestamp_type: TimestampType,
    pub key: Option<Bytes>,
    /// None is a tombstone.
    pub value: Option<Bytes>,
    pub headers: Vec<Header>,
}

/// A header of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// UTF-8, if the producer kept to the rules.
    pub name: Bytes,
    pub value: Option<Bytes>,
}

/// The records of one whole batch from an offset on, in `into`. Control batches have none for us.
pub(super) fn decode_batch(
    topic: &Arc<str>,
    partition: PartitionIndex,
    header: &BatchHeader,
    batch: &Bytes,
    from: Offset,
    into: &mut impl Extend<ConsumerRecord>,
) -> Result<()> {
    if header.is_control() {
        return Ok(());
    }
    let fail = |reason: &dyn std::fmt::Display| {
        let context = format!("{topic}/{partition} at offset {}", header.base_offset);
        Error::protocol(context, reason)
    };
    let sealed = batch.get(CRC_END..).ok_or_else(|| fail(&"a batch without a header"))?;
    if crc32c::crc32c(sealed) != header.crc {
        return Err(fail(&"the batch's checksum does not match its bytes"));
    }
    let bytes = match record_bytes(header, batch, BATCH_BYTES_MAX).map_err(|error| fail(&error))? {
        std::borrow::Cow::Borrowed(bytes) => batch.slice_ref(bytes),
        std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
    };
    for record in Records::new(header, &bytes) {
        let record = record.map_err(|error| fail(&error))?;
        let offset = header.base_offset.plus(i64::from(record.offset_delta));
        // A fetch from the middle of a batch gets all of it.
        if offset < from {
            continue;
        }
        into.extend([ConsumerRecord {
            topic: topic.clone(),
            partition,
            offset,
            timestamp: header.timestamp_of(record.timestamp_delta),
            timestamp_type: header.timestamp_type(),
            key: record.key.map(|key| bytes.slice_ref(key)),
            value: record.value.map(|value| bytes.slice_ref(value)),
            headers: record
                .headers
                .map(|(name, value)| Header {
                    name: bytes.slice_ref(name),
                    value: value.map(|value| bytes.slice_ref(value)),
                })
                .collect(),
        }]);
    }
    Ok(())
}

/// The CRC covers everything from here on.
const CRC_END: usize = 21;

#[cfg(test)]
#[path = "decode_test.rs"]
mod decode_test;
