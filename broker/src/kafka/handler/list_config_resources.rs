//! ListConfigResources 0–1: the resources that can have configs, by type. Version 0 lists the
//! client-metrics subscriptions. No types asked for means all; an unknown one is [35] for the whole
//! request.

use std::collections::BTreeSet;

use pelton_cluster::{ClusterState, ConfigResource};
use pelton_kafka::wire::list_config_resources_response::ConfigResource as Listed;
use pelton_kafka::wire::{ListConfigResourcesRequest, ListConfigResourcesResponse};
use pelton_kafka::{ErrorCode, message};

use super::config_resource::{TYPE_BROKER_LOGGER, TYPES};
use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;

pub async fn handle(
    call: Call,
    request: ListConfigResourcesRequest,
) -> ListConfigResourcesResponse {
    if !call.may(Operation::DescribeConfigs, Resource::Cluster) {
        return failed(ErrorCode::ClusterAuthorizationFailed);
    }
    let types: BTreeSet<i8> = match call.version() {
        0 => [ConfigResource::TYPE_CLIENT_METRICS].into(),
        _ if request.resource_types.is_empty() => TYPES.into(),
        _ => request.resource_types.iter().copied().collect(),
    };
    if !types.iter().all(|kind| TYPES.contains(kind)) {
        return failed(ErrorCode::UnsupportedVersion);
    }
    let view = call.shard().view.borrow();
    // In Kafka's order: topics, of which there are most, come last.
    let resources = types.iter().rev().flat_map(|kind| listed(&view.cluster, *kind)).collect();
    message!(ListConfigResourcesResponse { config_resources: resources })
}

/// Groups and subscriptions are known by the configs that were set on them.
fn listed(state: &ClusterState, resource_type: i8) -> Vec<Listed> {
    let names: Vec<String> = match resource_type {
        ConfigResource::TYPE_TOPIC => state.topics().map(|topic| topic.name.to_string()).collect(),
        ConfigResource::TYPE_BROKER | TYPE_BROKER_LOGGER => {
            state.brokers().map(|broker| broker.node_id.to_string()).collect()
        }
        _ => state
            .configured_resources()
            .filter(|(resource, _)| resource.type_id() == resource_type)
            .map(|(resource, _)| resource.wire_name())
            .collect(),
    };
    names
        .iter()
        .map(|name| {
            message!(Listed { resource_name: name.as_str().into(), resource_type: resource_type })
        })
        .collect()
}

fn failed(error: ErrorCode) -> ListConfigResourcesResponse {
    message!(ListConfigResourcesResponse { error_code: error.code() })
}
