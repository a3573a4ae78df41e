//! What the config APIs share: resources as a request names them, and altering one after the other.

use std::collections::BTreeSet;

use pelton_cluster::ConfigResource;
use pelton_kafka::{ErrorCode, StrBytes};

use super::ask;
use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::of_cluster;
use crate::message::Change;

/// Type id and name, as they stand in a request.
pub type Named<'a> = (i8, &'a str);

/// Code and message of an answer.
pub type Refusal = (i16, Option<StrBytes>);

/// Broker loggers: Kafka knows them and lists them, though their levels cannot be set here.
pub const TYPE_BROKER_LOGGER: i8 = 8;

/// All types of resources that Kafka knows.
pub const TYPES: [i8; 5] = [
    ConfigResource::TYPE_TOPIC,
    ConfigResource::TYPE_BROKER,
    TYPE_BROKER_LOGGER,
    ConfigResource::TYPE_CLIENT_METRICS,
    ConfigResource::TYPE_GROUP,
];

/// The resource, if there may be such and the client may do `operation` on it.
pub fn find(
    call: &Call,
    operation: Operation,
    (type_id, name): Named<'_>,
) -> Result<ConfigResource, Refusal> {
    let resource = ConfigResource::from_wire(type_id, name, call.shard().config.node_id)
        .map_err(|error| of_cluster(&error))?;
    let (touched, refusal) = match &resource {
        ConfigResource::Topic(name) => (Resource::Topic(name), ErrorCode::TopicAuthorizationFailed),
        ConfigResource::Group(name) => (Resource::Group(name), ErrorCode::GroupAuthorizationFailed),
        ConfigResource::Broker(_)
        | ConfigResource::AllBrokers
        | ConfigResource::ClientMetrics(_) => {
            (Resource::Cluster, ErrorCode::ClusterAuthorizationFailed)
        }
    };
    match call.may(operation, touched) {
        true => Ok(resource),
        false => Err((refusal.code(), None)),
    }
}

/// The resource that a request to alter names, as [`find`]; the answer's refusal if it is one of
/// `duplicates`, the resources that stand more than once in the request.
pub fn find_to_alter(
    call: &Call,
    named: Named<'_>,
    duplicates: &BTreeSet<Named<'_>>,
) -> Result<ConfigResource, Refusal> {
    if duplicates.contains(&named) {
        let why = "Each resource must appear at most once.";
        return Err((ErrorCode::InvalidRequest.code(), Some(why.into())));
    }
    find(call, Operation::AlterConfigs, named)
}

/// The resources that stand more than once in a request.
pub fn find_duplicates<'a>(named: impl IntoIterator<Item = Named<'a>>) -> BTreeSet<Named<'a>> {
    let mut seen = BTreeSet::new();
    named.into_iter().filter(|named| !seen.insert(*named)).collect()
}

/// Has each resource altered that was not refused, by `change`, and gives code and message of each
/// answer in the order of the request.
pub async fn alter<T>(
    call: &Call,
    wishes: Vec<Result<T, Refusal>>,
    change: impl FnOnce(Vec<T>) -> Change,
) -> Vec<Refusal> {
    let mut answers = Vec::with_capacity(wishes.len());
    let mut places = Vec::new();
    let mut resources = Vec::new();
    for wish in wishes {
        answers.push(match wish {
            Ok(resource) => {
                places.push(answers.len());
                resources.push(resource);
                (ErrorCode::KafkaStorageError.code(), None)
            }
            Err(refusal) => refusal,
        });
    }
    let outcomes = ask::change_each(call, change(resources)).await.unwrap_or_default();
    for (place, outcome) in places.into_iter().zip(outcomes) {
        answers[place] = match outcome {
            Ok(()) => (ErrorCode::None.code(), None),
            Err(error) => of_cluster(&error),
        };
    }
    answers
}
