//! DeleteTopics 1–6. One answer per topic; one that is named twice, be it once by name and once by
//! id, is refused once. Messages from 5, ids from 6.

use pelton_cluster::topics::DeletionTarget;
use pelton_kafka::wire::delete_topics_response::DeletableTopicResult;
use pelton_kafka::wire::{DeleteTopicsRequest, DeleteTopicsResponse};
use pelton_kafka::{ErrorCode, StrBytes, message, topic_id_of, uuid_of};
use pelton_model::TopicId;

use super::ask;
use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::of_cluster;
use crate::message::{Change, ChangeOutcome, DeletedTopic};

pub async fn handle(call: Call, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let mut responses = Vec::new();
    let mut targets = Vec::new();
    for target in asked(&request) {
        match refusal(&call, &target) {
            None => targets.push(target),
            Some(error) => responses.push(failed(&target, error)),
        }
    }
    if request.timeout_ms <= 0 {
        // Kafka's controller gives up before it has begun.
        responses.extend(targets.iter().map(|it| failed(it, ErrorCode::RequestTimedOut)));
        return message!(DeleteTopicsResponse { responses: responses });
    }
    let change = Change::DeleteTopics { targets: targets.clone() };
    match ask::change(&call, change).await {
        Some(ChangeOutcome::TopicsDeleted(deleted)) => {
            responses.extend(deleted.into_iter().map(|topic| answer(&call, topic)));
        }
        _ => responses.extend(targets.iter().map(|it| failed(it, ErrorCode::KafkaStorageError))),
    }
    message!(DeleteTopicsResponse { responses: responses })
}

/// Up to version 5 topics are named in a list of names, then in one of names and ids.
fn asked(request: &DeleteTopicsRequest) -> impl Iterator<Item = DeletionTarget> {
    let by_name = request
        .topic_names
        .iter()
        .map(|name| DeletionTarget { name: Some(name.as_str().to_owned()), id: TopicId::ZERO });
    by_name.chain(request.topics.iter().map(|topic| DeletionTarget {
        name: topic.name.as_ref().map(|name| name.as_str().to_owned()),
        id: topic_id_of(topic.topic_id),
    }))
}

/// Why the client may not delete a topic. One that it may not see is not there for it.
fn refusal(call: &Call, target: &DeletionTarget) -> Option<ErrorCode> {
    let view = call.shard().view.borrow();
    let name = match &target.name {
        Some(name) => name,
        None => {
            let name = &*view.cluster.topic_by_id(target.id)?.name;
            if !call.may(Operation::Describe, Resource::Topic(name)) {
                return Some(ErrorCode::UnknownTopicId);
            }
            name
        }
    };
    let allowed = call.may(Operation::Delete, Resource::Topic(name));
    (!allowed).then_some(ErrorCode::TopicAuthorizationFailed)
}

fn answer(call: &Call, topic: DeletedTopic) -> DeletableTopicResult {
    let (error_code, error_message) = match &topic.outcome {
        Ok(()) => (ErrorCode::None.code(), None),
        Err(error) => of_cluster(error),
    };
    let error_code = match call.version() {
        // Versions before 3 do not know that deletion can be disabled.
        ..3 if error_code == ErrorCode::TopicDeletionDisabled.code() => {
            ErrorCode::InvalidRequest.code()
        }
        _ => error_code,
    };
    message!(DeletableTopicResult {
        name: topic.name.as_deref().map(StrBytes::from),
        topic_id: uuid_of(topic.id),
        error_code: error_code,
        error_message: error_message,
    })
}

fn failed(target: &DeletionTarget, error: ErrorCode) -> DeletableTopicResult {
    message!(DeletableTopicResult {
        name: target.name.as_deref().map(StrBytes::from),
        topic_id: uuid_of(target.id),
        error_code: error.code(),
    })
}
