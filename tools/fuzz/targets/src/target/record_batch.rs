//! A record batch: validated by every kind of rules, decompressed, walked, and built anew.

use pelton_model::batch::{
    BatchBuilder, BatchFields, BatchHeader, Batches, CompressionTarget, NewRecord, Records,
    TimestampType, ValidationRules, patch, prepare_for_log, record_bytes,
};
use pelton_model::{Compression, TimestampMs};

use super::Target;
use crate::vectors;

/// What a batch may decompress to; a bound of the caller's, whatever the bytes say.
const DECOMPRESSED_BYTES_MAX: usize = 1 << 20;

pub const TARGET: Target = Target {
    name: "record_batch",
    run,
    samples,
    reseal: Some(reseal),
    bytes_per_input_byte: 16,
    // Decompressed, with the buffer that grew to it, compressed again, and built anew.
    bytes_constant: 6 * DECOMPRESSED_BYTES_MAX,
};

fn run(input: &[u8]) {
    for compression in [
        CompressionTarget::Producer,
        CompressionTarget::Codec(Compression::None, 0),
        CompressionTarget::Codec(Compression::Lz4, 1),
    ] {
        let rules = ValidationRules {
            max_message_bytes: 1 << 20,
            decompressed_record_bytes_max: 512 << 10,
            decompressed_batch_bytes_max: DECOMPRESSED_BYTES_MAX,
            timestamp_type: TimestampType::CreateTime,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: 3_600_000,
            now: TimestampMs::new(1_800_000_000_000),
            needs_keys: false,
            compression,
            produce_version: 11,
            validate_compressed: true,
        };
        let Ok(prepared) = prepare_for_log(input, &rules) else { continue };
        let stored = prepared.to_vec(input);
        assert_eq!(stored.len(), prepared.total_bytes());
        // What was stamped by its sender passes by that time, as in Kafka; once stored, its records
        // have their own times again.
        let header = BatchHeader::read(input).expect("a batch that was taken");
        if header.timestamp_type() == TimestampType::CreateTime {
            let again = prepare_for_log(&stored, &rules).expect("what was taken is taken again");
            assert_eq!(again.to_vec(&stored), stored, "the second time nothing is left to change");
        }
        rebuild(&stored);
    }
    for batch in Batches::new(input) {
        let Ok((header, batch)) = batch else { break };
        let Ok(bytes) = record_bytes(&header, batch, DECOMPRESSED_BYTES_MAX) else { continue };
        for record in Records::new(&header, &bytes) {
            let Ok(record) = record else { break };
            assert!(record.headers.clone().count() <= record.bytes);
        }
    }
}

/// The same records in a batch of our own making are the same records.
fn rebuild(batch: &[u8]) {
    let header = BatchHeader::read(batch).expect("a batch that was taken");
    let bytes = record_bytes(&header, batch, DECOMPRESSED_BYTES_MAX).expect("its records");
    let mut builder = BatchBuilder::new(BatchFields::compressed(Compression::None));
    for record in Records::new(&header, &bytes) {
        let record = record.expect("a record that was taken");
        let headers: Vec<_> = record.headers.clone().collect();
        builder.push(&NewRecord {
            timestamp: header.timestamp_of(record.timestamp_delta),
            key: record.key,
            value: record.value,
            headers: &headers,
        });
    }
    let built = builder.build();
    let header = BatchHeader::read(&built).expect("our own batch");
    let built = record_bytes(&header, &built, usize::MAX).expect("our own records");
    let ours = Records::new(&header, &built).map(|record| record.expect("our own record"));
    let fields = |record: pelton_model::batch::Record<'_>| {
        (record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec))
    };
    let theirs = BatchHeader::read(batch).expect("as above");
    let theirs = Records::new(&theirs, &bytes).map(|record| record.expect("as above"));
    assert!(ours.map(fields).eq(theirs.map(fields)), "other records");
}

fn samples() -> Vec<Vec<u8>> {
    vectors::batches()
}

fn reseal(bytes: &mut [u8]) {
    if bytes.len() < BatchHeader::BYTES {
        return;
    }
    if let Ok(length) = i32::try_from(bytes.len() - BatchHeader::PREFIX_BYTES) {
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
    }
    patch::reseal_crc(bytes);
}
