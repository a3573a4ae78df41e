//! DeleteRecords 0–2. Each partition's start moves up to an offset, -1: to the high watermark. Below
//! the start nothing happens, and that is no error. Internal topics are [17], topics that are only
//! compacted [44]. A partition that stands twice is answered once, its last offset counts.

use std::collections::BTreeMap;

use pelton_cluster::topic_name::is_internal;
use pelton_kafka::wire::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use pelton_kafka::wire::{DeleteRecordsRequest, DeleteRecordsResponse};
use pelton_kafka::{ErrorCode, StrBytes, TopicRef, message};
use pelton_model::{Offset, PartitionId, ShardId};

use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::of_fault;
use crate::message::{Reply, Request};

/// Asks for the high watermark.
const HIGH_WATERMARK: i64 = -1;

pub async fn handle(call: Call, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let mut asked: BTreeMap<&StrBytes, BTreeMap<i32, i64>> = BTreeMap::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            let offsets = asked.entry(&topic.name).or_default();
            offsets.insert(partition.partition_index, partition.offset);
        }
    }
    let mut topics = Vec::with_capacity(asked.len());
    let mut questions = Vec::new();
    let mut places = Vec::new();
    for (name, offsets) in asked {
        let mut partitions = Vec::with_capacity(offsets.len());
        for (index, offset) in offsets {
            let error = match question(&call, name, index, offset) {
                Ok(question) => {
                    places.push((topics.len(), partitions.len()));
                    questions.push(question);
                    ErrorCode::None
                }
                Err(error) => error,
            };
            partitions.push(message!(DeleteRecordsPartitionResult {
                partition_index: index,
                low_watermark: -1,
                error_code: error.code(),
            }));
        }
        topics.push(message!(DeleteRecordsTopicResult {
            name: name.clone(),
            partitions: partitions,
        }));
    }
    let outcomes = call
        .ask_owners(questions, Request::DeleteRecords, |reply| match reply {
            Reply::StartsAt(outcomes) => Some(outcomes),
            _ => None,
        })
        .await;
    for ((topic, at), outcome) in places.into_iter().zip(outcomes) {
        let answer = &mut topics[topic].partitions[at];
        match outcome {
            Some(Ok(start)) => answer.low_watermark = start.get(),
            Some(Err(fault)) => answer.error_code = of_fault(&fault).code(),
            None => answer.error_code = ErrorCode::KafkaStorageError.code(),
        }
    }
    message!(DeleteRecordsResponse { topics: topics })
}

fn question(
    call: &Call,
    name: &StrBytes,
    index: i32,
    offset: i64,
) -> Result<(ShardId, (PartitionId, Offset)), ErrorCode> {
    if !call.may(Operation::Delete, Resource::Topic(name.as_str())) {
        return Err(ErrorCode::TopicAuthorizationFailed);
    }
    let (partition, owner) = call
        .locate(&TopicRef::Name(name.clone()), index)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if is_internal(name.as_str()) {
        return Err(ErrorCode::InvalidTopicException);
    }
    let config =
        call.shard().config_of(partition.topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if config.cleanup_policy.compact && !config.cleanup_policy.delete {
        return Err(ErrorCode::PolicyViolation);
    }
    if offset < HIGH_WATERMARK {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    Ok((owner, (partition, Offset::new(offset))))
}
