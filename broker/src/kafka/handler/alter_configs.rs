//! AlterConfigs 0–2: what is named is set, and everything else of the resource is reset. Either all
//! of a resource is done or none. A resource that stands twice is refused wherever it stands.

use pelton_kafka::message;
use pelton_kafka::wire::alter_configs_request::AlterConfigsResource;
use pelton_kafka::wire::alter_configs_response::AlterConfigsResourceResponse;
use pelton_kafka::wire::{AlterConfigsRequest, AlterConfigsResponse};

use super::config_resource::{Named, alter, find_duplicates, find_to_alter};
use crate::kafka::context::Call;
use crate::message::{Change, ConfigsToReplace};

pub async fn handle(call: Call, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let duplicates = find_duplicates(request.resources.iter().map(named));
    let wishes = request
        .resources
        .iter()
        .map(|asked| {
            let resource = find_to_alter(&call, named(asked), &duplicates)?;
            Ok(ConfigsToReplace { resource, configs: configs(asked) })
        })
        .collect();
    let validate_only = request.validate_only;
    let answers =
        alter(&call, wishes, |resources| Change::ReplaceConfigs { resources, validate_only }).await;
    let responses = request.resources.iter().zip(answers).map(|(asked, (code, message))| {
        message!(AlterConfigsResourceResponse {
            error_code: code,
            error_message: message,
            resource_type: asked.resource_type,
            resource_name: asked.resource_name.clone(),
        })
    });
    message!(AlterConfigsResponse { responses: responses.collect() })
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
