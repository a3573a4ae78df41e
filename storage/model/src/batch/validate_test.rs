use super::*;
use crate::batch::{
    BatchBuilder, BatchFields, NewRecord, RecordFault, Records, Refusal, prepare_for_log,
    record_bytes,
};
use crate::limits::RECORD_ERRORS_MAX;

const NOW: i64 = 1_800_000_000_000;
const HOUR: i64 = 3_600_000;

fn rules() -> ValidationRules {
    ValidationRules {
        max_message_bytes: 1_048_588,
        decompressed_record_bytes_max: i32::MAX as usize,
        decompressed_batch_bytes_max: 16 << 20,
        timestamp_type: TimestampType::CreateTime,
        timestamp_before_max_ms: i64::MAX,
        timestamp_after_max_ms: HOUR,
        now: TimestampMs::new(NOW),
        needs_keys: false,
        compression: CompressionTarget::Producer,
        produce_version: 9,
        validate_compressed: false,
    }
}

fn record(timestamp: i64) -> NewRecord<'static> {
    let timestamp = TimestampMs::new(timestamp);
    NewRecord { timestamp, key: Some(b"key"), value: Some(b"value"), headers: &[] }
}

fn batch(compression: Compression, timestamps: &[i64]) -> Vec<u8> {
    let mut builder = BatchBuilder::new(BatchFields::compressed(compression));
    for &timestamp in timestamps {
        builder.push(&record(timestamp));
    }
    builder.build()
}

#[test]
fn log_append_time_sets_type_and_maximum_and_leaves_the_base() {
    let sent = batch(Compression::None, &[4_102_444_800_000, 5]);
    let rules = ValidationRules { timestamp_type: TimestampType::LogAppendTime, ..rules() };
    let prepared = prepare_for_log(&sent, &rules).unwrap();
    assert_eq!(prepared.header.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(prepared.header.max_timestamp, TimestampMs::new(NOW));
    assert_eq!(prepared.header.base_timestamp, TimestampMs::new(4_102_444_800_000));
    let mut stored = prepared.to_vec(&sent);
    let before = stored.clone();
    patch::reseal_crc(&mut stored);
    assert_eq!(stored, before);
}

#[test]
fn a_sound_batch_is_stored_as_sent() {
    let sent = batch(Compression::Zstd, &[NOW, NOW + 1]);
    let prepared = prepare_for_log(&sent, &rules()).unwrap();
    assert_eq!(prepared.bytes, BatchBytes::AsSent { bytes: sent.len() });
    assert_eq!(prepared.producer, None);
}

#[test]
fn the_size_limit_counts_the_whole_batch_and_is_included() {
    let sent = batch(Compression::None, &[NOW]);
    let exact = ValidationRules { max_message_bytes: sent.len(), ..rules() };
    assert!(prepare_for_log(&sent, &exact).is_ok());
    let short = ValidationRules { max_message_bytes: sent.len() - 1, ..rules() };
    let refused = prepare_for_log(&sent, &short).unwrap_err();
    assert_eq!(refused.refusal(), Refusal::MessageTooLarge);
}

#[test]
fn zstd_needs_produce_7() {
    let sent = batch(Compression::Zstd, &[NOW]);
    let old = ValidationRules { produce_version: 6, ..rules() };
    assert_eq!(prepare_for_log(&sent, &old), Err(BatchError::ZstdTooEarly));
}

#[test]
fn timestamps_out_of_bounds_are_named_in_compressed_batches_too() {
    for codec in Compression::ALL {
        let sent = batch(codec, &[NOW, NOW + HOUR + 1, NOW + HOUR, -1]);
        let refused = prepare_for_log(&sent, &rules()).unwrap_err();
        assert_eq!(refused.refusal(), Refusal::InvalidTimestamp);
        assert!(matches!(&refused.record_errors()[..], [(1, _)]), "{codec}: {refused:?}");
    }
}

#[test]
fn a_topics_codec_recompresses() {
    let timestamps: Vec<_> = (0..100).map(|at| NOW - at).collect();
    for from in Compression::ALL {
        for to in Compression::ALL {
            let sent = batch(from, &timestamps);
            let compression = CompressionTarget::Codec(to, to.default_level());
            let rules = ValidationRules { compression, ..rules() };
            let prepared = prepare_for_log(&sent, &rules).unwrap();
            let stored = prepared.to_vec(&sent);
            assert_eq!(matches!(prepared.bytes, BatchBytes::Rewritten(_)), from != to);
            // The result is a sound batch of that codec, whose records are those of the first.
            let again = prepare_for_log(&stored, &rules).unwrap();
            assert_eq!(again.header.compression(), Ok(to));
            assert_eq!(again.header, prepared.header);
            let records = |batch: &[u8]| {
                let header = BatchHeader::read(batch).unwrap();
                record_bytes(&header, batch, 1 << 20).unwrap().into_owned()
            };
            assert_eq!(records(&stored), records(&sent));
        }
    }
}

#[test]
fn recompression_may_make_a_batch_too_large() {
    let sent = batch(Compression::Gzip, &[NOW; 1_000]);
    let compression = CompressionTarget::Codec(Compression::None, 0);
    let rules = ValidationRules { compression, max_message_bytes: 5_000, ..rules() };
    assert_eq!(prepare_for_log(&sent, &rules).unwrap_err().refusal(), Refusal::MessageTooLarge);
}

#[test]
fn a_bomb_is_refused_at_the_bound() {
    for codec in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        let mut builder = BatchBuilder::new(BatchFields::compressed(codec));
        builder.push(&NewRecord { value: Some(&vec![0; 8 << 20]), ..record(NOW) });
        let sent = builder.build();
        let bounded = ValidationRules {
            validate_compressed: true,
            decompressed_batch_bytes_max: 1 << 20,
            ..rules()
        };
        let refused = prepare_for_log(&sent, &bounded).unwrap_err();
        assert!(matches!(refused, BatchError::Decompress(_)), "{codec}: {refused:?}");
        let by_record = ValidationRules {
            validate_compressed: true,
            decompressed_record_bytes_max: 1 << 20,
            ..rules()
        };
        // More than one record may have: it is not even let off.
        let refused = prepare_for_log(&sent, &by_record).unwrap_err();
        assert!(matches!(refused, BatchError::Decompress(_)), "{codec}: {refused:?}");
        let mut builder = BatchBuilder::new(BatchFields::compressed(codec));
        builder.push(&NewRecord { value: Some(&vec![0; 3 << 19]), ..record(NOW) });
        builder.push(&record(NOW));
        let refused = prepare_for_log(&builder.build(), &by_record).unwrap_err();
        assert!(matches!(refused, BatchError::RecordTooLarge { index: 0, .. }), "{codec}");
    }
}

#[test]
fn no_more_records_are_named_than_the_limit() {
    let mut builder = BatchBuilder::default();
    for _ in 0..RECORD_ERRORS_MAX + 1 {
        builder.push(&NewRecord { key: None, ..record(NOW) });
    }
    let rules = ValidationRules { needs_keys: true, ..rules() };
    let refused = prepare_for_log(&builder.build(), &rules).unwrap_err();
    assert_eq!(refused.record_errors().len(), RECORD_ERRORS_MAX);
    assert_eq!(refused.refusal(), Refusal::InvalidRecord);
}

#[test]
fn any_flipped_bit_from_the_checksum_on_is_found() {
    let sent = batch(Compression::None, &[NOW, NOW]);
    for bit in 8 * BatchHeader::CRC_AT..8 * sent.len() {
        let mut flipped = sent.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let refused = prepare_for_log(&flipped, &rules()).unwrap_err();
        assert!(matches!(refused, BatchError::BadCrc { .. }), "bit {bit}");
    }
}

#[test]
fn resealed_damage_never_panics() {
    let sent = batch(Compression::None, &[NOW, NOW]);
    for codec in Compression::ALL {
        let sent = if codec == Compression::None { sent.clone() } else { batch(codec, &[NOW; 9]) };
        for at in BatchHeader::ATTRIBUTES_AT..sent.len() {
            for byte in [0x00, 0x01, 0x7f, 0x80, 0xff] {
                let mut damaged = sent.clone();
                damaged[at] = byte;
                patch::reseal_crc(&mut damaged);
                let rules = ValidationRules { validate_compressed: true, ..rules() };
                let _ = prepare_for_log(&damaged, &rules);
            }
        }
    }
}

#[test]
fn a_walk_ends_at_its_first_error() {
    let sent = batch(Compression::None, &[NOW, NOW]);
    let header = BatchHeader { record_count: 5, ..BatchHeader::read(&sent).unwrap() };
    let mut records = Records::new(&header, &sent[BatchHeader::BYTES..]);
    assert!(records.by_ref().take(2).all(|record| record.is_ok()));
    let missing = BatchError::Malformed { index: 2, fault: RecordFault::BadLength };
    assert_eq!(records.next().map(Result::err), Some(Some(missing)));
    assert!(records.next().is_none());
}
