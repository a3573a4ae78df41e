//! AlterConfigs 0–2: what is named is set, and everything else of the resource is reset. Either all
//! of a resource is done or none. A resource that stands twice is refused once.

use pelton_kafka::wire::alter_configs_request::AlterConfigsResource;
use pelton_kafka::wire::alter_configs_response::AlterConfigsResourceResponse;
use pelton_kafka::wire::{AlterConfigsRequest, AlterConfigsResponse};
use pelton_kafka::{ErrorCode, StrBytes, message};

use super::config_resource::{self, DUPLICATE, Named};
use super::{ask, config_resource::find_duplicates};
use crate::kafka::authorize::Operation;
use crate::kafka::context::Call;
use crate::kafka::errors::of_cluster;
use crate::message::{Change, ConfigsToReplace};

pub async fn handle(call: Call, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let duplicates = find_duplicates(request.resources.iter().map(named));
    let mut responses: Vec<AlterConfigsResourceResponse> = duplicates
        .iter()
        .map(|it| response(*it, ErrorCode::InvalidRequest.code(), Some(DUPLICATE.into())))
        .collect();
    let mut asked = Vec::new();
    let mut resources = Vec::new();
    for resource in request.resources.iter().filter(|it| !duplicates.contains(&named(it))) {
        match config_resource::find(&call, Operation::AlterConfigs, named(resource)) {
            Ok(found) => {
                asked.push(named(resource));
                resources.push(ConfigsToReplace { resource: found, configs: configs(resource) });
            }
            Err((code, message)) => responses.push(response(named(resource), code, message)),
        }
    }
    let change = Change::ReplaceConfigs { resources, validate_only: request.validate_only };
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
    message!(AlterConfigsResponse { responses: responses })
}

fn named(resource: &AlterConfigsResource) -> Named<'_> {
    (resource.resource_type, resource.resource_name.as_str())
}

fn configs(resource: &AlterConfigsResource) -> Vec<(String, Option<String>)> {
    resource
        .configs
        .iter()
        .map(|config| {
            let value = config.value.as_ref().map(|value| value.as_str().to_owned());
            (config.name.as_str().to_owned(), value)
        })
        .collect()
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
