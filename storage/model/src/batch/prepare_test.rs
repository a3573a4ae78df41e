use super::*;
use crate::batch::{BatchBuilder, BatchBytes, BatchFields, NewRecord, record_bytes};

const NOW: TimestampMs = TimestampMs::new(1_800_000_000_000);

fn rules() -> ValidationRules {
    ValidationRules {
        max_message_bytes: 32 << 20,
        decompressed_record_bytes_max: 16 << 20,
        decompressed_batch_bytes_max: 32 << 20,
        timestamp_type: TimestampType::CreateTime,
        timestamp_before_max_ms: i64::MAX,
        timestamp_after_max_ms: 0,
        now: NOW,
        needs_keys: false,
        compression: CompressionTarget::Producer,
        produce_version: 9,
        validate_compressed: true,
    }
}

/// Records of so many bytes in all, as long as their place in the batch makes them; plain bytes
/// that a codec makes something of, but not nothing.
fn batch(codec: Compression, bytes: usize) -> Vec<u8> {
    let mut builder = BatchBuilder::new(BatchFields::compressed(codec));
    let (mut noise, mut number) = (0x9e37_79b9_u32, 0);
    while builder.uncompressed_bytes() < bytes {
        let value: Vec<u8> = (0..number % 3000)
            .map(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (noise >> 28) as u8
            })
            .collect();
        builder.push(&NewRecord { timestamp: NOW, value: Some(&value), ..NewRecord::default() });
        number += 7;
    }
    builder.build()
}

/// How many steps it takes, and what comes out.
fn count_steps(batch: &[u8], rules: &ValidationRules) -> (usize, Result<Prepared, BatchError>) {
    let mut preparation = Preparation::begin(batch, rules).unwrap();
    for steps in 1.. {
        match preparation.step() {
            Ok(None) => {}
            Ok(Some(prepared)) => return (steps, Ok(prepared)),
            Err(error) => return (steps, Err(error)),
        }
    }
    unreachable!()
}

const PLAIN_BYTES: usize = 1200 << 10;
/// Whatever the steps really are: so many records are walked, and bytes unpacked, well within 1 ms.
const STEP_BYTES_MAX: usize = 64 << 10;

#[test]
fn a_batch_of_everyday_size_takes_one_step() {
    let sent = batch(Compression::None, 60 << 10);
    assert_eq!(count_steps(&sent, &rules()).0, 1);
    let believed = ValidationRules { validate_compressed: false, ..rules() };
    let sent = batch(Compression::Zstd, 500 << 10);
    assert_eq!(count_steps(&sent, &believed).0, 1);
}

#[test]
fn a_large_batch_is_walked_in_steps() {
    let sent = batch(Compression::None, PLAIN_BYTES);
    let (steps, prepared) = count_steps(&sent, &rules());
    assert!(steps >= PLAIN_BYTES / STEP_BYTES_MAX, "{steps}");
    assert_eq!(prepared.unwrap().bytes, BatchBytes::AsSent { bytes: sent.len() });
    // And nobody walks before the checksum is right, which takes steps of its own.
    let mut damaged = sent;
    *damaged.last_mut().unwrap() ^= 1;
    let (steps, refused) = count_steps(&damaged, &rules());
    assert_eq!(steps, 2, "of a megabyte each");
    assert!(matches!(refused, Err(BatchError::BadCrc { .. })), "{refused:?}");
}

#[test]
fn a_compressed_batch_is_unpacked_in_steps() {
    for codec in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        let sent = batch(codec, PLAIN_BYTES);
        let (steps, prepared) = count_steps(&sent, &rules());
        assert!(steps >= PLAIN_BYTES / STEP_BYTES_MAX, "{codec}: {steps}");
        assert_eq!(prepared.unwrap().bytes, BatchBytes::AsSent { bytes: sent.len() });
    }
}

#[test]
fn a_batch_is_recompressed_in_steps() {
    for from in Compression::ALL {
        let sent = batch(from, PLAIN_BYTES);
        let plain = |batch: &[u8]| {
            let header = BatchHeader::read(batch).unwrap();
            record_bytes(&header, batch, usize::MAX).unwrap().into_owned()
        };
        for to in Compression::ALL.into_iter().filter(|to| *to != from) {
            let compression = CompressionTarget::Codec(to, to.default_level());
            let (steps, prepared) = count_steps(&sent, &ValidationRules { compression, ..rules() });
            assert!(steps >= PLAIN_BYTES / STEP_BYTES_MAX, "{from} to {to}: {steps}");
            let stored = prepared.unwrap().to_vec(&sent);
            assert_eq!(BatchHeader::read(&stored).unwrap().compression(), Ok(to));
            assert!(plain(&stored) == plain(&sent), "{from} to {to}");
        }
    }
}

#[test]
fn who_needs_a_codec_is_known_beforehand() {
    let believed = ValidationRules { validate_compressed: false, ..rules() };
    let compression = CompressionTarget::Codec(Compression::Zstd, 3);
    let recompressed = ValidationRules { compression, ..believed };
    let needs = |codec, rules: &ValidationRules| {
        Preparation::begin(&batch(codec, 1000), rules).unwrap().needs_codec()
    };
    assert!(!needs(Compression::None, &rules()));
    assert!(!needs(Compression::Gzip, &believed));
    assert!(!needs(Compression::Zstd, &recompressed));
    assert!(needs(Compression::Gzip, &rules()));
    assert!(needs(Compression::Gzip, &recompressed));
    assert!(needs(Compression::None, &recompressed));
}

/// The bound is for what comes out of a codec: plain bytes are there already.
#[test]
fn a_plain_record_may_be_larger_than_a_packed_one() {
    let rules = ValidationRules { decompressed_record_bytes_max: 1_000, ..rules() };
    let of = |codec| {
        let mut builder = BatchBuilder::new(BatchFields::compressed(codec));
        // The batch as a whole is within what its records may be together.
        for bytes in [2_000, 1, 1] {
            let value = vec![7; bytes];
            let value = Some(&value[..]);
            builder.push(&NewRecord { timestamp: NOW, value, ..NewRecord::default() });
        }
        builder.build()
    };
    assert!(count_steps(&of(Compression::None), &rules).1.is_ok());
    let refused = count_steps(&of(Compression::Gzip), &rules).1.err();
    assert!(
        matches!(refused, Some(BatchError::RecordTooLarge { index: 0, bytes: 2_000.. })),
        "{refused:?}"
    );
}
