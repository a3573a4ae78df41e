//! SyncGroup 0–5. Answered when the leader has brought the assignment. From 5 protocol type and
//! name have to be there ([23] else) and come back.

use bytes::Bytes;
use pelton_group::{Command, Reply, Sync};
use pelton_kafka::wire::{SyncGroupRequest, SyncGroupResponse};
use pelton_kafka::{ErrorCode, StrBytes, message};

use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::{of_group, of_group_fault};

const NAMES_PROTOCOL: i16 = 5;

pub async fn handle(call: Call, request: SyncGroupRequest) -> SyncGroupResponse {
    let failed = |error: ErrorCode| message!(SyncGroupResponse { error_code: error.code() });
    let names_protocol = request.protocol_type.is_some() && request.protocol_name.is_some();
    if call.version() >= NAMES_PROTOCOL && !names_protocol {
        return failed(ErrorCode::InconsistentGroupProtocol);
    }
    if !call.may(Operation::Read, Resource::Group(request.group_id.as_str())) {
        return failed(ErrorCode::GroupAuthorizationFailed);
    }
    match call.ask_group(Command::Sync(to_sync(request))).await {
        Ok(Reply::Synced(Ok(synced))) => {
            let mut answer = message!(SyncGroupResponse { assignment: synced.assignment });
            if call.version() >= NAMES_PROTOCOL {
                answer.protocol_type = synced.protocol_type.as_deref().map(Into::into);
                answer.protocol_name = synced.protocol.as_deref().map(Into::into);
            }
            answer
        }
        Ok(Reply::Synced(Err(error))) => failed(of_group(error)),
        Ok(_) => failed(ErrorCode::UnknownServerError),
        Err(fault) => failed(of_group_fault(fault)),
    }
}

fn to_sync(request: SyncGroupRequest) -> Sync {
    let owned = |text: &StrBytes| text.as_str().to_owned();
    Sync {
        group: request.group_id.as_str().into(),
        generation: request.generation_id,
        member_id: request.member_id.as_str().into(),
        instance_id: request.group_instance_id.as_ref().map(|id| id.as_str().into()),
        protocol_type: request.protocol_type.as_ref().map(owned),
        protocol: request.protocol_name.as_ref().map(owned),
        assignments: request
            .assignments
            .iter()
            .map(|it| (it.member_id.as_str().into(), Bytes::copy_from_slice(&it.assignment)))
            .collect(),
    }
}
