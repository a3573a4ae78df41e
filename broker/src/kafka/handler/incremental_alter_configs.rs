//! IncrementalAlterConfigs 0–1: each config named is set, deleted, or as a list appended to or
//! subtracted from; the others stay. Either all of a resource is done or none. A resource that
//! stands twice is refused wherever it stands; an operation that nobody knows fails all of the
//! request that was not refused before.

use pelton_cluster::config::Operation;
use pelton_kafka::wire::incremental_alter_configs_request::AlterConfigsResource;
use pelton_kafka::wire::incremental_alter_configs_response::AlterConfigsResourceResponse;
use pelton_kafka::wire::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};
use pelton_kafka::{ErrorCode, message};

use super::config_resource::{Named, alter, find_duplicates, find_to_alter};
use crate::kafka::context::Call;
use crate::message::{Change, ConfigsToAlter};

pub async fn handle(
    call: Call,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let duplicates = find_duplicates(request.resources.iter().map(named));
    let mut all_known = true;
    let mut wishes = Vec::with_capacity(request.resources.len());
    for asked in &request.resources {
        wishes.push(find_to_alter(&call, named(asked), &duplicates).map(|resource| {
            let alterations = alterations(asked);
            all_known &= alterations.is_some();
            ConfigsToAlter { resource, alterations: alterations.unwrap_or_default() }
        }));
    }
    if !all_known {
        // As Kafka, which did not expect it and answers without a message.
        let failure = (ErrorCode::UnknownServerError.code(), None);
        wishes = wishes.into_iter().map(|wish| wish.and(Err(failure.clone()))).collect();
    }
    let validate_only = request.validate_only;
    let answers =
        alter(&call, wishes, |resources| Change::AlterConfigs { resources, validate_only }).await;
    let responses = request.resources.iter().zip(answers).map(|(asked, (code, message))| {
        message!(AlterConfigsResourceResponse {
            error_code: code,
            error_message: message,
            resource_type: asked.resource_type,
            resource_name: asked.resource_name.clone(),
        })
    });
    message!(IncrementalAlterConfigsResponse { responses: responses.collect() })
}

fn named(resource: &AlterConfigsResource) -> Named<'_> {
    (resource.resource_type, resource.resource_name.as_str())
}

/// `None`: one of the operations is unknown.
fn alterations(
    resource: &AlterConfigsResource,
) -> Option<Vec<(String, Operation, Option<String>)>> {
    resource
        .configs
        .iter()
        .map(|config| {
            let operation = Operation::from_wire(config.config_operation)?;
            let value = config.value.as_ref().map(|value| value.as_str().to_owned());
            Some((config.name.as_str().to_owned(), operation, value))
        })
        .collect()
}
