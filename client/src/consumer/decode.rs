//! From a batch's bytes to its records.

use bytes::Bytes;
use pelton_model::Offset;
use pelton_model::batch::{BatchHeader, Records, record_bytes};

use super::record::{ConsumerRecord, Header, TopicPartition};
use crate::error::{Error, Result};

/// The records of one whole batch from an offset on, into `into`; decompressed to `bytes_max` at most.
/// Control batches have none for us.
pub(super) fn decode_batch(
    of: &TopicPartition,
    header: &BatchHeader,
    batch: &Bytes,
    from: Offset,
    bytes_max: usize,
    into: &mut impl Extend<ConsumerRecord>,
) -> Result<()> {
    if header.is_control() {
        return Ok(());
    }
    let fail = |reason: &dyn std::fmt::Display| {
        let context = format!("{of} at offset {}", header.base_offset);
        Error::protocol(context, reason)
    };
    let sealed = batch.get(CRC_END..).ok_or_else(|| fail(&"a batch without a header"))?;
    if crc32c::crc32c(sealed) != header.crc {
        return Err(fail(&"the batch's checksum does not match its bytes"));
    }
    let bytes = match record_bytes(header, batch, bytes_max).map_err(|error| fail(&error))? {
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
            topic: of.topic.clone(),
            partition: of.partition,
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
