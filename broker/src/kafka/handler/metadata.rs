//! Metadata 0–13. No topics asked for (null; in version 0 an empty list) means all. From 10 topics
//! can be asked for by id; a request that mixes names and ids is answered for the ids alone. A
//! topic that is not there is made on the way, where both sides allow it.

use std::collections::BTreeSet;

use pelton_cluster::topic_name::is_internal;
use pelton_cluster::{ErrorKind, Topic};
use pelton_kafka::message;
use pelton_kafka::wire::metadata_request::MetadataRequestTopic;
use pelton_kafka::wire::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use pelton_kafka::wire::{MetadataRequest, MetadataResponse};
use pelton_kafka::{ErrorCode, topic_id_of, uuid_of};
use pelton_model::{PartitionId, TopicId};

use crate::group::topic::{self as offsets_topic, OFFSETS_TOPIC};
use crate::kafka::authorize::{
    CLUSTER_OPERATIONS, OPERATIONS_OMITTED, Operation, Resource, TOPIC_OPERATIONS,
};
use crate::kafka::context::Call;
use crate::kafka::errors::of_kind;
use crate::message::TopicToCreate;

pub async fn handle(call: Call, request: MetadataRequest) -> MetadataResponse {
    let version = call.version();
    let wants_all = match &request.topics {
        None => true,
        Some(topics) => topics.is_empty() && version == 0,
    };
    let operations = match request.include_topic_authorized_operations {
        true => TOPIC_OPERATIONS,
        false => OPERATIONS_OMITTED,
    };
    let mut topics = Vec::new();
    if wants_all {
        let view = call.shard().view.borrow();
        let all = view.cluster.topics().filter(|topic| describable(&call, &topic.name));
        topics.extend(all.map(|topic| described(&call, topic, operations)));
    } else {
        let asked = request.topics.as_deref().unwrap_or_default();
        let by_id = asked.iter().any(|topic| topic_id_of(topic.topic_id) != TopicId::ZERO);
        if by_id && version < 12 {
            return malformed(version, ErrorCode::InvalidRequest, asked);
        }
        if !by_id && asked.iter().any(|topic| topic.name.is_none()) {
            let error = match version {
                12.. => ErrorCode::UnknownServerError,
                _ => ErrorCode::InvalidRequest,
            };
            return malformed(version, error, asked);
        }
        if by_id {
            let ids = asked.iter().map(|topic| topic_id_of(topic.topic_id));
            for id in ids.filter(|id| *id != TopicId::ZERO).collect::<BTreeSet<_>>() {
                topics.push(by_topic_id(&call, id, operations));
            }
        } else {
            let names: BTreeSet<String> = asked
                .iter()
                .filter_map(|topic| Some(topic.name.as_ref()?.as_str().to_owned()))
                .collect();
            if request.allow_auto_topic_creation {
                create_missing(&call, &names).await;
            }
            for name in &names {
                topics.push(by_name(&call, name, operations));
            }
        }
    }
    let shard = call.shard();
    message!(MetadataResponse {
        brokers: vec![message!(MetadataResponseBroker {
            node_id: shard.config.node_id.get(),
            host: shard.config.advertise_host.as_str().into(),
            port: i32::from(shard.port),
            rack: shard.with_broker_configs(|broker| broker.text("broker.rack").map(Into::into)),
        })],
        cluster_id: Some(shard.cluster_id.as_str().into()),
        controller_id: shard.config.node_id.get(),
        topics: topics,
        cluster_authorized_operations: match request.include_cluster_authorized_operations {
            true => CLUSTER_OPERATIONS,
            false => OPERATIONS_OMITTED,
        },
    })
}

fn describable(call: &Call, name: &str) -> bool {
    call.may(Operation::Describe, Resource::Topic(name))
}

/// Neither name nor id, or an id too early: the whole answer is an error, as Kafka gives it.
fn malformed(version: i16, error: ErrorCode, asked: &[MetadataRequestTopic]) -> MetadataResponse {
    let topics = asked.iter().map(|topic| {
        message!(MetadataResponseTopic {
            error_code: error.code(),
            name: Some("".into()),
            topic_id: topic.topic_id,
            topic_authorized_operations: OPERATIONS_OMITTED,
        })
    });
    let mut answer = message!(MetadataResponse {
        cluster_id: None,
        controller_id: -1,
        cluster_authorized_operations: OPERATIONS_OMITTED,
        topics: topics.collect(),
    });
    if version >= 13 {
        answer.error_code = error.code();
    }
    answer
}

fn described(call: &Call, topic: &Topic, operations: i32) -> MetadataResponseTopic {
    let node = call.shard().config.node_id.get();
    let partitions = topic.partitions().map(|PartitionId { index, .. }| {
        message!(MetadataResponsePartition {
            partition_index: index.get(),
            leader_id: node,
            leader_epoch: topic.leader_epoch(index).get(),
            replica_nodes: vec![node],
            isr_nodes: vec![node],
        })
    });
    message!(MetadataResponseTopic {
        name: Some((&*topic.name).into()),
        topic_id: uuid_of(topic.id),
        is_internal: is_internal(&topic.name),
        partitions: partitions.collect(),
        topic_authorized_operations: operations,
    })
}

fn by_topic_id(call: &Call, id: TopicId, operations: i32) -> MetadataResponseTopic {
    let view = call.shard().view.borrow();
    match view.cluster.topic_by_id(id) {
        Some(topic) if describable(call, &topic.name) => described(call, topic, operations),
        _ => message!(MetadataResponseTopic {
            error_code: ErrorCode::UnknownTopicId.code(),
            name: None,
            topic_id: uuid_of(id),
            topic_authorized_operations: OPERATIONS_OMITTED,
        }),
    }
}

fn by_name(call: &Call, name: &str, operations: i32) -> MetadataResponseTopic {
    let view = call.shard().view.borrow();
    let error = match view.cluster.topic(name) {
        _ if !describable(call, name) => ErrorCode::TopicAuthorizationFailed,
        Some(topic) => return described(call, topic, operations),
        None => match pelton_cluster::topic_name::check_topic_name(name) {
            Ok(()) => ErrorCode::UnknownTopicOrPartition,
            Err(error) => of_kind(error.kind),
        },
    };
    message!(MetadataResponseTopic {
        error_code: error.code(),
        name: Some(name.into()),
        topic_authorized_operations: operations,
    })
}

/// `auto.create.topics.enable`: what is asked for comes into being, with the broker's defaults.
/// Why one could not be made, its own entry in the answer says.
async fn create_missing(call: &Call, names: &BTreeSet<String>) {
    let missing: Vec<TopicToCreate> = {
        let shard = call.shard();
        if !shard.with_broker_configs(|broker| broker.boolean("auto.create.topics.enable")) {
            return;
        }
        let view = shard.view.borrow();
        names
            .iter()
            .filter(|name| view.cluster.topic(name).is_none())
            .filter(|name| call.may(Operation::Create, Resource::Topic(name)))
            .filter_map(|name| match name.as_str() {
                OFFSETS_TOPIC => Some(offsets_topic::to_create(call)),
                // Whoever is to use it would find it with the settings of any topic.
                name if is_internal(name) => None,
                name => Some(TopicToCreate {
                    name: name.to_owned(),
                    partition_count: -1,
                    replication_factor: -1,
                    assignments: Vec::new(),
                    configs: Vec::new(),
                }),
            })
            .collect()
    };
    if missing.is_empty() {
        return;
    }
    match call.create_topics(missing, false).await {
        Ok(outcomes) => {
            for error in outcomes.into_iter().filter_map(Result::err) {
                if error.kind != ErrorKind::TopicAlreadyExists {
                    tracing::debug!(%error, "a topic could not be created on the way");
                }
            }
        }
        Err(why) => tracing::warn!(why, "topics could not be created on the way"),
    }
}
