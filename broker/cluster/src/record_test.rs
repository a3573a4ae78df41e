use proptest::prelude::*;

use super::*;

fn one_of_each() -> Vec<Record> {
    let topic = TopicId::from_random(7);
    let config = |resource, value: Option<&str>| Record::ConfigSet {
        resource,
        name: "retention.ms".into(),
        value: value.map(Into::into),
    };
    vec![
        Record::Topic {
            id: topic,
            name: "orders".into(),
            partition_count: 3,
            replication_factor: 1,
        },
        Record::PartitionsAdded { topic, partition_count: 6 },
        Record::TopicRemoved { topic },
        config(ConfigResource::Topic("orders".into()), Some("1")),
        config(ConfigResource::Broker(NodeId::new(1)), Some("")),
        config(ConfigResource::AllBrokers, None),
        config(ConfigResource::ClientMetrics("all".into()), Some("ü")),
        config(ConfigResource::Group("readers".into()), None),
        Record::ProducerIdBlock { next: ProducerId::new(1000) },
        Record::Broker { node_id: NodeId::new(1), rack: Some("a".into()) },
        Record::LeaderEpochRaised {
            partition: PartitionId::new(topic, PartitionIndex::new(2)),
            leader_epoch: LeaderEpoch::new(4),
        },
    ]
}

#[test]
fn every_record_comes_back() {
    let records = one_of_each();
    let mut bytes = Vec::new();
    encode_records(&records, &mut bytes);
    assert_eq!(decode_records(&bytes), Ok(records));
}

#[test]
fn a_record_cut_anywhere_is_an_error() {
    for record in one_of_each() {
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        for length in 0..bytes.len() {
            assert!(Record::decode(&bytes[..length]).is_err());
        }
    }
}

#[test]
fn tagged_fields_of_a_later_release_are_skipped() {
    let record = Record::ProducerIdBlock { next: ProducerId::new(5) };
    let mut bytes = Vec::new();
    record.encode(&mut bytes);
    bytes.pop();
    bytes.extend_from_slice(&[2, 0, 1, 0xaa, 9, 2, 0xbb, 0xcc]);
    assert_eq!(Record::decode(&bytes), Ok(record));
}

#[test]
fn later_types_and_versions_are_refused_by_name() {
    assert_eq!(Record::decode(&[0x63, 0, 0]), Err(DecodeError::UnknownType(0x63)));
    let later = DecodeError::UnknownVersion { record_type: TOPIC, version: 1 };
    assert_eq!(Record::decode(&[1, 1, 0]), Err(later));
}

#[test]
fn the_bytes_of_a_record_do_not_change() {
    let mut bytes = Vec::new();
    Record::ConfigSet {
        resource: ConfigResource::Topic("t".into()),
        name: "a".into(),
        value: Some("b".into()),
    }
    .encode(&mut bytes);
    assert_eq!(bytes, [4, 0, 2, 2, b't', 2, b'a', 2, b'b', 0]);
}

#[test]
fn resources_are_named_as_requests_name_them() {
    let asked = NodeId::new(1);
    let parse = |type_id, name| ConfigResource::from_wire(type_id, name, asked);
    assert_eq!(parse(4, ""), Ok(ConfigResource::AllBrokers));
    assert_eq!(parse(4, "1"), Ok(ConfigResource::Broker(asked)));
    for (type_id, name) in [(4, "2"), (4, "one"), (0, "x"), (1, "x"), (3, "x"), (16, ""), (32, "")]
    {
        let error = parse(type_id, name).unwrap_err();
        assert_eq!(error.kind, crate::ErrorKind::InvalidRequest, "{type_id} {name}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_records(&bytes);
        let _ = Record::decode(&bytes);
    }
}
