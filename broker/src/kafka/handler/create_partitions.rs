//! CreatePartitions 0–3. One answer per topic; a name that stands twice is refused once. With
//! `validate_only` everything is checked and answered as if it were done.

use pelton_cluster::topics::find_duplicates;
use pelton_kafka::wire::create_partitions_request::CreatePartitionsTopic;
use pelton_kafka::wire::create_partitions_response::CreatePartitionsTopicResult;
use pelton_kafka::wire::{CreatePartitionsRequest, CreatePartitionsResponse};
use pelton_kafka::{ErrorCode, StrBytes, message};
use pelton_model::NodeId;

use super::ask;
use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::of_cluster;
use crate::message::{Change, PartitionsToCreate};

pub async fn handle(call: Call, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let duplicates = find_duplicates(request.topics.iter().map(|topic| topic.name.as_str()));
    let mut results: Vec<CreatePartitionsTopicResult> = duplicates
        .iter()
        .map(|name| {
            let why = "Duplicate topic name.";
            result(name, ErrorCode::InvalidRequest.code(), Some(why.into()))
        })
        .collect();
    let mut topics = Vec::new();
    for topic in request.topics.iter().filter(|topic| !duplicates.contains(topic.name.as_str())) {
        let name = topic.name.as_str();
        match call.may(Operation::Alter, Resource::Topic(name)) {
            true => topics.push(to_create(topic)),
            false => {
                results.push(result(name, ErrorCode::TopicAuthorizationFailed.code(), None));
            }
        }
    }
    let names: Vec<String> = topics.iter().map(|topic| topic.name.clone()).collect();
    if request.timeout_ms <= 0 {
        // Kafka's controller gives up before it has begun.
        let code = ErrorCode::RequestTimedOut.code();
        results.extend(names.iter().map(|name| result(name, code, None)));
        return message!(CreatePartitionsResponse { results: results });
    }
    let change = Change::CreatePartitions { topics, validate_only: request.validate_only };
    match ask::change_each(&call, change).await {
        Some(outcomes) => {
            for (name, outcome) in names.iter().zip(outcomes) {
                results.push(match outcome {
                    Ok(()) => result(name, ErrorCode::None.code(), None),
                    Err(error) => {
                        let (code, message) = of_cluster(&error);
                        result(name, code, message)
                    }
                });
            }
        }
        None => {
            let code = ErrorCode::KafkaStorageError.code();
            results.extend(names.iter().map(|name| result(name, code, None)));
        }
    }
    message!(CreatePartitionsResponse { results: results })
}

fn to_create(topic: &CreatePartitionsTopic) -> PartitionsToCreate {
    PartitionsToCreate {
        name: topic.name.as_str().to_owned(),
        partition_count: topic.count,
        assignments: topic.assignments.as_ref().map(|assignments| {
            assignments
                .iter()
                .map(|it| it.broker_ids.iter().copied().map(NodeId::new).collect())
                .collect()
        }),
    }
}

fn result(
    name: &str,
    error_code: i16,
    error_message: Option<StrBytes>,
) -> CreatePartitionsTopicResult {
    message!(CreatePartitionsTopicResult {
        name: name.into(),
        error_code: error_code,
        error_message: error_message,
    })
}
