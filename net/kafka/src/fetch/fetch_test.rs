use bytes::Bytes;
use pelton_model::TopicId;

use super::*;
use crate::{ErrorCode, TopicRef};

fn response(records: Vec<Bytes>) -> FetchResponse {
    let mut partition = FetchPartitionResponse::error(0, ErrorCode::None);
    partition.high_watermark = 10;
    partition.records = Some(records);
    let partitions = vec![partition.clone(), partition];
    let topic = TopicRef::Id(TopicId::from_random(1));
    FetchResponse {
        session_id: 5,
        topics: vec![FetchTopicResponse { topic, partitions }],
        ..FetchResponse::default()
    }
}

#[test]
fn records_are_sent_from_where_they_are() {
    let slices = [Bytes::from_static(b"one batch "), Bytes::from_static(b"and another")];
    let response = response(slices.to_vec());
    let frame = response.encode(1, 18).unwrap();
    let lent: Vec<_> = frame.pieces().iter().map(|piece| piece.as_ptr()).collect();
    let [one, two] = slices.each_ref().map(|slice| slice.as_ptr());
    assert_eq!(lent.len(), 7);
    assert_eq!([lent[1], lent[2], lent[4], lent[5]], [one, two, one, two]);

    let length = (frame.total_bytes() as i32 - 4).to_be_bytes();
    let body = frame.into_contiguous();
    assert_eq!(body[..4], length);
    let decoded = FetchResponse::decode(body.slice(9..), 18).unwrap();
    let whole = Bytes::from_static(b"one batch and another");
    assert_eq!(decoded.topics[0].partitions[1].records, Some(vec![whole]));
    assert_eq!(decoded.topics[0].partitions[1].records_bytes(), 21);
}

#[test]
fn an_answer_without_records_is_one_piece() {
    let response = response(Vec::new());
    let frame = response.encode(1, 13).unwrap();
    assert_eq!(frame.pieces().len(), 1);
    assert_eq!(FetchResponse::decode(frame.into_contiguous().slice(9..), 13), Ok(response));
}

#[test]
fn a_follower_is_known_by_its_number_in_every_version() {
    let request = FetchRequest { replica_id: 3, ..FetchRequest::default() };
    for version in VERSIONS.min..=VERSIONS.max {
        let frame = request.encode(1, None, version).unwrap().into_contiguous();
        let (_, body) = crate::RequestHeader::decode(frame.slice(4..)).unwrap();
        assert_eq!(FetchRequest::decode(body, version).unwrap().replica_id, 3, "v{version}");
    }
}

#[test]
fn a_consumer_without_a_session_has_the_defaults() {
    let request = FetchRequest {
        topics: vec![FetchTopic {
            topic: TopicRef::Name("t".into()),
            partitions: vec![FetchPartition::new(0, 42, 1 << 20)],
        }],
        ..FetchRequest::default()
    };
    for version in VERSIONS.min..=12 {
        let frame = request.encode(1, None, version).unwrap().into_contiguous();
        let (_, body) = crate::RequestHeader::decode(frame.slice(4..)).unwrap();
        assert_eq!(FetchRequest::decode(body, version).as_ref(), Ok(&request), "v{version}");
    }
}
