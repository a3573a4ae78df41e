//! ListOffsets 1–11. Special timestamps: -1 the end, -2 the start, -3 the greatest timestamp (from
//! 7), -4 the local start (from 8), -5 and -6 the tiered ends (from 9 and 11), of which there are
//! none here. One from before its version, and anything below, is [35] for the partition.

use std::collections::{BTreeMap, BTreeSet};

use pelton_kafka::wire::list_offsets_request::ListOffsetsPartition;
use pelton_kafka::wire::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use pelton_kafka::wire::{ListOffsetsRequest, ListOffsetsResponse};
use pelton_kafka::{ErrorCode, TopicRef, message};

use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::of_fault;
use crate::message::{LogFault, Look, LookOutcome, OffsetFound, Reply, Request};

/// The client's isolation level: 0 or 1.
const ISOLATION_LEVEL_MAX: i8 = 1;

pub async fn handle(call: Call, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let mut times: BTreeMap<(&str, i32), usize> = BTreeMap::new();
    for topic in &request.topics {
        for (within, partition) in topic.partitions.iter().enumerate() {
            *times.entry((topic.name.as_str(), partition.partition_index)).or_default() += 1;
            call.breathe_now_and_then(within).await;
        }
    }
    let mut answers: Vec<Vec<ListOffsetsPartitionResponse>> = Vec::new();
    let mut questions = Vec::new();
    let mut places = Vec::new();
    for (at, topic) in request.topics.iter().enumerate() {
        let mut partitions: Vec<ListOffsetsPartitionResponse> = Vec::new();
        let mut refused = BTreeSet::new();
        for (within, partition) in topic.partitions.iter().enumerate() {
            call.breathe_now_and_then(within).await;
            let index = partition.partition_index;
            let repeated = times.get(&(topic.name.as_str(), index)).is_some_and(|it| *it > 1);
            if repeated && !refused.insert(index) {
                continue;
            }
            let answer = if repeated {
                failed(index, ErrorCode::InvalidRequest)
            } else if !(0..=ISOLATION_LEVEL_MAX).contains(&request.isolation_level) {
                failed(index, ErrorCode::UnknownServerError)
            } else if !call.may(Operation::Describe, Resource::Topic(topic.name.as_str())) {
                failed(index, ErrorCode::TopicAuthorizationFailed)
            } else {
                match question(&call, topic.name.as_str(), partition) {
                    Ok(question) => {
                        places.push((at, partitions.len()));
                        questions.push(question);
                        failed(index, ErrorCode::None)
                    }
                    Err(error) => failed(index, error),
                }
            };
            partitions.push(answer);
        }
        answers.push(partitions);
    }
    let outcomes = call
        .ask_owners(questions, Request::Look, |reply| match reply {
            Reply::Looked(outcomes) => Some(outcomes),
            _ => None,
        })
        .await;
    for ((topic, at), outcome) in places.into_iter().zip(outcomes) {
        let answer = &mut answers[topic][at];
        match outcome {
            Some(LookOutcome::Offset(Ok(Some(OffsetFound { offset, timestamp, epoch })))) => {
                (answer.offset, answer.timestamp) = (offset, timestamp);
                if call.version() >= 4 {
                    answer.leader_epoch = epoch;
                }
            }
            Some(LookOutcome::Offset(Ok(None))) => {}
            Some(LookOutcome::Offset(Err(fault))) => answer.error_code = of_fault(&fault).code(),
            _ => answer.error_code = ErrorCode::KafkaStorageError.code(),
        }
    }
    let topics = request
        .topics
        .iter()
        .zip(answers)
        .filter(|(_, partitions)| !partitions.is_empty())
        .map(|(topic, partitions)| {
            message!(ListOffsetsTopicResponse { name: topic.name.clone(), partitions: partitions })
        })
        .collect();
    message!(ListOffsetsResponse { topics: topics })
}

type Question = (pelton_model::ShardId, (pelton_model::PartitionId, Look));

fn question(
    call: &Call,
    name: &str,
    partition: &ListOffsetsPartition,
) -> Result<Question, ErrorCode> {
    let asked = partition.timestamp;
    let first_version = match asked {
        0.. | -1 | -2 => 1,
        -3 => 7,
        -4 => 8,
        -5 => 9,
        -6 => 11,
        _ => i16::MAX,
    };
    if call.version() < first_version {
        return Err(ErrorCode::UnsupportedVersion);
    }
    let (id, owner) = call
        .locate(&TopicRef::Name(name.into()), partition.partition_index)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    // -2 as an epoch is not "unchecked" here, as in Kafka: only -1 is.
    if partition.current_leader_epoch < -1 {
        return Err(of_fault(&LogFault::OlderEpoch));
    }
    let current_epoch = partition.current_leader_epoch;
    Ok((owner, (id, Look::OffsetFor { timestamp: asked, current_epoch })))
}

fn failed(index: i32, error: ErrorCode) -> ListOffsetsPartitionResponse {
    message!(ListOffsetsPartitionResponse {
        partition_index: index,
        error_code: error.code(),
        timestamp: -1,
        offset: -1,
        leader_epoch: -1,
    })
}
