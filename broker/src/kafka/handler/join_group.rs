//! JoinGroup 0–9. Answered when the group's join phase ends, by which time all that may has joined.
//! From 4 a member without an id first gets one, with [79] (KIP-394); from 5 there are static
//! members; from 9 a static leader that returns may be told to skip the assignment. Version 0 has
//! no rebalance timeout: the session's counts.

use bytes::Bytes;
use pelton_group::{Command, Join, JoinRefused, Joined, Protocol, Reply};
use pelton_kafka::wire::join_group_response::JoinGroupResponseMember;
use pelton_kafka::wire::{JoinGroupRequest, JoinGroupResponse};
use pelton_kafka::{ErrorCode, message};
use pelton_model::TopicId;

use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::{of_group, of_group_fault};

/// From this version on a new dynamic member has to come again with the id that it got.
const REQUIRES_KNOWN_MEMBER_ID: i16 = 4;
/// From this version on no protocol is null, before it is the empty text.
const NULLABLE_PROTOCOL: i16 = 7;
const SKIPS_ASSIGNMENT: i16 = 9;

pub async fn handle(call: Call, request: JoinGroupRequest) -> JoinGroupResponse {
    let member_id = request.member_id.clone();
    if !call.may(Operation::Read, Resource::Group(request.group_id.as_str())) {
        return failed(&call, ErrorCode::GroupAuthorizationFailed, &member_id);
    }
    match call.ask_group(Command::Join(to_join(&call, request))).await {
        Ok(Reply::Joined(Ok(joined))) => answer(&call, joined),
        Ok(Reply::Joined(Err(JoinRefused { error, member_id }))) => {
            failed(&call, of_group(error), &member_id)
        }
        Ok(_) => failed(&call, ErrorCode::UnknownServerError, &member_id),
        Err(fault) => failed(&call, of_group_fault(fault), &member_id),
    }
}

fn to_join(call: &Call, request: JoinGroupRequest) -> Join {
    let shard = call.shard();
    let version = call.version();
    let bits = u128::from(shard.env.random()) << 64 | u128::from(shard.env.random());
    Join {
        group: request.group_id.as_str().into(),
        member_id: request.member_id.as_str().into(),
        instance_id: request.group_instance_id.as_ref().map(|id| id.as_str().into()),
        client_id: call.header.client_id.as_deref().unwrap_or_default().to_owned(),
        client_host: format!("/{}", call.session.peer.ip()),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: match version {
            0 => request.session_timeout_ms,
            _ => request.rebalance_timeout_ms,
        },
        protocol_type: request.protocol_type.as_str().to_owned(),
        // Copied: the group keeps them, and must not keep the request's frame with them.
        protocols: request
            .protocols
            .iter()
            .map(|protocol| Protocol {
                name: protocol.name.as_str().to_owned(),
                metadata: Bytes::copy_from_slice(&protocol.metadata),
            })
            .collect(),
        requires_known_member_id: version >= REQUIRES_KNOWN_MEMBER_ID,
        can_skip_assignment: version >= SKIPS_ASSIGNMENT,
        fresh_uuid: TopicId::from_random(bits).to_string(),
    }
}

fn answer(call: &Call, joined: Joined) -> JoinGroupResponse {
    let members = joined.members.into_iter().map(|member| {
        message!(JoinGroupResponseMember {
            member_id: (&*member.member_id).into(),
            group_instance_id: member.instance_id.as_deref().map(Into::into),
            metadata: member.metadata,
        })
    });
    let mut answer = message!(JoinGroupResponse {
        generation_id: joined.generation,
        protocol_name: Some(joined.protocol.as_deref().unwrap_or_default().into()),
        leader: (&*joined.leader).into(),
        member_id: (&*joined.member_id).into(),
        members: members.collect(),
    });
    if call.version() >= NULLABLE_PROTOCOL {
        answer.protocol_type = joined.protocol_type.as_deref().map(Into::into);
    }
    if call.version() >= SKIPS_ASSIGNMENT {
        answer.skip_assignment = joined.skip_assignment;
    }
    answer
}

fn failed(call: &Call, error: ErrorCode, member_id: &str) -> JoinGroupResponse {
    message!(JoinGroupResponse {
        error_code: error.code(),
        generation_id: -1,
        protocol_type: None,
        protocol_name: (call.version() < NULLABLE_PROTOCOL).then(|| "".into()),
        member_id: member_id.into(),
    })
}
