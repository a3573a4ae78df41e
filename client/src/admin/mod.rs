//! Topics, their configs, and the cluster's face: what an operator asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use pelton_kafka::wire::create_partitions_request::CreatePartitionsTopic;
use pelton_kafka::wire::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use pelton_kafka::wire::delete_topics_request::DeleteTopicState;
use pelton_kafka::wire::describe_configs_request::DescribeConfigsResource;
use pelton_kafka::wire::describe_configs_response::DescribeConfigsResourceResult;
use pelton_kafka::wire::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use pelton_kafka::wire::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, DescribeClusterRequest,
    DescribeConfigsRequest, IncrementalAlterConfigsRequest,
};
use pelton_kafka::{ErrorCode, message, topic_id_of};
use pelton_model::{NodeId, TopicId};

use crate::cluster::{Broker, Cluster, Topic, address};
use crate::error::{Error, Result, check};

/// The administrative requests. Every one is tried again for as long as its
/// [`ClientOptions`](crate::ClientOptions) allow, if the error is worth it.
#[derive(Clone, Debug)]
pub struct Admin {
    cluster: Cluster,
}

/// A topic to be created.
#[derive(Clone, Debug)]
pub struct NewTopic {
    pub name: String,
    /// None: the broker's `num.partitions`.
    pub partitions: Option<i32>,
    /// None: the broker's `default.replication.factor`.
    pub replication_factor: Option<i16>,
    /// Kafka's topic configs by name.
    pub configs: BTreeMap<String, String>,
}

/// A topic that was created. The counts are -1 from a broker too old to tell (before 2.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedTopic {
    pub name: String,
    pub id: TopicId,
    pub partitions: i32,
    pub replication_factor: i16,
}

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

/// A cluster as DescribeCluster tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterDescription {
    pub id: String,
    pub controller: Option<NodeId>,
    /// In order of their ids.
    pub brokers: Vec<Broker>,
}

impl Admin {
    pub fn new(cluster: Cluster) -> Self {
        Self { cluster }
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Creates topics, or only checks whether they could be. One result per topic, in order.
    pub async fn create_topics(
        &self,
        topics: &[NewTopic],
        validate_only: bool,
    ) -> Result<Vec<Result<CreatedTopic>>> {
        let request = message!(CreateTopicsRequest {
            topics: topics.iter().map(creatable).collect(),
            timeout_ms: self.timeout_ms(),
            validate_only: validate_only,
        });
        let answer = self
            .cluster
            .call_controller(&request, |answer| {
                retriable(answer.topics.iter().map(|t| t.error_code))
            })
            .await?;
        let results = topics.iter().map(|topic| {
            let context = || format!("create topic {}", topic.name);
            let found = answer.topics.iter().find(|found| *found.name == *topic.name);
            let found = found.ok_or_else(|| unanswered(context()))?;
            check(found.error_code, found.error_message.as_deref(), context)?;
            Ok(CreatedTopic {
                name: topic.name.clone(),
                id: topic_id_of(found.topic_id),
                partitions: found.num_partitions,
                replication_factor: found.replication_factor,
            })
        });
        Ok(results.collect())
    }

    /// Deletes topics by name. One result per topic, in order.
    pub async fn delete_topics(&self, names: &[String]) -> Result<Vec<Result<()>>> {
        let request = message!(DeleteTopicsRequest {
            // Newer versions read the first, older ones the second.
            topics: names
                .iter()
                .map(|name| message!(DeleteTopicState { name: Some((**name).into()) }))
                .collect(),
            topic_names: names.iter().map(|name| (**name).into()).collect(),
            timeout_ms: self.timeout_ms(),
        });
        let answer = self
            .cluster
            .call_controller(&request, |answer| {
                let codes = answer.responses.iter().map(|topic| topic.error_code);
                // A topic that does not exist will not for being asked again.
                retriable(codes.filter(|&code| code != ErrorCode::UnknownTopicOrPartition.code()))
            })
            .await?;
        let results = names.iter().map(|name| {
            let context = || format!("delete topic {name}");
            let found = answer.responses.iter().find(|found| found.name.as_deref() == Some(name));
            let found = found.ok_or_else(|| unanswered(context()))?;
            check(found.error_code, found.error_message.as_deref(), context)?;
            self.cluster.forget(name);
            Ok(())
        });
        Ok(results.collect())
    }

    /// Raises a topic's number of partitions to `count`.
    pub async fn create_partitions(&self, topic: &str, count: i32) -> Result<()> {
        let request = message!(CreatePartitionsRequest {
            topics: vec![message!(CreatePartitionsTopic {
                name: topic.into(),
                count: count,
                assignments: None,
            })],
            timeout_ms: self.timeout_ms(),
        });
        let context = || format!("create partitions of {topic}");
        let answer = self.cluster.call_controller(&request, |_| Ok(())).await?;
        let found = answer.results.first().ok_or_else(|| unanswered(context()))?;
        check(found.error_code, found.error_message.as_deref(), context)?;
        self.cluster.forget(topic);
        Ok(())
    }

    /// All topics, in order of their names.
    pub async fn list_topics(&self) -> Result<Vec<Arc<Topic>>> {
        self.cluster.topics().await
    }

    /// One topic as it is now; UNKNOWN_TOPIC_OR_PARTITION at once if there is none.
    pub async fn describe_topic(&self, name: &str) -> Result<Arc<Topic>> {
        self.cluster.refresh(name).await
    }

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
        let answer = match resource {
            // Only the broker itself knows what it was started with.
            ConfigResource::Broker(node) => {
                self.cluster.connection(*node).await?.call(&request).await?.message
            }
            ConfigResource::Topic(_) | ConfigResource::Brokers => {
                self.cluster.any_connection().await?.call(&request).await?.message
            }
        };
        let found = answer.results.into_iter().next().ok_or_else(|| unanswered(context()))?;
        check(found.error_code, found.error_message.as_deref(), context)?;
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
        let answer = match resource {
            ConfigResource::Broker(node) => {
                self.cluster.connection(*node).await?.call(&request).await?.message
            }
            ConfigResource::Topic(_) | ConfigResource::Brokers => {
                self.cluster.call_controller(&request, |_| Ok(())).await?
            }
        };
        let found = answer.responses.first().ok_or_else(|| unanswered(context()))?;
        check(found.error_code, found.error_message.as_deref(), context)
    }

    /// The cluster's id, controller and brokers.
    pub async fn describe_cluster(&self) -> Result<ClusterDescription> {
        let request = message!(DescribeClusterRequest {});
        let answer = self.cluster.any_connection().await?.call(&request).await?.message;
        check(answer.error_code, answer.error_message.as_deref(), || "describe cluster".into())?;
        let mut brokers: Vec<_> = answer
            .brokers
            .iter()
            .map(|broker| Broker {
                id: NodeId::new(broker.broker_id),
                address: address(&broker.host, broker.port),
                rack: broker.rack.as_ref().map(|rack| rack.to_string()),
            })
            .collect();
        brokers.sort_by_key(|broker| broker.id);
        Ok(ClusterDescription {
            id: answer.cluster_id.to_string(),
            controller: (answer.controller_id >= 0).then(|| NodeId::new(answer.controller_id)),
            brokers,
        })
    }

    /// What the broker may take; half of what we wait, so that its answer is the one heard.
    fn timeout_ms(&self) -> i32 {
        i32::try_from(self.cluster.options().request_timeout.as_millis() / 2).unwrap_or(i32::MAX)
    }
}

fn creatable(topic: &NewTopic) -> CreatableTopic {
    let configs = topic.configs.iter().map(|(name, value)| {
        message!(CreatableTopicConfig { name: (**name).into(), value: Some((**value).into()) })
    });
    message!(CreatableTopic {
        name: (*topic.name).into(),
        num_partitions: topic.partitions.unwrap_or(-1),
        replication_factor: topic.replication_factor.unwrap_or(-1),
        configs: configs.collect(),
    })
}

/// An error if every code is one that another attempt may turn into success; if some topics are
/// done and some not, the caller sees which.
fn retriable(codes: impl Iterator<Item = i16>) -> Result<()> {
    let mut first = None;
    for code in codes.map(ErrorCode::from_code) {
        if !code.is_retriable() {
            return Ok(());
        }
        first.get_or_insert(code);
    }
    first.map_or(Ok(()), |code| Err(Error::broker("controller", code)))
}

fn unanswered(context: String) -> Error {
    Error::protocol(context, "is missing in the answer")
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

#[cfg(test)]
#[path = "admin_test.rs"]
mod admin_test;
