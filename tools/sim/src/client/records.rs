//! Batches as clients make and read them.

use bytes::Bytes;
use pelton_model::batch::{
    BatchBuilder, BatchFields, BatchHeader, FirstBatch, NewRecord, Records, record_bytes,
    split_batch,
};
use pelton_model::compression::Compression;
use pelton_model::{ProducerEpoch, ProducerId, TimestampMs};

use crate::history::{Batch, Partition, RecordId, content};

const DECOMPRESSED_BYTES_MAX: usize = 64 << 20;

/// What the producer puts on a batch.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    pub producer_id: ProducerId,
    pub epoch: ProducerEpoch,
    pub base_sequence: i32,
}

impl Stamp {
    /// Of a producer that is not idempotent.
    pub const NONE: Stamp =
        Stamp { producer_id: ProducerId::NONE, epoch: ProducerEpoch::new(-1), base_sequence: -1 };
}

/// The bytes of a batch.
pub fn encode(batch: &Batch, stamp: Stamp, compression: Compression, now: TimestampMs) -> Bytes {
    let mut builder = BatchBuilder::new(BatchFields {
        producer_id: stamp.producer_id,
        producer_epoch: stamp.epoch,
        base_sequence: stamp.base_sequence,
        ..BatchFields::compressed(compression)
    });
    for record in batch.first_record..batch.first_record + batch.records {
        let key = content::key(record);
        builder.push(&NewRecord {
            timestamp: now,
            key: key.as_ref().map(|key| &key[..]),
            value: Some(&content::value(record, batch.partition)),
            headers: &[],
        });
    }
    builder.build().into()
}

/// The records of a fetch's answer, with their offsets; `Err` says what is wrong with the bytes.
pub fn decode(
    slices: &[Bytes],
    partition: Partition,
) -> Result<Vec<(i64, Option<RecordId>)>, String> {
    let bytes = slices.concat();
    let mut rest = &bytes[..];
    let mut found = Vec::new();
    while let Some(FirstBatch { header, batch, rest: behind }) =
        split_batch(rest).map_err(|error| error.to_string())?
    {
        check_crc(&header, batch)?;
        let records = record_bytes(&header, batch, DECOMPRESSED_BYTES_MAX)
            .map_err(|error| error.to_string())?;
        for record in Records::new(&header, &records) {
            let record = record.map_err(|error| error.to_string())?;
            let offset = header.base_offset.get() + i64::from(record.offset_delta);
            found.push((offset, content::record(record.value, partition)));
        }
        rest = behind;
    }
    Ok(found)
}

fn check_crc(header: &BatchHeader, batch: &[u8]) -> Result<(), String> {
    // The CRC covers everything behind itself.
    let covered = batch.get(21..).unwrap_or_default();
    match crc32c::crc32c(covered) == header.crc {
        true => Ok(()),
        false => Err(format!("the CRC of the batch at {} is wrong", header.base_offset)),
    }
}
