//! DescribeGroups 0–6. An unknown group is Dead: with [0] up to version 5, with [69] and a message
//! from 6. What members know and which protocol was chosen is only told of stable groups.

use pelton_group::{Command, Description, GroupError, Reply};
use pelton_kafka::wire::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use pelton_kafka::wire::{DescribeGroupsRequest, DescribeGroupsResponse};
use pelton_kafka::{ErrorCode, StrBytes, message};

use crate::group::GroupOutcome;
use crate::kafka::authorize::{GROUP_OPERATIONS, OPERATIONS_OMITTED};
use crate::kafka::context::Call;
use crate::kafka::errors::{of_group, of_group_fault};

/// From this version on an unknown group is an error.
const UNKNOWN_IS_AN_ERROR: i16 = 6;
const DEAD: &str = "Dead";

pub async fn handle(call: Call, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let operations = match request.include_authorized_operations {
        true => GROUP_OPERATIONS,
        false => OPERATIONS_OMITTED,
    };
    let command = |group| Command::Describe { group };
    let answer = |group: &StrBytes, outcome| described(&call, group, outcome, operations);
    let groups = call.describe_groups(&request.groups, command, answer).await;
    message!(DescribeGroupsResponse { groups: groups })
}

fn described(
    call: &Call,
    group: &StrBytes,
    outcome: Option<GroupOutcome>,
    operations: i32,
) -> DescribedGroup {
    match outcome {
        Some(Ok(Reply::Described(Ok(description)))) => answer(group, description, operations),
        Some(Ok(Reply::Described(Err(GroupError::GroupIdNotFound)))) => {
            let mut dead = message!(DescribedGroup {
                group_id: group.clone(),
                group_state: DEAD.into(),
                authorized_operations: operations,
            });
            if call.version() >= UNKNOWN_IS_AN_ERROR {
                dead.error_code = ErrorCode::GroupIdNotFound.code();
                dead.authorized_operations = OPERATIONS_OMITTED;
                dead.error_message =
                    Some(format!("Group {} not found.", group.as_str()).as_str().into());
            }
            dead
        }
        Some(Ok(Reply::Described(Err(error)))) => failed(group, of_group(error)),
        Some(Err(fault)) => failed(group, of_group_fault(fault)),
        Some(Ok(_)) => failed(group, ErrorCode::UnknownServerError),
        None => failed(group, ErrorCode::GroupAuthorizationFailed),
    }
}

fn answer(group: &StrBytes, description: Description, operations: i32) -> DescribedGroup {
    let members = description.members.into_iter().map(|member| {
        message!(DescribedGroupMember {
            member_id: (&*member.member_id).into(),
            group_instance_id: member.instance_id.as_deref().map(Into::into),
            client_id: member.client_id.as_str().into(),
            client_host: member.client_host.as_str().into(),
            member_metadata: member.metadata,
            member_assignment: member.assignment,
        })
    });
    message!(DescribedGroup {
        group_id: group.clone(),
        group_state: description.state.name().into(),
        protocol_type: description.protocol_type.as_str().into(),
        protocol_data: description.protocol.as_str().into(),
        members: members.collect(),
        authorized_operations: operations,
    })
}

fn failed(group: &StrBytes, error: ErrorCode) -> DescribedGroup {
    message!(DescribedGroup {
        group_id: group.clone(),
        error_code: error.code(),
        authorized_operations: OPERATIONS_OMITTED,
    })
}
