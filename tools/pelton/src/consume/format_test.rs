use bytes::Bytes;
use pelton_model::batch::TimestampType;
use pelton_model::{Offset, PartitionIndex, TimestampMs};

use super::*;

fn record() -> ConsumerRecord {
    let header = |name: &'static str, value: Option<&'static str>| Header {
        name: Bytes::from_static(name.as_bytes()),
        value: value.map(|value| Bytes::from_static(value.as_bytes())),
    };
    ConsumerRecord {
        topic: "t".into(),
        partition: PartitionIndex::new(3),
        offset: Offset::new(42),
        timestamp: TimestampMs::new(1000),
        timestamp_type: TimestampType::CreateTime,
        key: None,
        value: Some(Bytes::from_static(b"v\xff")),
        headers: vec![header("a", Some("1")), header("b", None)],
    }
}

fn written(format: &str) -> Vec<u8> {
    let mut output = Vec::new();
    Format::parse(format).unwrap().write(&record(), &mut output).unwrap();
    output
}

#[test]
fn every_field_is_written() {
    assert_eq!(written(r"%t/%p@%o %T [%k] %v %h\n"), b"t/3@42 1000 [] v\xff a=1,b=\n");
    assert_eq!(written("%K %S %s"), b"-1 2 v\xff");
}

#[test]
fn text_percent_signs_and_escapes_stand_for_themselves() {
    assert_eq!(written(r"é100%%\t\x41\\"), "é100%\tA\\".as_bytes());
    assert_eq!(written(""), b"");
}

#[test]
fn an_unknown_field_or_escape_is_refused() {
    for format in ["%", "%q", "%é", "a%", r"\q", r"%v\"] {
        assert!(Format::parse(format).is_err(), "{format}");
    }
}
