use bytes::Bytes;
use pelton_model::TopicId;

use super::*;
use crate::{ErrorCode, TopicRef};

fn request(topic: TopicRef, records: Bytes) -> ProduceRequest {
    let partitions = vec![ProducePartition { index: 0, records: Some(records) }];
    ProduceRequest {
        acks: -1,
        timeout_ms: 1000,
        topics: vec![ProduceTopic { topic, partitions }],
        ..ProduceRequest::default()
    }
}

#[test]
fn records_are_slices_of_the_frame() {
    let records = Bytes::from_static(b"a batch, let us say");
    let frame = request(TopicRef::Name("t".into()), records.clone()).encode(1, None, 9).unwrap();
    assert!(frame.pieces().iter().any(|piece| piece.as_ptr() == records.as_ptr()));

    let (_, body) = crate::RequestHeader::decode(frame.into_contiguous().slice(4..)).unwrap();
    let decoded = ProduceRequest::decode(body.clone(), 9).unwrap();
    let slice = decoded.topics[0].partitions[0].records.as_ref().unwrap();
    assert_eq!(*slice, records);
    assert!(body.as_ptr_range().contains(&slice.as_ptr()));
}

#[test]
fn a_topic_is_named_as_its_version_names_topics() {
    let by_name = request(TopicRef::Name("t".into()), Bytes::new());
    let by_id = request(TopicRef::Id(TopicId::from_random(1)), Bytes::new());
    assert!(by_name.encode(1, None, 12).is_ok());
    assert!(by_name.encode(1, None, 13).is_err());
    assert!(by_id.encode(1, None, 12).is_err());
    assert!(by_id.encode(1, None, 13).is_ok());
}

#[test]
fn what_a_version_lacks_is_left_out() {
    let mut partition = ProducePartitionResponse::error(3, ErrorCode::InvalidRecord);
    partition.error_message = Some("why".into());
    partition.current_leader = Some(crate::CurrentLeader { leader_id: 1, leader_epoch: 2 });
    let topic = TopicRef::Name("t".into());
    let topics = vec![ProduceTopicResponse { topic, partitions: vec![partition.clone()] }];
    let response = ProduceResponse { topics, ..ProduceResponse::default() };

    let frame = response.encode(1, 3).unwrap();
    let decoded = ProduceResponse::decode(frame.slice(8..), 3).unwrap();
    let expected = ProducePartitionResponse::error(3, ErrorCode::InvalidRecord);
    assert_eq!(decoded.topics[0].partitions, [expected]);

    let frame = response.encode(1, 12).unwrap();
    assert_eq!(ProduceResponse::decode(frame.slice(9..), 12), Ok(response));
}
