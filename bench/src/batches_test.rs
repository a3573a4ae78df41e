use pelton_model::batch::{BatchHeader, Records, split_batch};
use pelton_model::compression::decompress_bounded;

use super::*;

const AT: TimestampMs = TimestampMs::new(1_700_000_000_000);

type KeyAndValue = (Option<Vec<u8>>, Vec<u8>);

/// Header, and what comes out of the batch.
fn read(batch: &Bytes) -> (BatchHeader, Vec<KeyAndValue>) {
    let first = split_batch(batch).unwrap().unwrap();
    assert!(first.rest.is_empty());
    let codec = first.header.compression().unwrap();
    let body = decompress_bounded(codec, &batch[BatchHeader::BYTES..], 1 << 24).unwrap();
    let records = Records::new(&first.header, &body).map(|record| {
        let record = record.unwrap();
        (record.key.map(<[u8]>::to_vec), record.value.unwrap().to_vec())
    });
    (first.header, records.collect())
}

#[test]
fn batches_have_the_shape_that_was_asked_for() {
    let shape = BatchShape {
        records: 10,
        value_bytes: 100,
        key_bytes: 12,
        keys: 3,
        compressibility: 0.75,
        compression: Compression::Zstd,
        seed: 7,
    };
    let mut pool = BatchPool::encode(&shape, 5 * shape.payload_bytes(), AT, 0);
    assert_eq!(pool.batches.len(), 5);
    let mut keys = Vec::new();
    for _ in 0..5 {
        let (header, records) = read(&pool.next_batch());
        assert_eq!(header.record_count, 10);
        assert_eq!(header.base_timestamp, AT);
        for (key, value) in records {
            assert_eq!(value.len(), 100);
            assert!(value.ends_with(&[b'.'; 75]) && !value.ends_with(&[b'.'; 90]));
            let key = key.unwrap();
            assert_eq!(key.len(), 12);
            keys.push(key);
        }
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 3);
}

#[test]
fn the_same_seed_gives_the_same_batches_and_lots_differ() {
    let shape = BatchShape { records: 2, value_bytes: 50, ..BatchShape::default() };
    let of = |lot| BatchPool::encode(&shape, 300, AT, lot).batches;
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
    assert_ne!(of(1)[0], of(1)[1]);
}

#[test]
fn compressibility_is_what_a_codec_makes_of_it() {
    let bytes = |compressibility| {
        let shape = BatchShape {
            compressibility,
            compression: Compression::Lz4,
            records: 100,
            ..BatchShape::default()
        };
        BatchPool::encode(&shape, 0, AT, 0).batch_bytes() as f64 / shape.payload_bytes() as f64
    };
    assert!(bytes(0.0) > 1.0);
    assert!((0.48..0.53).contains(&bytes(0.5)));
    assert!(bytes(1.0) < 0.02);
}

#[test]
fn a_shape_without_sense_is_refused() {
    let bad = [
        BatchShape { records: 0, ..BatchShape::default() },
        BatchShape { compressibility: 1.5, ..BatchShape::default() },
        BatchShape { compressibility: f64::NAN, ..BatchShape::default() },
        BatchShape { keys: 0, ..BatchShape::default() },
        BatchShape { value_bytes: 1 << 30, ..BatchShape::default() },
    ];
    for shape in bad {
        assert!(shape.check().is_err(), "{shape:?}");
    }
    assert!(BatchShape::default().check().is_ok());
}
