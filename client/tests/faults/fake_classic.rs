//! A group of the classic protocol with one member: the group answers what a test has it answer, and
//! keeps what it was asked.

use bytes::Bytes;
use pelton_kafka::consumer_protocol::{ConsumerProtocolAssignment, encode_assignment};
use pelton_kafka::messages::{decode_request, encode_response};
use pelton_kafka::wire::consumer_protocol_assignment::TopicPartition;
use pelton_kafka::wire::join_group_response::JoinGroupResponseMember;
use pelton_kafka::wire::{
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse,
};
use pelton_kafka::{ApiKey, ErrorCode, RequestHeader, message};

use crate::fake_broker::TOPIC;

type Script = Box<dyn FnMut() -> ErrorCode + Send>;

/// Without a script nobody gets any further than to ask to join.
#[derive(Default)]
pub struct FakeClassic {
    pub joins: Vec<JoinGroupRequest>,
    pub syncs: Vec<SyncGroupRequest>,
    pub heartbeats: Vec<HeartbeatRequest>,
    pub leaves: Vec<LeaveGroupRequest>,
    /// Whether the member is the leader, and if so whether it has come back to what it had divided.
    pub leads: Option<bool>,
    script: Option<Script>,
}

impl FakeClassic {
    /// The requests that it answers, and up to which version.
    pub fn served(has_instances: bool) -> [(ApiKey, i16); 4] {
        let max =
            |newest, without_instances| if has_instances { newest } else { without_instances };
        [
            (ApiKey::JOIN_GROUP, max(9, 4)),
            (ApiKey::SYNC_GROUP, max(5, 2)),
            (ApiKey::HEARTBEAT, max(4, 2)),
            (ApiKey::LEAVE_GROUP, max(5, 2)),
        ]
    }

    /// Partition 0 is the member's in every generation. `script` is asked about every heartbeat.
    pub fn new(script: impl FnMut() -> ErrorCode + Send + 'static) -> FakeClassic {
        FakeClassic { script: Some(Box::new(script)), ..Self::default() }
    }

    pub fn answer(&mut self, header: &RequestHeader, body: Bytes) -> Bytes {
        let (id, version) = (header.correlation_id, header.api_version);
        let encoded = match header.api_key {
            ApiKey::JOIN_GROUP => {
                self.joins.push(decode_request(body, version).unwrap());
                encode_response(id, version, &self.joined())
            }
            ApiKey::SYNC_GROUP => {
                self.syncs.push(decode_request(body, version).unwrap());
                let answer = message!(SyncGroupResponse { assignment: partition_0() });
                encode_response(id, version, &answer)
            }
            ApiKey::HEARTBEAT => {
                self.heartbeats.push(decode_request(body, version).unwrap());
                let code = self.script.as_mut().map_or(ErrorCode::UnknownMemberId, |ask| ask());
                let answer = message!(HeartbeatResponse { error_code: code.code() });
                encode_response(id, version, &answer)
            }
            ApiKey::LEAVE_GROUP => {
                self.leaves.push(decode_request(body, version).unwrap());
                encode_response(id, version, &LeaveGroupResponse::default())
            }
            other => panic!("the fake group was asked for {other}"),
        };
        encoded.unwrap()
    }

    fn joined(&self) -> JoinGroupResponse {
        let leading = self.leads.map(|_| {
            let subscription = &self.joins.last().unwrap().protocols[0];
            message!(JoinGroupResponseMember {
                member_id: "member".into(),
                metadata: subscription.metadata.clone(),
            })
        });
        match self.script {
            Some(_) => message!(JoinGroupResponse {
                generation_id: self.joins.len() as i32,
                protocol_name: Some("range".into()),
                leader: self.leads.map_or("leader", |_| "member").into(),
                member_id: "member".into(),
                members: leading.into_iter().collect(),
                skip_assignment: self.leads.unwrap_or(false),
            }),
            None => message!(JoinGroupResponse {
                error_code: ErrorCode::GroupAuthorizationFailed.code(),
            }),
        }
    }
}

fn partition_0() -> Bytes {
    let topic = message!(TopicPartition { topic: TOPIC.into(), partitions: vec![0] });
    let assignment = message!(ConsumerProtocolAssignment { assigned_partitions: vec![topic] });
    encode_assignment(&assignment, 3).unwrap()
}
