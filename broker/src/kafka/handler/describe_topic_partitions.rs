//! DescribeTopicPartitions 0: topics by name, page by page. No topics asked for means all. A page
//! holds at most the partitions that the client and `max.request.partition.size.limit` allow, at
//! least one; its cursor says where the next one begins. Topics that are not there, or cannot be,
//! stand in their places with an error.

use std::collections::BTreeSet;
use std::ops::Range;

use pelton_cluster::topic_name::{check_topic_name, is_internal};
use pelton_kafka::wire::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use pelton_kafka::wire::{DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse};
use pelton_kafka::{ErrorCode, message, uuid_of};
use pelton_model::PartitionIndex;

use crate::kafka::authorize::{Operation, Resource, TOPIC_OPERATIONS};
use crate::kafka::context::Call;
use crate::kafka::errors::of_kind;

pub async fn handle(
    call: Call,
    request: DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    match described(&call, &request) {
        Ok(response) => response,
        // Every topic gets the error of the whole.
        Err(error) => message!(DescribeTopicPartitionsResponse {
            topics: request
                .topics
                .iter()
                .map(|topic| {
                    message!(DescribeTopicPartitionsResponseTopic {
                        error_code: error.code(),
                        name: Some(topic.name.clone()),
                    })
                })
                .collect(),
        }),
    }
}

fn described(
    call: &Call,
    request: &DescribeTopicPartitionsRequest,
) -> Result<DescribeTopicPartitionsResponse, ErrorCode> {
    let view = call.shard().view.borrow();
    let cluster = &view.cluster;
    let wants_all = request.topics.is_empty();
    let mut names: BTreeSet<&str> = match wants_all {
        true => cluster.topics().map(|topic| &*topic.name).collect(),
        false => request.topics.iter().map(|topic| topic.name.as_str()).collect(),
    };
    let start = request.cursor.as_ref().map(|cursor| Position {
        topic: cursor.topic_name.as_str(),
        index: cursor.partition_index,
    });
    if let Some(start) = start {
        if start.index < 0 || !(wants_all || names.contains(start.topic)) {
            return Err(ErrorCode::InvalidRequest);
        }
        names.retain(|name| *name >= start.topic);
    }
    if names.contains("") {
        // Kafka fails on the way to this topic's authorised operations.
        return Err(ErrorCode::UnknownServerError);
    }
    let (allowed, refused): (Vec<&str>, Vec<&str>) =
        names.into_iter().partition(|name| call.may(Operation::Describe, Resource::Topic(name)));
    let counted =
        allowed.into_iter().map(|name| (name, cluster.topic(name).map(|it| it.partition_count)));
    let page = page(counted, start, partitions_max(call, request.response_partition_limit));

    let mut topics: Vec<_> =
        page.topics.into_iter().map(|(name, range)| topic(call, name, range)).collect();
    if !wants_all {
        let error = ErrorCode::TopicAuthorizationFailed;
        topics.extend(refused.into_iter().map(|name| failed(name, error)));
    }
    Ok(message!(DescribeTopicPartitionsResponse {
        topics: topics,
        next_cursor: page.next.map(|next| {
            message!(Cursor { topic_name: next.topic.into(), partition_index: next.index })
        }),
    }))
}

fn partitions_max(call: &Call, asked: i32) -> i32 {
    let limit = call
        .shard()
        .with_broker_configs(|broker| broker.integer("max.request.partition.size.limit"));
    asked.min(i32::try_from(limit).unwrap_or(i32::MAX)).max(1)
}

/// A partition that a page begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position<'a> {
    topic: &'a str,
    index: i32,
}

#[derive(Debug, PartialEq, Eq)]
struct Page<'a> {
    /// Which partitions of which topics; `None`: there is no such topic.
    topics: Vec<(&'a str, Option<Range<i32>>)>,
    next: Option<Position<'a>>,
}

/// At most `partitions_max` partitions of `topics`, which stand in order with their partition
/// counts and begin with the one of `start`. Topics that are not there cost nothing.
fn page<'a>(
    topics: impl Iterator<Item = (&'a str, Option<i32>)>,
    start: Option<Position<'_>>,
    partitions_max: i32,
) -> Page<'a> {
    let mut page = Page { topics: Vec::new(), next: None };
    let mut remaining = partitions_max;
    for (topic, count) in topics {
        if remaining == 0 {
            page.next = Some(Position { topic, index: 0 });
            break;
        }
        let Some(count) = count else {
            page.topics.push((topic, None));
            continue;
        };
        let first = start.filter(|start| start.topic == topic).map_or(0, |start| start.index);
        let end = first.saturating_add(remaining).min(count);
        page.topics.push((topic, Some(first..end)));
        if end < count {
            page.next = Some(Position { topic, index: end });
            break;
        }
        remaining -= (end - first).max(0);
    }
    page
}

fn topic(
    call: &Call,
    name: &str,
    range: Option<Range<i32>>,
) -> DescribeTopicPartitionsResponseTopic {
    let view = call.shard().view.borrow();
    let Some((topic, range)) = view.cluster.topic(name).zip(range) else {
        return failed(
            name,
            match check_topic_name(name) {
                Ok(()) => ErrorCode::UnknownTopicOrPartition,
                Err(error) => of_kind(error.kind),
            },
        );
    };
    let node = call.shard().config.node_id.get();
    let partitions = range.map(|index| {
        message!(DescribeTopicPartitionsResponsePartition {
            partition_index: index,
            leader_id: node,
            leader_epoch: topic.leader_epoch(PartitionIndex::new(index)).get(),
            replica_nodes: vec![node],
            isr_nodes: vec![node],
            eligible_leader_replicas: Some(Vec::new()),
            last_known_elr: Some(Vec::new()),
        })
    });
    message!(DescribeTopicPartitionsResponseTopic {
        name: Some(name.into()),
        topic_id: uuid_of(topic.id),
        is_internal: is_internal(name),
        partitions: partitions.collect(),
        topic_authorized_operations: TOPIC_OPERATIONS,
    })
}

fn failed(name: &str, error: ErrorCode) -> DescribeTopicPartitionsResponseTopic {
    message!(DescribeTopicPartitionsResponseTopic {
        error_code: error.code(),
        name: Some(name.into()),
        is_internal: is_internal(name),
        topic_authorized_operations: match error {
            ErrorCode::TopicAuthorizationFailed => i32::MIN,
            _ => TOPIC_OPERATIONS,
        },
    })
}

#[cfg(test)]
#[path = "describe_topic_partitions_test.rs"]
mod describe_topic_partitions_test;
