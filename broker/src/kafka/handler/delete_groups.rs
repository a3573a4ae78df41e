//! DeleteGroups 0–3. Only groups without members go, with all that they have committed. A name that
//! stands twice is answered once. Messages from 3.

use std::collections::BTreeSet;

use pelton_group::{Command, Reply};
use pelton_kafka::wire::delete_groups_response::DeletableGroupResult;
use pelton_kafka::wire::{DeleteGroupsRequest, DeleteGroupsResponse};
use pelton_kafka::{ErrorCode, StrBytes, message};

use crate::group::GroupOutcome;
use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::{of_group, of_group_fault};

pub async fn handle(call: Call, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let mut seen = BTreeSet::new();
    let names: Vec<&StrBytes> =
        request.groups_names.iter().filter(|name| seen.insert(name.as_str())).collect();
    let may = |name: &&StrBytes| call.may(Operation::Delete, Resource::Group(name.as_str()));
    let (allowed, refused): (Vec<&StrBytes>, Vec<&StrBytes>) = names.into_iter().partition(may);
    let command = |name: &mut &StrBytes| {
        let group = name.as_str().into();
        Some(Command::DeleteGroup { group })
    };
    let answer = |name: &StrBytes, outcome| result(name, error_of(outcome));
    let mut results = call.ask_each_group(allowed, command, answer).await;
    let refused = refused.into_iter().map(|name| result(name, ErrorCode::GroupAuthorizationFailed));
    results.extend(refused);
    message!(DeleteGroupsResponse { results: results })
}

fn error_of(outcome: Option<GroupOutcome>) -> ErrorCode {
    match outcome {
        Some(Ok(Reply::GroupDeleted(Ok(())))) => ErrorCode::None,
        Some(Ok(Reply::GroupDeleted(Err(error)))) => of_group(error),
        Some(Err(fault)) => of_group_fault(fault),
        Some(Ok(_)) | None => ErrorCode::UnknownServerError,
    }
}

fn result(name: &StrBytes, error: ErrorCode) -> DeletableGroupResult {
    message!(DeletableGroupResult { group_id: name.clone(), error_code: error.code() })
}
