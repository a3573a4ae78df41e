//! Heartbeat 0–4. [27] asks the member to join again. While its group loads, a member is told that
//! all is well, as by Kafka: the load gives everybody a new session, and clients (aiokafka) end
//! over an error that says so.

use pelton_group::{Command, Heartbeat, Reply};
use pelton_kafka::wire::{HeartbeatRequest, HeartbeatResponse};
use pelton_kafka::{ErrorCode, message};

use crate::group::GroupFault;
use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::{of_group, of_group_fault};

pub async fn handle(call: Call, request: HeartbeatRequest) -> HeartbeatResponse {
    let error = match call.may(Operation::Read, Resource::Group(request.group_id.as_str())) {
        true => beat(&call, request).await,
        false => ErrorCode::GroupAuthorizationFailed,
    };
    message!(HeartbeatResponse { error_code: error.code() })
}

async fn beat(call: &Call, request: HeartbeatRequest) -> ErrorCode {
    let beat = Heartbeat {
        group: request.group_id.as_str().into(),
        generation: request.generation_id,
        member_id: request.member_id.as_str().into(),
        instance_id: request.group_instance_id.as_ref().map(|id| id.as_str().into()),
    };
    match call.ask_group(Command::Heartbeat(beat)).await {
        Ok(Reply::Beaten(Ok(()))) => ErrorCode::None,
        Ok(Reply::Beaten(Err(error))) => of_group(error),
        Ok(_) => ErrorCode::UnknownServerError,
        Err(fault) => unanswered(fault),
    }
}

/// Nobody who knows the group has looked at it.
fn unanswered(fault: GroupFault) -> ErrorCode {
    match fault {
        GroupFault::Loading => ErrorCode::None,
        fault => of_group_fault(fault),
    }
}

#[cfg(test)]
#[path = "heartbeat_test.rs"]
mod heartbeat_test;
