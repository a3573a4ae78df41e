//! Every served message that is not on the hot path, and the hot ones too: what Kafka wrote is
//! read and written again, byte for byte.

use bytes::Bytes;
use pelton_kafka::messages::{
    KafkaRequest, KafkaResponse, decode_request, decode_response, encode_request, encode_response,
};
use pelton_kafka::{ApiKey, RequestHeader, versions, wire};

use crate::golden::{Vector, vectors};
use crate::{CORRELATION_ID, after_length};

/// Checks a file's vectors, and that it has some of every served version.
fn check<Q: KafkaRequest, R: KafkaResponse>(file: &str) {
    let api_key = ApiKey::new(Q::API_KEY.value());
    let served = versions::served(api_key).expect("a file is there for what is served").served;
    let mut seen = Vec::new();
    for vector in vectors(file) {
        assert!(served.contains(vector.version), "{}", vector.title);
        if vector.is_request {
            seen.push(vector.version);
            check_request::<Q>(api_key, &vector);
        } else {
            check_response::<R>(api_key, &vector);
        }
    }
    seen.dedup();
    assert_eq!(seen, (served.min..=served.max).collect::<Vec<_>>(), "{file}");
}

fn check_request<Q: KafkaRequest>(api_key: ApiKey, vector: &Vector) {
    let title = &vector.title;
    let request: Q = decode_request(vector.body.clone(), vector.version).expect(title);
    let frame = encode_request(CORRELATION_ID, Some("client"), vector.version, &request);
    let (header, body) = RequestHeader::decode(after_length(frame.expect(title))).expect(title);
    assert_eq!(header.api_key, api_key, "{title}");
    assert_eq!(header.api_version, vector.version, "{title}");
    assert_eq!(header.correlation_id, CORRELATION_ID, "{title}");
    assert_eq!(header.client_id.as_deref(), Some("client"), "{title}");
    assert_eq!(body, vector.body, "{title}");
}

fn check_response<R: KafkaResponse>(api_key: ApiKey, vector: &Vector) {
    let title = &vector.title;
    let header_version = versions::response_header_version(api_key, vector.version);
    let header: &[u8] = if header_version == 1 { &[1, 2, 3, 4, 0] } else { &[1, 2, 3, 4] };
    let expected: Bytes = [header, &vector.body[..]].concat().into();
    let (header, response) = decode_response::<R>(expected.clone(), vector.version).expect(title);
    assert_eq!(header.correlation_id, CORRELATION_ID, "{title}");
    let frame = encode_response(CORRELATION_ID, vector.version, &response).expect(title);
    assert_eq!(after_length(frame), expected, "{title}");
}

macro_rules! golden {
    ($($test:ident: $file:literal, $request:ident, $response:ident;)*) => {
        $(
            #[test]
            fn $test() {
                check::<wire::$request, wire::$response>($file);
            }
        )*

        #[test]
        fn every_served_request_has_its_vectors() {
            let files = [$($file),*];
            assert_eq!(files.len(), versions::SERVED.len());
            for (file, api) in files.iter().zip(versions::SERVED) {
                let name = format!("{:02}-{}.jsonl", api.api_key.get(), api.api_key);
                assert_eq!(*file, name);
            }
        }
    };
}

golden! {
    produce: "00-Produce.jsonl", ProduceRequest, ProduceResponse;
    fetch: "01-Fetch.jsonl", FetchRequest, FetchResponse;
    list_offsets: "02-ListOffsets.jsonl", ListOffsetsRequest, ListOffsetsResponse;
    metadata: "03-Metadata.jsonl", MetadataRequest, MetadataResponse;
    offset_commit: "08-OffsetCommit.jsonl", OffsetCommitRequest, OffsetCommitResponse;
    offset_fetch: "09-OffsetFetch.jsonl", OffsetFetchRequest, OffsetFetchResponse;
    find_coordinator: "10-FindCoordinator.jsonl", FindCoordinatorRequest, FindCoordinatorResponse;
    join_group: "11-JoinGroup.jsonl", JoinGroupRequest, JoinGroupResponse;
    heartbeat: "12-Heartbeat.jsonl", HeartbeatRequest, HeartbeatResponse;
    leave_group: "13-LeaveGroup.jsonl", LeaveGroupRequest, LeaveGroupResponse;
    sync_group: "14-SyncGroup.jsonl", SyncGroupRequest, SyncGroupResponse;
    describe_groups: "15-DescribeGroups.jsonl", DescribeGroupsRequest, DescribeGroupsResponse;
    list_groups: "16-ListGroups.jsonl", ListGroupsRequest, ListGroupsResponse;
    api_versions: "18-ApiVersions.jsonl", ApiVersionsRequest, ApiVersionsResponse;
    create_topics: "19-CreateTopics.jsonl", CreateTopicsRequest, CreateTopicsResponse;
    delete_topics: "20-DeleteTopics.jsonl", DeleteTopicsRequest, DeleteTopicsResponse;
    delete_records: "21-DeleteRecords.jsonl", DeleteRecordsRequest, DeleteRecordsResponse;
    init_producer_id: "22-InitProducerId.jsonl", InitProducerIdRequest, InitProducerIdResponse;
    offset_for_leader_epoch: "23-OffsetForLeaderEpoch.jsonl", OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse;
    describe_configs: "32-DescribeConfigs.jsonl", DescribeConfigsRequest, DescribeConfigsResponse;
    alter_configs: "33-AlterConfigs.jsonl", AlterConfigsRequest, AlterConfigsResponse;
    describe_log_dirs: "35-DescribeLogDirs.jsonl", DescribeLogDirsRequest, DescribeLogDirsResponse;
    create_partitions: "37-CreatePartitions.jsonl", CreatePartitionsRequest, CreatePartitionsResponse;
    delete_groups: "42-DeleteGroups.jsonl", DeleteGroupsRequest, DeleteGroupsResponse;
    incremental_alter_configs: "44-IncrementalAlterConfigs.jsonl", IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse;
    offset_delete: "47-OffsetDelete.jsonl", OffsetDeleteRequest, OffsetDeleteResponse;
    describe_cluster: "60-DescribeCluster.jsonl", DescribeClusterRequest, DescribeClusterResponse;
    describe_producers: "61-DescribeProducers.jsonl", DescribeProducersRequest, DescribeProducersResponse;
    consumer_group_heartbeat: "68-ConsumerGroupHeartbeat.jsonl", ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse;
    consumer_group_describe: "69-ConsumerGroupDescribe.jsonl", ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse;
    list_config_resources: "74-ListConfigResources.jsonl", ListConfigResourcesRequest, ListConfigResourcesResponse;
    describe_topic_partitions: "75-DescribeTopicPartitions.jsonl", DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse;
}
