//! The requests of a member to its coordinator.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pelton_kafka::consumer_protocol::PROTOCOL_TYPE;
use pelton_kafka::versions::Versions;
use pelton_kafka::wire::join_group_request::JoinGroupRequestProtocol;
use pelton_kafka::wire::leave_group_request::MemberIdentity;
use pelton_kafka::wire::sync_group_request::SyncGroupRequestAssignment;
use pelton_kafka::wire::{HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest};
use pelton_kafka::{ErrorCode, message};

use super::membership::{Joined, JoinedMember};
use crate::cluster::Lane;
use crate::consumer::options::{Assignor, GroupOptions};
use crate::error::{Result, check};
use crate::group::coordinator::Coordinator;
use crate::group::instance::instance_id;

const JOIN_VERSIONS: Versions = Versions::new(0, 9);
const SYNC_VERSIONS: Versions = Versions::new(0, 5);
const HEARTBEAT_VERSIONS: Versions = Versions::new(0, 4);
/// Before 3 there are no members in it, but one.
const LEAVE_VERSIONS: Versions = Versions::new(0, 5);
const LEAVE_BY_MEMBERS_FROM: i16 = 3;
/// Before these nobody has an instance id.
const JOIN_WITH_INSTANCE_FROM: i16 = 5;
const SYNC_WITH_INSTANCE_FROM: i16 = 3;
const HEARTBEAT_WITH_INSTANCE_FROM: i16 = 3;

/// What became of a JoinGroup: an answer, or a member id to join with (KIP-394).
pub(super) enum JoinAnswer {
    Joined(Joined),
    Named(Arc<str>),
}

pub(super) async fn join(
    coordinator: &Coordinator,
    lane: Lane,
    options: &GroupOptions,
    member_id: Arc<str>,
    protocols: Vec<(Assignor, Bytes)>,
) -> Result<JoinAnswer> {
    let milliseconds = |time: Duration| i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
    let protocols = protocols.into_iter().map(|(assignor, metadata)| {
        message!(JoinGroupRequestProtocol { name: assignor.name().into(), metadata: metadata })
    });
    let protocols = protocols.collect();
    let request = |version| {
        message!(JoinGroupRequest {
            group_id: (*options.id).into(),
            session_timeout_ms: milliseconds(options.session_timeout),
            rebalance_timeout_ms: milliseconds(options.poll_interval_max),
            member_id: (*member_id).into(),
            group_instance_id: instance_id(
                options.instance_id.as_deref(),
                version,
                JOIN_WITH_INSTANCE_FROM
            ),
            protocol_type: PROTOCOL_TYPE.into(),
            protocols: protocols,
        })
    };
    let wait = options.poll_interval_max;
    let answer =
        coordinator.call(lane, JOIN_VERSIONS, wait, request, |answer| answer.error_code).await?;
    if answer.error_code == ErrorCode::MemberIdRequired.code() {
        return Ok(JoinAnswer::Named((&*answer.member_id).into()));
    }
    check(answer.error_code, None, || format!("join group {}", options.id))?;
    let is_leader = answer.leader == answer.member_id;
    let members = answer.members.into_iter().map(|member| JoinedMember {
        id: (&*member.member_id).into(),
        instance_id: member.group_instance_id.as_deref().map(Arc::from),
        subscription: member.metadata,
    });
    Ok(JoinAnswer::Joined(Joined {
        generation: answer.generation_id,
        member_id: (&*answer.member_id).into(),
        protocol: answer.protocol_name.as_deref().unwrap_or_default().into(),
        members: is_leader.then(|| members.collect()),
        is_divided: answer.skip_assignment,
    }))
}

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    pub(super) member_id: Arc<str>,
    pub(super) generation: i32,
}

pub(super) async fn sync(
    coordinator: &Coordinator,
    lane: Lane,
    options: &GroupOptions,
    asker: Asker,
    protocol: &str,
    assignments: Vec<(Arc<str>, Bytes)>,
) -> Result<Bytes> {
    let assignments = assignments.into_iter().map(|(member_id, assignment)| {
        message!(SyncGroupRequestAssignment {
            member_id: (*member_id).into(),
            assignment: assignment,
        })
    });
    let assignments = assignments.collect();
    let request = |version| {
        message!(SyncGroupRequest {
            group_id: (*options.id).into(),
            generation_id: asker.generation,
            member_id: (*asker.member_id).into(),
            group_instance_id: instance_id(
                options.instance_id.as_deref(),
                version,
                SYNC_WITH_INSTANCE_FROM
            ),
            protocol_type: Some(PROTOCOL_TYPE.into()),
            protocol_name: Some(protocol.into()),
            assignments: assignments,
        })
    };
    let wait = options.poll_interval_max;
    let answer =
        coordinator.call(lane, SYNC_VERSIONS, wait, request, |answer| answer.error_code).await?;
    check(answer.error_code, None, || format!("sync group {}", options.id))?;
    Ok(answer.assignment)
}

pub(super) async fn heartbeat(
    coordinator: &Coordinator,
    options: &GroupOptions,
    asker: Asker,
) -> Result<()> {
    let request = |version| {
        message!(HeartbeatRequest {
            group_id: (*options.id).into(),
            generation_id: asker.generation,
            member_id: (*asker.member_id).into(),
            group_instance_id: instance_id(
                options.instance_id.as_deref(),
                version,
                HEARTBEAT_WITH_INSTANCE_FROM
            ),
        })
    };
    let wait = Duration::ZERO;
    let answer = coordinator
        .call(Lane::Shared, HEARTBEAT_VERSIONS, wait, request, |answer| answer.error_code)
        .await?;
    check(answer.error_code, None, || format!("heartbeat in group {}", options.id))
}

pub(super) async fn leave(coordinator: &Coordinator, group: &str, member_id: &str) -> Result<()> {
    let request = |version| match version {
        LEAVE_BY_MEMBERS_FROM.. => message!(LeaveGroupRequest {
            group_id: group.into(),
            members: vec![message!(MemberIdentity { member_id: member_id.into() })],
        }),
        _ => message!(LeaveGroupRequest { group_id: group.into(), member_id: member_id.into() }),
    };
    let wait = Duration::ZERO;
    let answer = coordinator
        .call(Lane::Shared, LEAVE_VERSIONS, wait, request, |answer| answer.error_code)
        .await?;
    check(answer.error_code, None, || format!("leave group {group}"))?;
    answer
        .members
        .iter()
        .try_for_each(|member| check(member.error_code, None, || format!("leave group {group}")))
}
