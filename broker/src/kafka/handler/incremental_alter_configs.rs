//! IncrementalAlterConfigs 0–1: each config named is set, deleted, or as a list appended to or
//! subtracted from; the others stay. Either all of a resource is done or none. A resource that
//! stands twice is refused once.

use pelton_cluster::config::Operation as Alteration;
use pelton_kafka::wire::incremental_alter_configs_request::AlterConfigsResource;
use pelton_kafka::wire::incremental_alter_configs_response::AlterConfigsResourceResponse;
use pelton_kafka::wire::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};
use pelton_kafka::{ErrorCode, StrBytes, message};

use super::config_resource::{self, DUPLICATE, Named};
use super::{ask, config_resource::find_duplicates};
use crate::kafka::authorize::Operation;
use crate::kafka::context::Call;
use crate::kafka::errors::of_cluster;
use crate::message::{Change, ConfigsToAlter};

pub async fn handle(
    call: Call,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let duplicates = find_duplicates(request.resources.iter().map(named));
    let mut responses: Vec<AlterConfigsResourceResponse> = duplicates
        .iter()
        .map(|it| response(*it, ErrorCode::InvalidRequest.code(), Some(DUPLICATE.into())))
        .collect();
    let mut asked = Vec::new();
    let mut resources = Vec::new();
    for resource in request.resources.iter().filter(|it| !duplicates.contains(&named(it))) {
        match to_alter(&call, resource) {
            Ok(it) => {
                asked.push(named(resource));
                resources.push(it);
            }
            Err((code, message)) => responses.push(response(named(resource), code, message)),
        }
    }
    let change = Change::AlterConfigs { resources, validate_only: request.validate_only };
    match ask::change_each(&call, change).await {
        Some(outcomes) => {
            for (named, outcome) in asked.into_iter().zip(outcomes) {
                responses.push(match outcome {
                    Ok(()) => response(named, ErrorCode::None.code(), None),
                    Err(error) => {
                        let (code, message) = of_cluster(&error);
                        response(named, code, message)
                    }
                });
            }
        }
        None => {
            let code = ErrorCode::KafkaStorageError.code();
            responses.extend(asked.into_iter().map(|named| response(named, code, None)));
        }
    }
    message!(IncrementalAlterConfigsResponse { responses: responses })
}

fn named(resource: &AlterConfigsResource) -> Named<'_> {
    (resource.resource_type, resource.resource_name.as_str())
}

fn to_alter(
    call: &Call,
    asked: &AlterConfigsResource,
) -> Result<ConfigsToAlter, (i16, Option<StrBytes>)> {
    let resource = config_resource::find(call, Operation::AlterConfigs, named(asked))?;
    let mut alterations = Vec::with_capacity(asked.configs.len());
    for config in &asked.configs {
        // Kafka does not expect an operation that it does not know, and fails without a word.
        let alteration = Alteration::from_wire(config.config_operation)
            .ok_or((ErrorCode::UnknownServerError.code(), None))?;
        let value = config.value.as_ref().map(|value| value.as_str().to_owned());
        alterations.push((config.name.as_str().to_owned(), alteration, value));
    }
    Ok(ConfigsToAlter { resource, alterations })
}

fn response(
    (resource_type, resource_name): Named<'_>,
    error_code: i16,
    error_message: Option<StrBytes>,
) -> AlterConfigsResourceResponse {
    message!(AlterConfigsResourceResponse {
        error_code: error_code,
        error_message: error_message,
        resource_type: resource_type,
        resource_name: resource_name.into(),
    })
}
