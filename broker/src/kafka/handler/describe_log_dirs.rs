//! DescribeLogDirs 1–5: the data directory as the one log directory, with the sizes of the
//! partitions asked for; null asks for all. What is not there is left out. Total and usable bytes
//! of the file system from 4.

use std::collections::{BTreeMap, BTreeSet};

use pelton_kafka::wire::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use pelton_kafka::wire::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use pelton_kafka::{ErrorCode, TopicRef, message};

use super::ask;
use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::message::{Look, LookOutcome};

pub async fn handle(call: Call, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse {
    if !call.may(Operation::Describe, Resource::Cluster) {
        let error = ErrorCode::ClusterAuthorizationFailed;
        return message!(DescribeLogDirsResponse { error_code: error.code() });
    }
    let mut questions = Vec::new();
    let mut places = Vec::new();
    for (name, index) in asked(&call, &request) {
        if let Some((partition, owner)) = call.locate(&TopicRef::Name(name.as_str().into()), index)
        {
            questions.push((owner, (partition, Look::Size)));
            places.push((name, index));
        }
    }
    let outcomes = ask::look(&call, questions).await;
    let mut topics: BTreeMap<String, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
    for ((name, index), outcome) in places.into_iter().zip(outcomes) {
        // One that was deleted meanwhile is left out too.
        if let Some(LookOutcome::Size(Ok(size))) = outcome {
            topics.entry(name).or_default().push(message!(DescribeLogDirsPartition {
                partition_index: index,
                partition_size: i64::try_from(size.bytes).unwrap_or(i64::MAX),
            }));
        }
    }
    let directory = call.shard().config.data_dir.display().to_string();
    let figures = call.shard().metrics.copy();
    message!(DescribeLogDirsResponse {
        results: vec![message!(DescribeLogDirsResult {
            log_dir: directory.as_str().into(),
            topics: topics
                .into_iter()
                .map(|(name, partitions)| {
                    message!(DescribeLogDirsTopic {
                        name: name.as_str().into(),
                        partitions: partitions,
                    })
                })
                .collect(),
            total_bytes: known_bytes(figures.disk_total_bytes),
            usable_bytes: known_bytes(figures.disk_free_bytes),
        })],
    })
}

/// Each partition once.
fn asked(call: &Call, request: &DescribeLogDirsRequest) -> BTreeSet<(String, i32)> {
    match &request.topics {
        None => {
            let view = call.shard().view.borrow();
            view.cluster
                .topics()
                .flat_map(|topic| {
                    topic.partitions().map(|it| (topic.name.to_string(), it.index.get()))
                })
                .collect()
        }
        Some(topics) => topics
            .iter()
            .flat_map(|topic| {
                topic.partitions.iter().map(|index| (topic.topic.as_str().to_owned(), *index))
            })
            .collect(),
    }
}

/// -1 until the disk's space has been looked at.
fn known_bytes(bytes: u64) -> i64 {
    match bytes {
        0 => -1,
        bytes => i64::try_from(bytes).unwrap_or(i64::MAX),
    }
}
