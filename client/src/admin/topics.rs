//! Topics: create, list, describe, widen, delete.

use std::collections::BTreeMap;
use std::sync::Arc;

use pelton_kafka::wire::create_partitions_request::CreatePartitionsTopic;
use pelton_kafka::wire::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use pelton_kafka::wire::delete_topics_request::DeleteTopicState;
use pelton_kafka::wire::{CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest};
use pelton_kafka::{ErrorCode, message, topic_id_of};
use pelton_model::TopicId;

use super::{Admin, retriable, unanswered};
use crate::cluster::Topic;
use crate::error::{Result, check};

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

impl Admin {
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
        self.persist(|| self.cluster.topics()).await
    }

    /// One topic as it is now; UNKNOWN_TOPIC_OR_PARTITION at once if there is none.
    pub async fn describe_topic(&self, name: &str) -> Result<Arc<Topic>> {
        self.persist(|| self.cluster.refresh(name)).await
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

#[cfg(test)]
#[path = "topics_test.rs"]
mod topics_test;
