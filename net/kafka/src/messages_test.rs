use kafka_wire::metadata_response::{MetadataResponseBroker, MetadataResponseTopic};
use kafka_wire::{
    ApiVersionsResponse, ConsumerGroupHeartbeatRequest, MetadataRequest, MetadataResponse,
};
use kafka_wire_core::KafkaEncode;
use pelton_model::TopicId;

use super::*;
use crate::{topic_id_of, uuid_of};

#[test]
fn an_answer_reads_back() {
    let topic_id = TopicId::from_random(7);
    let answer = message!(MetadataResponse {
        brokers: vec![message!(MetadataResponseBroker { node_id: 1, host: "here".into() })],
        topics: vec![message!(MetadataResponseTopic {
            name: Some("t".into()),
            topic_id: uuid_of(topic_id),
        })],
    });
    let frame = encode_response(9, 13, &answer).unwrap();
    assert_eq!(frame[..4], (frame.len() as i32 - 4).to_be_bytes());
    let (header, read) = decode_response::<MetadataResponse>(frame.slice(4..), 13).unwrap();
    assert_eq!(header.correlation_id, 9);
    assert_eq!(read, answer);
    assert_eq!(topic_id_of(read.topics[0].topic_id), topic_id);
}

#[test]
fn bytes_behind_a_body_are_ignored() {
    let body = Bytes::from_static(b"\0\0\0\x01\0\x01tmore");
    let request: MetadataRequest = decode_request(body, 0).unwrap();
    assert_eq!(request.topics.unwrap()[0].name.as_deref(), Some("t"));
}

#[test]
fn a_count_without_entries_behind_it_is_an_error() {
    let body = Bytes::from_static(b"\x7f\xff\xff\xff");
    assert!(decode_request::<MetadataRequest>(body, 0).is_err());
}

#[test]
fn a_text_of_a_request_is_no_longer_than_16_bits_can_say() {
    let beat_of = |rack_bytes: usize| {
        let rack = "r".repeat(rack_bytes);
        let beat = message!(ConsumerGroupHeartbeatRequest { rack_id: Some(rack.as_str().into()) });
        let mut body = bytes::BytesMut::new();
        KafkaEncode::encode_into(&beat, &mut body, ApiVersion::new(1)).unwrap();
        decode_request::<ConsumerGroupHeartbeatRequest>(body.freeze(), 1)
    };
    assert_eq!(beat_of(32_767).unwrap().rack_id.map(|rack| rack.len()), Some(32_767));
    assert!(matches!(beat_of(32_768), Err(DecodeError::LimitExceeded { limit: 32_767, .. })));
}

#[test]
fn the_answer_to_api_versions_has_the_oldest_header_in_every_version() {
    for version in 0..=5 {
        let frame = encode_response(7, version, &ApiVersionsResponse::default()).unwrap();
        // The error code follows the correlation id at once.
        assert_eq!(frame[4..10], [0, 0, 0, 7, 0, 0]);
    }
}
