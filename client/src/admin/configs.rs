//! Configs of topics and brokers.

use std::collections::BTreeMap;

use pelton_kafka::message;
use pelton_kafka::wire::describe_configs_request::DescribeConfigsResource;
use pelton_kafka::wire::describe_configs_response::DescribeConfigsResourceResult;
use pelton_kafka::wire::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use pelton_kafka::wire::{DescribeConfigsRequest, IncrementalAlterConfigsRequest};
use pelton_model::NodeId;

use super::{Admin, unanswered};
use crate::error::{Result, check};

/// What a config belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigResource {
    Topic(String),
    Broker(NodeId),
    /// The dynamic default of all brokers.
    Brokers,
}

/// One config as a broker tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub name: String,
    /// None for a sensitive one, and for one that is not set and has no default.
    pub value: Option<String>,
    pub source: ConfigSource,
    pub is_read_only: bool,
    pub is_sensitive: bool,
}

/// Where a config's value comes from. Numbers: `DescribeConfigsResponse.ConfigSource`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    Topic,
    DynamicBroker,
    DynamicDefaultBroker,
    StaticBroker,
    Default,
    /// One that this client does not know.
    Other(i8),
}

/// One change of a config (KIP-339).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigChange {
    Set(String),
    /// Back to the default.
    Delete,
    /// Adds to a list-valued config.
    Append(String),
    /// Takes from a list-valued config.
    Subtract(String),
}

impl Admin {
    /// All configs of a resource, in order of their names.
    pub async fn describe_configs(&self, resource: &ConfigResource) -> Result<Vec<Config>> {
        let (resource_type, name) = wire_resource(resource);
        let request = message!(DescribeConfigsRequest {
            resources: vec![message!(DescribeConfigsResource {
                resource_type: resource_type,
                resource_name: (*name).into(),
                configuration_keys: None,
            })],
        });
        let context = || format!("describe configs of {}", describe(resource));
        let ask = async || {
            let connection = match resource {
                // Only the broker itself knows what it was started with.
                ConfigResource::Broker(node) => self.cluster.connection(*node).await?,
                ConfigResource::Topic(_) | ConfigResource::Brokers => {
                    self.cluster.any_connection().await?
                }
            };
            let answer = connection.call(&request).await?.message;
            let found = answer.results.into_iter().next().ok_or_else(|| unanswered(context()))?;
            check(found.error_code, found.error_message.as_deref(), context)?;
            Ok(found)
        };
        let found = self.persist(ask).await?;
        let mut configs: Vec<_> = found.configs.into_iter().map(config).collect();
        configs.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(configs)
    }

    /// Changes some configs of a resource, all or none of them.
    pub async fn alter_configs(
        &self,
        resource: &ConfigResource,
        changes: &BTreeMap<String, ConfigChange>,
        validate_only: bool,
    ) -> Result<()> {
        let (resource_type, name) = wire_resource(resource);
        let configs = changes.iter().map(|(name, change)| {
            let (operation, value) = match change {
                ConfigChange::Set(value) => (0, Some(value)),
                ConfigChange::Delete => (1, None),
                ConfigChange::Append(value) => (2, Some(value)),
                ConfigChange::Subtract(value) => (3, Some(value)),
            };
            message!(AlterableConfig {
                name: (**name).into(),
                config_operation: operation,
                value: value.map(|value| (**value).into()),
            })
        });
        let request = message!(IncrementalAlterConfigsRequest {
            resources: vec![message!(AlterConfigsResource {
                resource_type: resource_type,
                resource_name: (*name).into(),
                configs: configs.collect(),
            })],
            validate_only: validate_only,
        });
        let context = || format!("alter configs of {}", describe(resource));
        let ask_broker =
            async |node| Ok(self.cluster.connection(node).await?.call(&request).await?.message);
        let answer = match resource {
            ConfigResource::Broker(node) => self.persist(|| ask_broker(*node)).await?,
            ConfigResource::Topic(_) | ConfigResource::Brokers => {
                self.cluster.call_controller(&request, |_| Ok(())).await?
            }
        };
        let found = answer.responses.first().ok_or_else(|| unanswered(context()))?;
        check(found.error_code, found.error_message.as_deref(), context)
    }
}

/// Numbers: `org.apache.kafka.common.config.ConfigResource.Type`.
fn wire_resource(resource: &ConfigResource) -> (i8, String) {
    match resource {
        ConfigResource::Topic(name) => (2, name.clone()),
        ConfigResource::Broker(node) => (4, node.to_string()),
        ConfigResource::Brokers => (4, String::new()),
    }
}

fn describe(resource: &ConfigResource) -> String {
    match resource {
        ConfigResource::Topic(name) => format!("topic {name}"),
        ConfigResource::Broker(node) => format!("broker {node}"),
        ConfigResource::Brokers => "all brokers".into(),
    }
}

fn config(found: DescribeConfigsResourceResult) -> Config {
    Config {
        name: found.name.to_string(),
        value: found.value.map(|value| value.to_string()),
        source: match found.config_source {
            1 => ConfigSource::Topic,
            2 => ConfigSource::DynamicBroker,
            3 => ConfigSource::DynamicDefaultBroker,
            4 => ConfigSource::StaticBroker,
            5 => ConfigSource::Default,
            other => ConfigSource::Other(other),
        },
        is_read_only: found.read_only,
        is_sensitive: found.is_sensitive,
    }
}
