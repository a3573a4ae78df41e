//! DescribeConfigs 1–4, of topics, this broker, all brokers, groups and client-metrics
//! subscriptions. No keys asked for (null or an empty list) means all; unknown ones are left out. A
//! resource that stands twice is answered twice. Types and documentation from 3.

use pelton_cluster::config::{ConfigEntry, describe};
use pelton_kafka::wire::describe_configs_request::DescribeConfigsResource;
use pelton_kafka::wire::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use pelton_kafka::wire::{DescribeConfigsRequest, DescribeConfigsResponse};
use pelton_kafka::{ErrorCode, StrBytes, message};

use super::config_resource::{self, Refusal, TYPES};
use crate::kafka::authorize::Operation;
use crate::kafka::context::Call;
use crate::kafka::errors::of_cluster;

/// Of one answer (R3): some thousands of topics with all that can be said of them. A request may name
/// the same resource a million times.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// What the client wants to see of each config.
#[derive(Clone, Copy)]
struct Wanted {
    synonyms: bool,
    documentation: bool,
}

pub async fn handle(call: Call, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let wanted =
        Wanted { synonyms: request.include_synonyms, documentation: request.include_documentation };
    // One unknown type makes Kafka refuse the whole request.
    let is_known = request.resources.iter().all(|it| TYPES.contains(&it.resource_type));
    let mut results = Vec::with_capacity(request.resources.len());
    let mut bytes = 0;
    for resource in &request.resources {
        let mut result = message!(DescribeConfigsResult {
            // Kafka's success is an empty text, not null.
            error_message: Some("".into()),
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
        });
        let described = match is_known {
            true if bytes >= ANSWER_BYTES_MAX => {
                let why = "The answer would be too large: ask for fewer resources at once.";
                Err((ErrorCode::PolicyViolation.code(), Some(why.into())))
            }
            true => described(&call, resource),
            false => {
                let why = "The request names a resource of an unknown type.";
                Err((ErrorCode::InvalidRequest.code(), Some(why.into())))
            }
        };
        match described {
            Ok(entries) => {
                result.configs = entries.into_iter().map(|entry| shown(entry, wanted)).collect();
                bytes += result.configs.iter().map(bytes_of).sum::<usize>();
            }
            Err((code, message)) => (result.error_code, result.error_message) = (code, message),
        }
        results.push(result);
        // One resource is up to some hundred configs.
        call.shard().env.breathe().await;
    }
    message!(DescribeConfigsResponse { results: results })
}

/// What a config takes in memory, about.
fn bytes_of(shown: &DescribeConfigsResourceResult) -> usize {
    let text = |text: &Option<StrBytes>| text.as_ref().map_or(0, |text| text.len());
    let synonyms = shown.synonyms.iter().map(|synonym| {
        size_of::<DescribeConfigsSynonym>() + synonym.name.len() + text(&synonym.value)
    });
    size_of::<DescribeConfigsResourceResult>()
        + shown.name.len()
        + text(&shown.value)
        + text(&shown.documentation)
        + synonyms.sum::<usize>()
}

fn described(call: &Call, asked: &DescribeConfigsResource) -> Result<Vec<ConfigEntry>, Refusal> {
    let named = (asked.resource_type, asked.resource_name.as_str());
    let resource = config_resource::find(call, Operation::DescribeConfigs, named)?;
    let keys = asked.configuration_keys.as_deref().unwrap_or_default();
    let keys: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
    let shard = call.shard();
    shard
        .with_broker_configs(|broker| {
            describe(&shard.view.borrow().cluster, broker, &resource, &keys)
        })
        .map_err(|error| of_cluster(&error))
}

fn shown(entry: ConfigEntry, wanted: Wanted) -> DescribeConfigsResourceResult {
    let synonyms = match wanted.synonyms {
        true => entry.synonyms,
        false => Vec::new(),
    };
    message!(DescribeConfigsResourceResult {
        name: entry.name.as_str().into(),
        value: entry.value.as_deref().map(StrBytes::from),
        read_only: entry.read_only,
        config_source: entry.source.wire_id(),
        is_sensitive: entry.sensitive,
        synonyms: synonyms
            .iter()
            .map(|synonym| {
                message!(DescribeConfigsSynonym {
                    name: synonym.name.as_str().into(),
                    value: synonym.value.as_deref().map(StrBytes::from),
                    source: synonym.source.wire_id(),
                })
            })
            .collect(),
        config_type: entry.type_id,
        documentation: wanted.documentation.then(|| entry.documentation.as_str().into()),
    })
}
