use bytes::Bytes;
use pelton_model::batch::TimestampType;
use pelton_model::{Offset, PartitionIndex, TimestampMs};

use super::*;

#[test]
fn what_is_consumed_can_be_produced_again() {
    let record = ConsumerRecord {
        topic: "t".into(),
        partition: PartitionIndex::new(3),
        offset: Offset::new(7),
        timestamp: TimestampMs::new(1000),
        timestamp_type: TimestampType::CreateTime,
        key: Some(Bytes::from_static(b"\xff")),
        value: Some(Bytes::from_static("wörd".as_bytes())),
        headers: vec![Header { name: Bytes::from_static(b"h"), value: None }],
    };
    let line = serde_json::to_vec(&WrittenRecord::from(&record)).unwrap();
    let read = ReadRecord::parse(&line).unwrap();
    assert_eq!(read.key.as_deref(), record.key.as_deref());
    assert_eq!(read.value.as_deref(), record.value.as_deref());
    assert_eq!(read.headers, [(b"h".to_vec(), None)]);
    assert_eq!((read.partition, read.timestamp), (Some(3), Some(1000)));
}

#[test]
fn an_absent_value_is_a_tombstone_and_other_json_is_kept() {
    assert_eq!(ReadRecord::parse(b"{}").unwrap(), ReadRecord::default());
    let read = ReadRecord::parse(br#"{"key": 5, "value": {"a": [1, true]}}"#).unwrap();
    assert_eq!(read.key.as_deref(), Some(b"5".as_slice()));
    assert_eq!(read.value.as_deref(), Some(br#"{"a":[1,true]}"#.as_slice()));
}

#[test]
fn what_is_no_record_is_refused() {
    for line in ["", "[]", "{", r#"{"value":"a","value_base64":"YQ=="}"#, r#"{"key_base64":"!"}"#] {
        assert!(ReadRecord::parse(line.as_bytes()).is_err(), "{line}");
    }
}

#[test]
fn a_field_that_there_is_not_is_refused_by_its_name() {
    for line in [r#"{"vlaue":"x"}"#, r#"{"value":"x","headers":[{"name":"h","vlaue":"x"}]}"#] {
        let why = ReadRecord::parse(line.as_bytes()).expect_err("a slip");
        assert!(why.contains("`vlaue`"), "{why}");
    }
}
