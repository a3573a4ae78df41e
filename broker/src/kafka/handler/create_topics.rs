//! CreateTopics 2–7. One answer per topic; a name that stands twice is refused once. With
//! `validate_only` everything is checked and answered as if it were done. Ids from 7, the resulting
//! configs from 5.

use pelton_cluster::ClusterError;
use pelton_cluster::config::describe_topic_overrides;
use pelton_cluster::topics::{Assignment, find_duplicates};
use pelton_kafka::wire::create_topics_request::CreatableTopic;
use pelton_kafka::wire::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use pelton_kafka::wire::{CreateTopicsRequest, CreateTopicsResponse};
use pelton_kafka::{ErrorCode, message, uuid_of};
use pelton_model::NodeId;

use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::of_cluster;
use crate::message::{CreatedTopic, TopicToCreate};

pub async fn handle(call: Call, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let duplicates = find_duplicates(request.topics.iter().map(|topic| topic.name.as_str()));
    let mut results: Vec<CreatableTopicResult> = duplicates
        .iter()
        .map(|name| {
            let why = "Duplicate topic name.";
            failed(name, ErrorCode::InvalidRequest.code(), Some(why.into()))
        })
        .collect();
    let mut asked = Vec::new();
    for topic in request.topics.iter().filter(|topic| !duplicates.contains(topic.name.as_str())) {
        let name = topic.name.as_str();
        let allowed = call.may(Operation::Create, Resource::Cluster)
            || call.may(Operation::Create, Resource::Topic(name));
        match allowed {
            true => asked.push(to_create(topic)),
            false => {
                results.push(failed(name, ErrorCode::TopicAuthorizationFailed.code(), None));
            }
        }
    }
    let names: Vec<String> = asked.iter().map(|topic| topic.name.clone()).collect();
    if request.timeout_ms <= 0 {
        // Kafka's controller gives up before it has begun.
        let code = ErrorCode::RequestTimedOut.code();
        results.extend(names.iter().map(|name| failed(name, code, None)));
        return message!(CreateTopicsResponse { topics: results });
    }
    match call.create_topics(asked, request.validate_only).await {
        Ok(outcomes) => {
            for (name, outcome) in names.iter().zip(outcomes) {
                results.push(answer(&call, name, outcome));
                // Each brings all configs of a topic (R8).
                call.shard().env.breathe().await;
            }
        }
        Err(why) => {
            tracing::warn!(why, "topics could not be created");
            let code = ErrorCode::KafkaStorageError.code();
            results.extend(names.iter().map(|name| failed(name, code, None)));
        }
    }
    message!(CreateTopicsResponse { topics: results })
}

fn to_create(topic: &CreatableTopic) -> TopicToCreate {
    TopicToCreate {
        name: topic.name.as_str().to_owned(),
        partition_count: topic.num_partitions,
        replication_factor: topic.replication_factor,
        assignments: topic
            .assignments
            .iter()
            .map(|assignment| Assignment {
                partition: assignment.partition_index,
                brokers: assignment.broker_ids.iter().copied().map(NodeId::new).collect(),
            })
            .collect(),
        configs: topic
            .configs
            .iter()
            .map(|config| {
                let value = config.value.as_ref().map(|value| value.as_str().to_owned());
                (config.name.as_str().to_owned(), value)
            })
            .collect(),
    }
}

fn answer(
    call: &Call,
    name: &str,
    outcome: Result<CreatedTopic, ClusterError>,
) -> CreatableTopicResult {
    let created = match outcome {
        Ok(created) => created,
        Err(error) => {
            let (code, message) = of_cluster(&error);
            return failed(name, code, message);
        }
    };
    let configs = call.shard().with_broker_configs(|broker| {
        describe_topic_overrides(&created.configs, broker)
            .into_iter()
            .map(|config| {
                message!(CreatableTopicConfigs {
                    name: config.name.as_str().into(),
                    value: config.value.as_deref().map(Into::into),
                    read_only: config.read_only,
                    config_source: config.source.wire_id(),
                    is_sensitive: config.sensitive,
                })
            })
            .collect()
    });
    let mut result = message!(CreatableTopicResult { name: name.into(), error_message: None });
    if call.version() >= 5 {
        result.num_partitions = created.partition_count;
        result.replication_factor = created.replication_factor;
        result.configs = Some(configs);
    }
    if call.version() >= 7 {
        result.topic_id = uuid_of(created.id);
    }
    result
}

fn failed(
    name: &str,
    error_code: i16,
    error_message: Option<pelton_kafka::StrBytes>,
) -> CreatableTopicResult {
    message!(CreatableTopicResult {
        name: name.into(),
        error_code: error_code,
        error_message: error_message,
        num_partitions: -1,
        replication_factor: -1,
        configs: Some(Vec::new()),
    })
}
