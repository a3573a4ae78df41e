//! Our own codecs of Produce and Fetch against Kafka's bytes, and against `kafka-wire`'s reading
//! of the same bytes.

use std::fmt::Debug;

use bytes::Bytes;
use pelton_kafka::fetch::{EpochEndOffset, FetchPartition, FetchRequest, FetchResponse};
use pelton_kafka::messages::{decode_request, decode_response};
use pelton_kafka::produce::{ProduceRequest, ProduceResponse};
use pelton_kafka::{
    ApiKey, CurrentLeader, DecodeError, NodeEndpoint, RequestHeader, ResponseHeader, TopicRef,
    Uuid, uuid_of, versions, wire,
};

use crate::golden::{Vector, vectors};
use crate::{CORRELATION_ID, after_length};

pub const PRODUCE: &str = "00-Produce.jsonl";
pub const FETCH: &str = "01-Fetch.jsonl";

#[test]
fn produce_requests_come_back_byte_for_byte() {
    round_trip(PRODUCE, true, ProduceRequest::decode, |request, version| {
        request_body(request.encode(CORRELATION_ID, None, version).unwrap().into_contiguous())
    });
}

#[test]
fn produce_responses_come_back_byte_for_byte() {
    round_trip(PRODUCE, false, ProduceResponse::decode, |response, version| {
        let frame = response.encode(CORRELATION_ID, version).unwrap();
        response_body(frame, ApiKey::PRODUCE, version)
    });
}

#[test]
fn fetch_requests_come_back_byte_for_byte() {
    round_trip(FETCH, true, FetchRequest::decode, |request, version| {
        request_body(request.encode(CORRELATION_ID, None, version).unwrap().into_contiguous())
    });
}

#[test]
fn fetch_responses_come_back_byte_for_byte() {
    round_trip(FETCH, false, FetchResponse::decode, |response, version| {
        let frame = response.encode(CORRELATION_ID, version).unwrap().into_contiguous();
        response_body(frame, ApiKey::FETCH, version)
    });
}

/// Reads every vector and writes it again. What has unknown tagged fields must read as the vector
/// `full` of its version, which is the same without them.
fn round_trip<M: PartialEq + Debug>(
    file: &str,
    requests: bool,
    decode: fn(Bytes, i16) -> Result<M, DecodeError>,
    encode: fn(&M, i16) -> Bytes,
) {
    let vectors = directed(file, requests);
    for vector in &vectors {
        let title = &vector.title;
        let message = decode(vector.body.clone(), vector.version).expect(title);
        let body = encode(&message, vector.version);
        if vector.decode_only {
            let full = vectors
                .iter()
                .find(|other| other.version == vector.version && other.case == "full")
                .expect("a full vector of the same version");
            assert_eq!(body, full.body, "{title}");
        } else {
            assert_eq!(body, vector.body, "{title}");
        }
        // Whatever stands behind a body is ignored.
        let longer: Bytes = [&vector.body[..], b"tail"].concat().into();
        assert_eq!(decode(longer, vector.version).as_ref(), Ok(&message), "{title}");
    }
}

fn directed(file: &str, requests: bool) -> Vec<Vector> {
    let mut vectors = vectors(file);
    vectors.retain(|vector| vector.is_request == requests);
    vectors
}

fn request_body(frame: Bytes) -> Bytes {
    let (header, body) = RequestHeader::decode(after_length(frame)).unwrap();
    assert_eq!(header.correlation_id, CORRELATION_ID);
    assert_eq!(header.client_id, None);
    body
}

fn response_body(frame: Bytes, api_key: ApiKey, version: i16) -> Bytes {
    let (header, body) = ResponseHeader::decode(after_length(frame), api_key, version).unwrap();
    assert_eq!(header.correlation_id, CORRELATION_ID);
    body
}

#[test]
fn produce_requests_mean_what_kafka_wire_reads() {
    for vector in directed(PRODUCE, true) {
        let title = &vector.title;
        let ours = ProduceRequest::decode(vector.body.clone(), vector.version).unwrap();
        let theirs: wire::ProduceRequest =
            decode_request(vector.body.clone(), vector.version).unwrap();
        assert_eq!(ours.transactional_id, theirs.transactional_id, "{title}");
        assert_eq!(ours.acks, theirs.acks, "{title}");
        assert_eq!(ours.timeout_ms, theirs.timeout_ms, "{title}");
        assert_eq!(ours.topics.len(), theirs.topic_data.len(), "{title}");
        for (ours, theirs) in ours.topics.iter().zip(&theirs.topic_data) {
            assert_topic(&ours.topic, &theirs.name, theirs.topic_id);
            assert_eq!(ours.partitions.len(), theirs.partition_data.len(), "{title}");
            for (ours, theirs) in ours.partitions.iter().zip(&theirs.partition_data) {
                assert_eq!(ours.index, theirs.index, "{title}");
                assert_eq!(ours.records, theirs.records, "{title}");
            }
        }
    }
}

#[test]
fn produce_responses_mean_what_kafka_wire_reads() {
    for vector in directed(PRODUCE, false) {
        let title = &vector.title;
        let ours = ProduceResponse::decode(vector.body.clone(), vector.version).unwrap();
        let theirs: wire::ProduceResponse = wire_response(&vector, ApiKey::PRODUCE);
        assert_eq!(ours.throttle_time_ms, theirs.throttle_time_ms, "{title}");
        assert_eq!(ours.node_endpoints.len(), theirs.node_endpoints.len(), "{title}");
        for (ours, theirs) in ours.node_endpoints.iter().zip(&theirs.node_endpoints) {
            let (host, rack) = (theirs.host.clone(), theirs.rack.clone());
            let (node_id, port) = (theirs.node_id, theirs.port);
            assert_eq!(*ours, NodeEndpoint { node_id, host, port, rack }, "{title}");
        }
        assert_eq!(ours.topics.len(), theirs.responses.len(), "{title}");
        for (ours, theirs) in ours.topics.iter().zip(&theirs.responses) {
            assert_topic(&ours.topic, &theirs.name, theirs.topic_id);
            assert_eq!(ours.partitions.len(), theirs.partition_responses.len(), "{title}");
            for (ours, theirs) in ours.partitions.iter().zip(&theirs.partition_responses) {
                assert_eq!(ours.index, theirs.index, "{title}");
                assert_eq!(ours.error.code(), theirs.error_code, "{title}");
                assert_eq!(ours.base_offset, theirs.base_offset, "{title}");
                assert_eq!(ours.log_append_time_ms, theirs.log_append_time_ms, "{title}");
                assert_eq!(ours.log_start_offset, theirs.log_start_offset, "{title}");
                let leader = &theirs.current_leader;
                assert_leader(ours.current_leader, leader.leader_id, leader.leader_epoch);
                assert_eq!(ours.error_message, theirs.error_message, "{title}");
                assert_eq!(ours.record_errors.len(), theirs.record_errors.len(), "{title}");
                for (ours, theirs) in ours.record_errors.iter().zip(&theirs.record_errors) {
                    assert_eq!(ours.batch_index, theirs.batch_index, "{title}");
                    assert_eq!(ours.message, theirs.batch_index_error_message, "{title}");
                }
            }
        }
    }
}

#[test]
fn fetch_requests_mean_what_kafka_wire_reads() {
    for vector in directed(FETCH, true) {
        let title = &vector.title;
        let ours = FetchRequest::decode(vector.body.clone(), vector.version).unwrap();
        let theirs: wire::FetchRequest =
            decode_request(vector.body.clone(), vector.version).unwrap();
        let replica_id =
            if vector.version >= 15 { theirs.replica_state.replica_id } else { theirs.replica_id };
        assert_eq!(ours.cluster_id, theirs.cluster_id, "{title}");
        assert_eq!(ours.replica_id, replica_id, "{title}");
        assert_eq!(ours.replica_epoch, theirs.replica_state.replica_epoch, "{title}");
        assert_eq!(ours.max_wait_ms, theirs.max_wait_ms, "{title}");
        assert_eq!(ours.min_bytes, theirs.min_bytes, "{title}");
        assert_eq!(ours.max_bytes, theirs.max_bytes, "{title}");
        assert_eq!(ours.isolation_level, theirs.isolation_level, "{title}");
        assert_eq!(ours.session_id, theirs.session_id, "{title}");
        assert_eq!(ours.session_epoch, theirs.session_epoch, "{title}");
        assert_eq!(ours.rack_id, theirs.rack_id, "{title}");
        assert_eq!(ours.topics.len(), theirs.topics.len(), "{title}");
        for (ours, theirs) in ours.topics.iter().zip(&theirs.topics) {
            assert_topic(&ours.topic, &theirs.topic, theirs.topic_id);
            assert_eq!(ours.partitions.len(), theirs.partitions.len(), "{title}");
            for (ours, theirs) in ours.partitions.iter().zip(&theirs.partitions) {
                let expected = FetchPartition {
                    index: theirs.partition,
                    current_leader_epoch: theirs.current_leader_epoch,
                    fetch_offset: theirs.fetch_offset,
                    last_fetched_epoch: theirs.last_fetched_epoch,
                    log_start_offset: theirs.log_start_offset,
                    max_bytes: theirs.partition_max_bytes,
                    replica_directory_id: theirs.replica_directory_id,
                    high_watermark: theirs.high_watermark,
                };
                assert_eq!(*ours, expected, "{title}");
            }
        }
        assert_eq!(ours.forgotten_topics.len(), theirs.forgotten_topics_data.len(), "{title}");
        for (ours, theirs) in ours.forgotten_topics.iter().zip(&theirs.forgotten_topics_data) {
            assert_topic(&ours.topic, &theirs.topic, theirs.topic_id);
            assert_eq!(ours.partitions, theirs.partitions, "{title}");
        }
    }
}

#[test]
fn fetch_responses_mean_what_kafka_wire_reads() {
    for vector in directed(FETCH, false) {
        let title = &vector.title;
        let ours = FetchResponse::decode(vector.body.clone(), vector.version).unwrap();
        let theirs: wire::FetchResponse = wire_response(&vector, ApiKey::FETCH);
        assert_eq!(ours.throttle_time_ms, theirs.throttle_time_ms, "{title}");
        assert_eq!(ours.error.code(), theirs.error_code, "{title}");
        assert_eq!(ours.session_id, theirs.session_id, "{title}");
        assert_eq!(ours.node_endpoints.len(), theirs.node_endpoints.len(), "{title}");
        for (ours, theirs) in ours.node_endpoints.iter().zip(&theirs.node_endpoints) {
            let (host, rack) = (theirs.host.clone(), theirs.rack.clone());
            let (node_id, port) = (theirs.node_id, theirs.port);
            assert_eq!(*ours, NodeEndpoint { node_id, host, port, rack }, "{title}");
        }
        assert_eq!(ours.topics.len(), theirs.responses.len(), "{title}");
        for (ours, theirs) in ours.topics.iter().zip(&theirs.responses) {
            assert_topic(&ours.topic, &theirs.topic, theirs.topic_id);
            assert_eq!(ours.partitions.len(), theirs.partitions.len(), "{title}");
            for (ours, theirs) in ours.partitions.iter().zip(&theirs.partitions) {
                assert_eq!(ours.index, theirs.partition_index, "{title}");
                assert_eq!(ours.error.code(), theirs.error_code, "{title}");
                assert_eq!(ours.high_watermark, theirs.high_watermark, "{title}");
                assert_eq!(ours.last_stable_offset, theirs.last_stable_offset, "{title}");
                assert_eq!(ours.log_start_offset, theirs.log_start_offset, "{title}");
                let replica = ours.preferred_read_replica;
                assert_eq!(replica, theirs.preferred_read_replica, "{title}");
                let leader = &theirs.current_leader;
                assert_leader(ours.current_leader, leader.leader_id, leader.leader_epoch);
                let end = |end: Option<EpochEndOffset>| {
                    end.map_or((-1, -1), |end| (end.epoch, end.end_offset))
                };
                let diverging = &theirs.diverging_epoch;
                let expected = (diverging.epoch, diverging.end_offset);
                assert_eq!(end(ours.diverging_epoch), expected, "{title}");
                let snapshot = &theirs.snapshot_id;
                let expected = (snapshot.epoch, snapshot.end_offset);
                assert_eq!(end(ours.snapshot_id), expected, "{title}");
                let ours_aborted = ours.aborted_transactions.as_ref().map(|all| {
                    all.iter().map(|one| (one.producer_id, one.first_offset)).collect::<Vec<_>>()
                });
                let theirs_aborted = theirs.aborted_transactions.as_ref().map(|all| {
                    all.iter().map(|one| (one.producer_id, one.first_offset)).collect::<Vec<_>>()
                });
                assert_eq!(ours_aborted, theirs_aborted, "{title}");
                let records = ours.records.as_ref().map(|slices| slices.concat());
                assert_eq!(records.as_deref(), theirs.records.as_deref(), "{title}");
            }
        }
    }
}

fn wire_response<M: wire::KafkaResponse>(vector: &Vector, api_key: ApiKey) -> M {
    let tags = versions::response_header_version(api_key, vector.version) as usize;
    let frame = [&[0; 5][..4 + tags], &vector.body[..]].concat();
    decode_response(frame.into(), vector.version).expect(&vector.title).1
}

/// The generated messages have both fields and leave the one empty that the version lacks.
fn assert_topic(ours: &TopicRef, name: &str, id: Uuid) {
    match ours {
        TopicRef::Name(ours) => assert_eq!((ours.as_str(), Uuid::ZERO), (name, id)),
        TopicRef::Id(ours) => assert_eq!(("", uuid_of(*ours)), (name, id)),
    }
}

fn assert_leader(ours: Option<CurrentLeader>, leader_id: i32, leader_epoch: i32) {
    let absent = CurrentLeader { leader_id: -1, leader_epoch: -1 };
    assert_eq!(ours.unwrap_or(absent), CurrentLeader { leader_id, leader_epoch });
}
