//! OffsetDelete 0. Offsets of topics that members read stay ([86]); a partition that does not exist
//! is [3]; of a group whose members are no consumers nothing is known, so it is [68]. A
//! topic that stands twice is answered once, for all its partitions.

use std::collections::BTreeMap;

use pelton_group::{Command, DeleteOffsets, PartitionOutcome, Reply, TopicPartitions};
use pelton_kafka::wire::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use pelton_kafka::wire::{OffsetDeleteRequest, OffsetDeleteResponse};
use pelton_kafka::{ErrorCode, TopicRef, message};

use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::{of_group, of_group_fault};

pub async fn handle(call: Call, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let failed = |error: ErrorCode| message!(OffsetDeleteResponse { error_code: error.code() });
    if !call.may(Operation::Delete, Resource::Group(request.group_id.as_str())) {
        return failed(ErrorCode::GroupAuthorizationFailed);
    }
    let mut answers: BTreeMap<String, Vec<OffsetDeleteResponsePartition>> = BTreeMap::new();
    let mut topics = Vec::new();
    for topic in &request.topics {
        let answers = answers.entry(topic.name.as_str().to_owned()).or_default();
        let mut partitions = Vec::new();
        for partition in &topic.partitions {
            let index = partition.partition_index;
            match check(&call, topic.name.as_str(), index) {
                Ok(()) => partitions.push(index),
                Err(error) => answers.push(answer(index, error)),
            }
        }
        if !partitions.is_empty() {
            topics.push(TopicPartitions { topic: topic.name.as_str().into(), partitions });
        }
    }
    let delete = DeleteOffsets { group: request.group_id.as_str().into(), topics };
    match call.ask_group(Command::DeleteOffsets(delete)).await {
        Ok(Reply::OffsetsDeleted(Ok(outcomes))) => {
            for PartitionOutcome { topic, partition, outcome } in outcomes {
                let error = outcome.err().map_or(ErrorCode::None, of_group);
                answers.entry(topic.to_string()).or_default().push(answer(partition, error));
            }
        }
        Ok(Reply::OffsetsDeleted(Err(error))) => return failed(of_group(error)),
        Ok(_) => return failed(ErrorCode::UnknownServerError),
        Err(fault) => return failed(of_group_fault(fault)),
    }
    let topics = answers.into_iter().map(|(name, partitions)| {
        message!(OffsetDeleteResponseTopic { name: name.as_str().into(), partitions: partitions })
    });
    message!(OffsetDeleteResponse { topics: topics.collect() })
}

fn answer(index: i32, error: ErrorCode) -> OffsetDeleteResponsePartition {
    message!(OffsetDeleteResponsePartition { partition_index: index, error_code: error.code() })
}

fn check(call: &Call, topic: &str, index: i32) -> Result<(), ErrorCode> {
    if !call.may(Operation::Read, Resource::Topic(topic)) {
        return Err(ErrorCode::TopicAuthorizationFailed);
    }
    let known = call.locate(&TopicRef::Name(topic.into()), index);
    known.map(drop).ok_or(ErrorCode::UnknownTopicOrPartition)
}
