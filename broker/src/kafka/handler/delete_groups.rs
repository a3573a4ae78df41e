//! DeleteGroups 0–3. Only groups without members go, with all that they have committed. A name that
//! stands twice is answered once. Messages from 3.

use std::collections::BTreeSet;

use pelton_group::{Command, Reply};
use pelton_kafka::wire::delete_groups_response::DeletableGroupResult;
use pelton_kafka::wire::{DeleteGroupsRequest, DeleteGroupsResponse};
use pelton_kafka::{ErrorCode, StrBytes, message};

use crate::group::{GROUPS_AT_ONCE, GroupOutcome};
use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::{of_group, of_group_fault};

pub async fn handle(call: Call, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let mut seen = BTreeSet::new();
    let names: Vec<&StrBytes> =
        request.groups_names.iter().filter(|name| seen.insert(name.as_str())).collect();
    let may = |name: &&StrBytes| call.may(Operation::Delete, Resource::Group(name.as_str()));
    let (allowed, refused): (Vec<&StrBytes>, Vec<&StrBytes>) = names.into_iter().partition(may);
    let mut results = Vec::with_capacity(allowed.len() + refused.len());
    for names in allowed.chunks(GROUPS_AT_ONCE) {
        let commands =
            names.iter().map(|name| Command::DeleteGroup { group: name.as_str().into() });
        let outcomes = call.ask_groups(commands.collect()).await;
        results.extend(names.iter().zip(outcomes).map(|(name, it)| result(name, error_of(it))));
    }
    let refused = refused.into_iter().map(|name| result(name, ErrorCode::GroupAuthorizationFailed));
    results.extend(refused);
    message!(DeleteGroupsResponse { results: results })
}

fn error_of(outcome: GroupOutcome) -> ErrorCode {
    match outcome {
        Ok(Reply::GroupDeleted(Ok(()))) => ErrorCode::None,
        Ok(Reply::GroupDeleted(Err(error))) => of_group(error),
        Ok(_) => ErrorCode::UnknownServerError,
        Err(fault) => of_group_fault(fault),
    }
}

fn result(name: &StrBytes, error: ErrorCode) -> DeletableGroupResult {
    message!(DeletableGroupResult { group_id: name.clone(), error_code: error.code() })
}
