use pelton_model::batch::{BatchBuilder, BatchFields, NewRecord};
use pelton_model::{Compression, TimestampMs};

use super::*;

const BYTES_MAX: usize = 1 << 20;

fn batch(compression: Compression) -> Vec<u8> {
    let fields =
        BatchFields { base_offset: Offset::new(100), ..BatchFields::compressed(compression) };
    let mut builder = BatchBuilder::new(fields);
    for number in 0..3_u8 {
        builder.push(&NewRecord {
            timestamp: TimestampMs::new(1000 + i64::from(number)),
            key: Some(&[number]),
            value: (number != 1).then_some(b"value"),
            headers: &[(b"name", Some(b"x")), (b"null", None)],
        });
    }
    builder.build()
}

fn decode(batch: Vec<u8>, from: i64) -> Result<Vec<ConsumerRecord>> {
    let header = BatchHeader::read(&batch).unwrap();
    let mut records = Vec::new();
    let of = TopicPartition::new("t", 2);
    let (batch, from) = (Bytes::from(batch), Offset::new(from));
    decode_batch(&of, &header, &batch, from, BYTES_MAX, &mut records)?;
    Ok(records)
}

#[test]
fn records_come_out_as_they_went_in_whatever_the_codec() {
    for compression in Compression::ALL {
        let records = decode(batch(compression), 0).unwrap();
        assert_eq!(records.len(), 3);
        let last = &records[2];
        assert_eq!((last.offset.get(), last.timestamp.get()), (102, 1002));
        assert_eq!(last.key.as_deref(), Some([2].as_slice()));
        assert_eq!(last.value.as_deref(), Some(b"value".as_slice()));
        assert_eq!(records[1].value, None);
        assert_eq!(last.headers.len(), 2);
        assert_eq!(last.headers[1].value, None);
    }
}

#[test]
fn records_before_the_offset_asked_for_are_left_out() {
    let records = decode(batch(Compression::Lz4), 101).unwrap();
    assert_eq!(records.iter().map(|record| record.offset.get()).collect::<Vec<_>>(), [101, 102]);
}

#[test]
fn a_damaged_batch_is_an_error_and_no_records() {
    let mut damaged = batch(Compression::None);
    *damaged.last_mut().unwrap() ^= 1;
    assert!(matches!(decode(damaged, 0), Err(Error::Protocol { .. })));
}

#[test]
fn a_batch_that_swells_beyond_the_bound_is_an_error() {
    let mut builder = BatchBuilder::new(BatchFields::compressed(Compression::Zstd));
    builder.push(&NewRecord { value: Some(&vec![0; BYTES_MAX + 1]), ..NewRecord::default() });
    let batch = builder.build();
    assert!(batch.len() < 1000);
    assert!(matches!(decode(batch, 0), Err(Error::Protocol { .. })));
}
