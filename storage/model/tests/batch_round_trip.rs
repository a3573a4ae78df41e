//! Whatever is built, the validator takes and the walk gives back.

use pelton_model::batch::{
    BatchBuilder, BatchFields, BatchHeader, CompressionTarget, NewRecord, Records, TimestampType,
    ValidationRules, prepare_for_log, record_bytes,
};
use pelton_model::{Compression, ProducerEpoch, ProducerId, TimestampMs};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

type Header = (Vec<u8>, Option<Vec<u8>>);

#[derive(Clone, Debug)]
struct Owned {
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<Header>,
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..80), vec(0..4u8, 0..9_000)]
}

fn record() -> impl Strategy<Value = Owned> {
    let headers = vec((vec(any::<u8>(), 0..9), option::of(bytes())), 0..3);
    (any::<i64>(), option::of(bytes()), option::of(bytes()), headers)
        .prop_map(|(timestamp, key, value, headers)| Owned { timestamp, key, value, headers })
}

fn rules() -> ValidationRules {
    ValidationRules {
        max_message_bytes: 64 << 20,
        decompressed_record_bytes_max: 64 << 20,
        decompressed_batch_bytes_max: 64 << 20,
        // Whose records may have any timestamp.
        timestamp_type: TimestampType::LogAppendTime,
        timestamp_before_max_ms: 0,
        timestamp_after_max_ms: 0,
        now: TimestampMs::new(1),
        needs_keys: false,
        compression: CompressionTarget::Producer,
        produce_version: 13,
        validate_compressed: true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn built_batches_are_taken_and_read_back(
        records in vec(record(), 1..20),
        codec in prop::sample::select(&Compression::ALL),
        base_sequence in 0..=i32::MAX,
    ) {
        let mut builder = BatchBuilder::new(BatchFields {
            producer_id: ProducerId::new(7),
            producer_epoch: ProducerEpoch::new(3),
            base_sequence,
            ..BatchFields::compressed(codec)
        });
        for record in &records {
            let headers: Vec<_> =
                record.headers.iter().map(|(key, value)| (&key[..], value.as_deref())).collect();
            builder.push(&NewRecord {
                timestamp: TimestampMs::new(record.timestamp),
                key: record.key.as_deref(),
                value: record.value.as_deref(),
                headers: &headers,
            });
        }
        let batch = builder.build();

        let prepared = prepare_for_log(&batch, &rules()).unwrap();
        prop_assert_eq!(prepared.producer.unwrap().base_sequence, base_sequence);

        let header = BatchHeader::read(&batch).unwrap();
        let body = record_bytes(&header, &batch, 64 << 20).unwrap();
        let read: Vec<_> = Records::new(&header, &body).map(Result::unwrap).collect();
        prop_assert_eq!(read.len(), records.len());
        for (at, (read, record)) in read.iter().zip(&records).enumerate() {
            prop_assert_eq!(read.offset_delta, at as i32);
            prop_assert_eq!(header.timestamp_of(read.timestamp_delta).get(), record.timestamp);
            prop_assert_eq!(read.key, record.key.as_deref());
            prop_assert_eq!(read.value, record.value.as_deref());
            let headers: Vec<Header> = read
                .headers
                .clone()
                .map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec)))
                .collect();
            prop_assert_eq!(&headers, &record.headers);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        codec in 0..8u8,
        body in vec(any::<u8>(), 0..300),
        record_count in 1..4i32,
    ) {
        let header = BatchHeader {
            length: (BatchHeader::BYTES - BatchHeader::PREFIX_BYTES + body.len()) as u32,
            attributes: i16::from(codec),
            last_offset_delta: record_count - 1,
            record_count,
            ..BatchHeader::read(&BatchBuilder::default().build()).unwrap()
        };
        let mut batch = header.to_bytes().to_vec();
        batch.extend_from_slice(&body);
        pelton_model::batch::patch::reseal_crc(&mut batch);
        let _ = prepare_for_log(&batch, &rules());
        let _ = prepare_for_log(&body, &rules());
    }
}
