//! LeaveGroup 0–5. From 3 several members leave at once, static ones also by their instance id
//! alone, and each has an error of its own.

use pelton_group::{Command, Leave, LeavingMember, LeftMember, Reply};
use pelton_kafka::wire::leave_group_response::MemberResponse;
use pelton_kafka::wire::{LeaveGroupRequest, LeaveGroupResponse};
use pelton_kafka::{ErrorCode, message};

use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::{of_group, of_group_fault};

const BATCHED: i16 = 3;

pub async fn handle(call: Call, request: LeaveGroupRequest) -> LeaveGroupResponse {
    let failed = |error: ErrorCode| message!(LeaveGroupResponse { error_code: error.code() });
    if !call.may(Operation::Read, Resource::Group(request.group_id.as_str())) {
        return failed(ErrorCode::GroupAuthorizationFailed);
    }
    match call.ask_group(Command::Leave(to_leave(&call, request))).await {
        Ok(Reply::Left(Ok(members))) if call.version() < BATCHED => {
            let outcome = members.into_iter().find_map(|member| member.outcome.err());
            failed(outcome.map_or(ErrorCode::None, of_group))
        }
        Ok(Reply::Left(Ok(members))) => {
            message!(LeaveGroupResponse { members: members.into_iter().map(left).collect() })
        }
        Ok(Reply::Left(Err(error))) => failed(of_group(error)),
        Ok(_) => failed(ErrorCode::UnknownServerError),
        Err(fault) => failed(of_group_fault(fault)),
    }
}

fn to_leave(call: &Call, request: LeaveGroupRequest) -> Leave {
    let members = match call.version() {
        ..BATCHED => {
            let member_id = request.member_id.as_str().into();
            vec![LeavingMember { member_id, instance_id: None }]
        }
        _ => request
            .members
            .iter()
            .map(|member| LeavingMember {
                member_id: member.member_id.as_str().into(),
                instance_id: member.group_instance_id.as_ref().map(|id| id.as_str().into()),
            })
            .collect(),
    };
    Leave { group: request.group_id.as_str().into(), members }
}

fn left(member: LeftMember) -> MemberResponse {
    message!(MemberResponse {
        member_id: (&*member.member_id).into(),
        group_instance_id: member.instance_id.as_deref().map(Into::into),
        error_code: member.outcome.err().map_or(ErrorCode::None, of_group).code(),
    })
}
