//! A group whose coordinator is the fake broker: it answers what a test has it answer, and keeps what
//! it was asked.

use std::collections::VecDeque;

use bytes::Bytes;
use pelton_kafka::messages::{decode_request, encode_response};
use pelton_kafka::wire::consumer_group_describe_response::DescribedGroup;
use pelton_kafka::wire::consumer_group_heartbeat_response::{Assignment, TopicPartitions};
use pelton_kafka::wire::describe_groups_response::DescribedGroup as DescribedClassicGroup;
use pelton_kafka::wire::list_groups_response::ListedGroup;
use pelton_kafka::wire::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use pelton_kafka::wire::offset_fetch_response::OffsetFetchResponseGroup;
use pelton_kafka::wire::{
    ConsumerGroupDescribeResponse, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
    DescribeGroupsResponse, FindCoordinatorResponse, ListGroupsResponse, OffsetCommitRequest,
    OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse,
};
use pelton_kafka::{ApiKey, ErrorCode, RequestHeader, message, uuid_of};
use pelton_model::TopicId;

use crate::fake_classic::FakeClassic;

/// Of the one topic that there is.
pub const TOPIC_ID: TopicId = TopicId::from_bytes([7; 16]);

/// What becomes of a heartbeat.
#[derive(Clone, Debug)]
pub enum Beaten {
    /// This epoch, and these partitions if anything has changed.
    Answer(i32, Option<Vec<i32>>),
    Error(ErrorCode),
    /// The connection closed instead of an answer.
    HangUp,
}

type Script = Box<dyn FnMut(&ConsumerGroupHeartbeatRequest) -> Beaten + Send>;

pub struct FakeGroup {
    pub has_consumer_protocol: bool,
    /// Static members (KIP-345). Without: as before Kafka 2.3.
    pub has_instances: bool,
    pub heartbeat_interval_ms: i32,
    /// Node and port; None: the broker of the group itself.
    pub coordinator: Option<(i32, i32)>,
    /// Whoever commits or fetches as a member of another epoch is told that it is stale; None: nobody.
    pub epoch: Option<i32>,
    /// Commits of this topic's partition 0 are refused so.
    pub refusal: ErrorCode,
    /// Instead of an answer to a commit the connection is closed.
    pub hangs_up_on_commits: bool,
    /// What comes instead of the first lists of groups.
    pub list_errors: VecDeque<ErrorCode>,
    pub classic: FakeClassic,
    pub heartbeats: Vec<ConsumerGroupHeartbeatRequest>,
    /// Under which epochs.
    pub commits: Vec<i32>,
    /// Which offsets, whatever the answer.
    pub committed: Vec<i64>,
    pub fetches: Vec<i32>,
    script: Script,
}

impl FakeGroup {
    pub fn new(
        script: impl FnMut(&ConsumerGroupHeartbeatRequest) -> Beaten + Send + 'static,
    ) -> FakeGroup {
        FakeGroup {
            has_consumer_protocol: true,
            has_instances: true,
            heartbeat_interval_ms: 50,
            coordinator: None,
            epoch: None,
            refusal: ErrorCode::None,
            hangs_up_on_commits: false,
            list_errors: VecDeque::new(),
            classic: FakeClassic::default(),
            heartbeats: Vec::new(),
            commits: Vec::new(),
            committed: Vec::new(),
            fetches: Vec::new(),
            script: Box::new(script),
        }
    }

    /// A group of the classic protocol.
    pub fn classic(classic: FakeClassic) -> FakeGroup {
        let script = |_: &_| Beaten::Error(ErrorCode::UnsupportedVersion);
        FakeGroup { has_consumer_protocol: false, classic, ..Self::new(script) }
    }

    /// The requests that it answers, and up to which version.
    pub fn served(&self) -> Vec<(ApiKey, i16)> {
        let mut served = vec![
            (ApiKey::FIND_COORDINATOR, 3),
            (ApiKey::OFFSET_COMMIT, if self.has_instances { 9 } else { 6 }),
            (ApiKey::OFFSET_FETCH, 9),
            (ApiKey::LIST_GROUPS, 4),
            (ApiKey::DESCRIBE_GROUPS, 5),
        ];
        served.extend(FakeClassic::served(self.has_instances));
        if self.has_consumer_protocol {
            served.push((ApiKey::CONSUMER_GROUP_HEARTBEAT, 1));
            served.push((ApiKey::CONSUMER_GROUP_DESCRIBE, 1));
        }
        served
    }

    pub fn serves(&self, api_key: ApiKey) -> bool {
        self.served().iter().any(|(served, _)| *served == api_key)
    }

    /// None to hang up.
    pub fn answer(&mut self, header: &RequestHeader, body: Bytes, port: i32) -> Option<Bytes> {
        let (id, version) = (header.correlation_id, header.api_version);
        let encoded = match header.api_key {
            ApiKey::FIND_COORDINATOR => {
                let (node_id, port) = self.coordinator.unwrap_or((1, port));
                let answer = message!(FindCoordinatorResponse {
                    node_id: node_id,
                    host: "127.0.0.1".into(),
                    port: port,
                });
                encode_response(id, version, &answer)
            }
            ApiKey::OFFSET_COMMIT => {
                let answer = self.commit(&decode_request(body, version).unwrap());
                if self.hangs_up_on_commits {
                    return None;
                }
                encode_response(id, version, &answer)
            }
            ApiKey::OFFSET_FETCH => {
                encode_response(id, version, &self.fetch(&decode_request(body, version).unwrap()))
            }
            ApiKey::CONSUMER_GROUP_HEARTBEAT => {
                let request = decode_request(body, version).unwrap();
                let beaten = (self.script)(&request);
                self.heartbeats.push(request);
                encode_response(id, version, &self.beaten(beaten)?)
            }
            ApiKey::LIST_GROUPS => {
                let answer = match self.list_errors.pop_front() {
                    Some(code) => message!(ListGroupsResponse { error_code: code.code() }),
                    None => message!(ListGroupsResponse {
                        groups: vec![message!(ListedGroup { group_id: "g".into() })],
                    }),
                };
                encode_response(id, version, &answer)
            }
            // The broker knows the protocol, and is configured to have no such groups.
            ApiKey::CONSUMER_GROUP_DESCRIBE => {
                let code = ErrorCode::UnsupportedVersion.code();
                let group = message!(DescribedGroup { error_code: code });
                let answer = message!(ConsumerGroupDescribeResponse { groups: vec![group] });
                encode_response(id, version, &answer)
            }
            ApiKey::DESCRIBE_GROUPS => {
                let group = message!(DescribedClassicGroup {
                    group_id: "g".into(),
                    group_state: "Stable".into(),
                });
                let answer = message!(DescribeGroupsResponse { groups: vec![group] });
                encode_response(id, version, &answer)
            }
            _ => return Some(self.classic.answer(header, body)),
        };
        Some(encoded.unwrap())
    }

    fn commit(&mut self, request: &OffsetCommitRequest) -> OffsetCommitResponse {
        self.commits.push(request.generation_id_or_member_epoch);
        let partitions = request.topics.iter().flat_map(|topic| &topic.partitions);
        self.committed.extend(partitions.map(|partition| partition.committed_offset));
        let code = |index| match self.check(request.generation_id_or_member_epoch) {
            0 if index == 0 => self.refusal.code(),
            code => code,
        };
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| {
                message!(OffsetCommitResponsePartition {
                    partition_index: partition.partition_index,
                    error_code: code(partition.partition_index),
                })
            });
            message!(OffsetCommitResponseTopic {
                name: topic.name.clone(),
                partitions: partitions.collect(),
            })
        });
        message!(OffsetCommitResponse { topics: topics.collect() })
    }

    /// Nothing is committed.
    fn fetch(&mut self, request: &OffsetFetchRequest) -> OffsetFetchResponse {
        let epoch = request.groups[0].member_epoch;
        self.fetches.push(epoch);
        let group = message!(OffsetFetchResponseGroup { error_code: self.check(epoch) });
        message!(OffsetFetchResponse { groups: vec![group] })
    }

    fn check(&self, epoch: i32) -> i16 {
        match self.epoch.is_none_or(|current| current == epoch) {
            true => ErrorCode::None.code(),
            false => ErrorCode::StaleMemberEpoch.code(),
        }
    }

    fn beaten(&self, beaten: Beaten) -> Option<ConsumerGroupHeartbeatResponse> {
        let (epoch, target) = match beaten {
            Beaten::Answer(epoch, target) => (epoch, target),
            Beaten::Error(code) => {
                return Some(message!(ConsumerGroupHeartbeatResponse { error_code: code.code() }));
            }
            Beaten::HangUp => return None,
        };
        let assignment = target.map(|partitions| {
            let topic =
                message!(TopicPartitions { topic_id: uuid_of(TOPIC_ID), partitions: partitions });
            message!(Assignment { topic_partitions: vec![topic] })
        });
        Some(message!(ConsumerGroupHeartbeatResponse {
            member_epoch: epoch,
            heartbeat_interval_ms: self.heartbeat_interval_ms,
            assignment: assignment,
        }))
    }
}
