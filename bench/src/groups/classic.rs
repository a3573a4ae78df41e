//! A member by the classic protocol, eager: it joins, assigns if it leads, beats, and joins again
//! when it is told to.

use bytes::Bytes;
use pelton_kafka::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, PROTOCOL_TYPE, decode_assignment,
    encode_assignment, encode_subscription,
};
use pelton_kafka::versions::Versions;
use pelton_kafka::wire::join_group_request::JoinGroupRequestProtocol;
use pelton_kafka::wire::join_group_response::JoinGroupResponseMember;
use pelton_kafka::wire::leave_group_request::MemberIdentity;
use pelton_kafka::wire::sync_group_request::SyncGroupRequestAssignment;
use pelton_kafka::wire::{
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, SyncGroupRequest,
    consumer_protocol_assignment,
};
use pelton_kafka::{ErrorCode, StrBytes, message};
use tokio::sync::oneshot;

use super::SETTLE_WITHIN;
use super::member::{BACKOFF, Ending, Group, is_passing, pause};
use crate::connection::Connection;
use crate::error::{Error, Result};

const JOIN_VERSIONS: Versions = Versions::new(5, 9);
const SYNC_VERSIONS: Versions = Versions::new(3, 5);
const HEARTBEAT_VERSIONS: Versions = Versions::new(3, 4);
const LEAVE_VERSIONS: Versions = Versions::new(3, 5);

/// As consumers have it by default (`max.poll.interval.ms`).
const REBALANCE_MS: i32 = 300_000;

const ASSIGNOR: &str = "range";

pub(super) async fn live(
    group: &Group,
    number: usize,
    connection: Connection,
    mut ending: oneshot::Receiver<Ending>,
) -> Result<()> {
    let mut member = Classic { group, connection, id: StrBytes::default() };
    loop {
        let joined = member.join().await?;
        let generation = joined.generation_id;
        let Some(partitions) = member.sync(joined).await? else { continue };
        group.report(number, generation, partitions);
        loop {
            match pause(group.heartbeat, &mut ending).await {
                Some(Ending::Leaves) => return member.leave().await,
                Some(Ending::Dies) => return Ok(()),
                None if member.beat(generation).await? => {}
                None => break,
            }
        }
    }
}

struct Classic<'a> {
    group: &'a Group,
    connection: Connection,
    id: StrBytes,
}

impl Classic<'_> {
    async fn join(&mut self) -> Result<JoinGroupResponse> {
        let subscription =
            message!(ConsumerProtocolSubscription { topics: vec![self.group.topic.clone()] });
        let metadata = encode_subscription(&subscription, 0).map_err(malformed)?;
        loop {
            let protocol = message!(JoinGroupRequestProtocol {
                name: ASSIGNOR.into(),
                metadata: metadata.clone(),
            });
            let request = message!(JoinGroupRequest {
                group_id: self.group.name.clone(),
                session_timeout_ms: self.group.session_ms,
                rebalance_timeout_ms: REBALANCE_MS,
                member_id: self.id.clone(),
                protocol_type: PROTOCOL_TYPE.into(),
                protocols: vec![protocol],
            });
            let answer =
                self.connection.call_within(&request, JOIN_VERSIONS, SETTLE_WITHIN).await?;
            match ErrorCode::from_code(answer.error_code) {
                ErrorCode::None => {
                    self.id = answer.member_id.clone();
                    return Ok(answer);
                }
                ErrorCode::MemberIdRequired => self.id = answer.member_id,
                code => self.put_out("JoinGroup", code).await?,
            }
        }
    }

    /// What the member has now; none if it has to join again.
    async fn sync(&mut self, joined: JoinGroupResponse) -> Result<Option<Vec<i32>>> {
        let request = message!(SyncGroupRequest {
            group_id: self.group.name.clone(),
            generation_id: joined.generation_id,
            member_id: self.id.clone(),
            protocol_type: Some(PROTOCOL_TYPE.into()),
            protocol_name: Some(ASSIGNOR.into()),
            assignments: self.assign(&joined)?,
        });
        let answer = self.connection.call_within(&request, SYNC_VERSIONS, SETTLE_WITHIN).await?;
        match ErrorCode::from_code(answer.error_code) {
            ErrorCode::None => {
                let read = decode_assignment(answer.assignment).map_err(malformed)?;
                let topics = read.assigned_partitions.into_iter();
                Ok(Some(topics.flat_map(|topic| topic.partitions).collect()))
            }
            code => {
                self.put_out("SyncGroup", code).await?;
                Ok(None)
            }
        }
    }

    /// Of a leader: each member gets as many neighbours as the next, give or take one.
    fn assign(&self, joined: &JoinGroupResponse) -> Result<Vec<SyncGroupRequestAssignment>> {
        let count = i32::try_from(joined.members.len()).unwrap_or(i32::MAX);
        let begin = |at: i32| {
            let at = i64::from(at) * i64::from(self.group.partitions) / i64::from(count.max(1));
            i32::try_from(at).unwrap_or(i32::MAX)
        };
        let assign = |(at, member): (i32, &JoinGroupResponseMember)| {
            let topic = message!(consumer_protocol_assignment::TopicPartition {
                topic: self.group.topic.clone(),
                partitions: (begin(at)..begin(at + 1)).collect(),
            });
            let assignment =
                message!(ConsumerProtocolAssignment { assigned_partitions: vec![topic] });
            let assignment: Bytes = encode_assignment(&assignment, 0).map_err(malformed)?;
            Ok(message!(SyncGroupRequestAssignment {
                member_id: member.member_id.clone(),
                assignment: assignment,
            }))
        };
        (0..).zip(&joined.members).map(assign).collect()
    }

    /// Whether it may go on as it is.
    async fn beat(&mut self, generation: i32) -> Result<bool> {
        let request = message!(HeartbeatRequest {
            group_id: self.group.name.clone(),
            generation_id: generation,
            member_id: self.id.clone(),
        });
        let answer = self.connection.call(&request, HEARTBEAT_VERSIONS).await?;
        match ErrorCode::from_code(answer.error_code) {
            ErrorCode::None => Ok(true),
            code => {
                self.put_out("Heartbeat", code).await?;
                Ok(false)
            }
        }
    }

    async fn leave(mut self) -> Result<()> {
        let request = message!(LeaveGroupRequest {
            group_id: self.group.name.clone(),
            members: vec![message!(MemberIdentity { member_id: self.id.clone() })],
        });
        self.connection.call(&request, LEAVE_VERSIONS).await?;
        Ok(())
    }

    /// Takes an error in that asks it to join again.
    async fn put_out(&mut self, what: &str, code: ErrorCode) -> Result<()> {
        match code {
            ErrorCode::RebalanceInProgress | ErrorCode::IllegalGeneration => {}
            ErrorCode::UnknownMemberId => self.id = StrBytes::default(),
            code if is_passing(code) => tokio::time::sleep(BACKOFF).await,
            code => return Err(self.group.refused(what, code)),
        }
        Ok(())
    }
}

fn malformed(error: impl std::fmt::Display) -> Error {
    Error::Invalid(format!("consumer protocol: {error}"))
}
