//! OffsetCommit 2–10. Acknowledged is what is on stable storage. Partitions that are not there are
//! refused one by one, the others are committed. Versions 2 to 4 may bring a retention of their
//! own; from 9 an unknown group is [69], before it [22], and members of the consumer protocol may
//! commit, under the epoch that they have or had; from 10 topics are identified, not named.

use pelton_group::{Command, CommitOffsets, OffsetToCommit, Reply};
use pelton_kafka::wire::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use pelton_kafka::wire::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use pelton_kafka::wire::{OffsetCommitRequest, OffsetCommitResponse};
use pelton_kafka::{ErrorCode, message, topic_id_of};
use pelton_model::{PartitionIndex, TopicId};

use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::{of_group, of_group_fault};

const KNOWS_MEMBER_EPOCHS: i16 = 9;
const BY_ID: i16 = 10;

pub async fn handle(call: Call, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let mut topics: Vec<OffsetCommitResponseTopic> =
        request.topics.iter().map(unanswered).collect();
    if !call.may(Operation::Read, Resource::Group(request.group_id.as_str())) {
        refuse_all(&mut topics, ErrorCode::GroupAuthorizationFailed);
        return message!(OffsetCommitResponse { topics: topics });
    }
    let mut offsets = Vec::new();
    let mut places = Vec::new();
    for (at, topic) in request.topics.iter().enumerate() {
        for (within, partition) in topic.partitions.iter().enumerate() {
            match to_commit(&call, topic, partition) {
                Ok(offset) => {
                    places.push((at, within));
                    offsets.push(offset);
                }
                Err(error) => topics[at].partitions[within].error_code = error.code(),
            }
        }
    }
    if offsets.is_empty() && !request.topics.is_empty() {
        return message!(OffsetCommitResponse { topics: topics });
    }
    let commit = CommitOffsets {
        group: request.group_id.as_str().into(),
        generation: request.generation_id_or_member_epoch,
        member_id: request.member_id.as_str().into(),
        instance_id: request.group_instance_id.as_ref().map(|id| id.as_str().into()),
        knows_member_epochs: call.version() >= KNOWS_MEMBER_EPOCHS,
        retention_ms: Some(request.retention_time_ms).filter(|retention| *retention != -1),
        offsets,
    };
    let outcomes = match call.ask_group(Command::CommitOffsets(commit)).await {
        Ok(Reply::Committed(Ok(outcomes))) => {
            outcomes.into_iter().map(|it| it.err().map_or(ErrorCode::None, of_group)).collect()
        }
        Ok(Reply::Committed(Err(error))) => vec![of_group(error); places.len()],
        Ok(_) => vec![ErrorCode::UnknownServerError; places.len()],
        Err(fault) => vec![of_group_fault(fault); places.len()],
    };
    for ((at, within), error) in places.into_iter().zip(outcomes) {
        topics[at].partitions[within].error_code = error.code();
    }
    message!(OffsetCommitResponse { topics: topics })
}

fn unanswered(topic: &OffsetCommitRequestTopic) -> OffsetCommitResponseTopic {
    let partitions = topic.partitions.iter().map(|partition| {
        message!(OffsetCommitResponsePartition { partition_index: partition.partition_index })
    });
    message!(OffsetCommitResponseTopic {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: partitions.collect(),
    })
}

fn refuse_all(topics: &mut [OffsetCommitResponseTopic], error: ErrorCode) {
    for partition in topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
        partition.error_code = error.code();
    }
}

fn to_commit(
    call: &Call,
    topic: &OffsetCommitRequestTopic,
    partition: &OffsetCommitRequestPartition,
) -> Result<OffsetToCommit, ErrorCode> {
    let view = call.shard().view.borrow();
    let (known, unknown) = match call.version() {
        ..BY_ID => {
            let name = topic.name.as_str();
            if !call.may(Operation::Read, Resource::Topic(name)) {
                return Err(ErrorCode::TopicAuthorizationFailed);
            }
            (view.cluster.topic(name), ErrorCode::UnknownTopicOrPartition)
        }
        _ => {
            let id: TopicId = topic_id_of(topic.topic_id);
            (view.cluster.topic_by_id(id), ErrorCode::UnknownTopicId)
        }
    };
    let known = known.ok_or(unknown)?;
    if !call.may(Operation::Read, Resource::Topic(&known.name)) {
        return Err(ErrorCode::TopicAuthorizationFailed);
    }
    if !known.has_partition(PartitionIndex::new(partition.partition_index)) {
        return Err(ErrorCode::UnknownTopicOrPartition);
    }
    Ok(OffsetToCommit {
        topic: pelton_group::TopicName::new(known.name.clone()),
        topic_id: known.id,
        partition: partition.partition_index,
        offset: partition.committed_offset,
        leader_epoch: partition.committed_leader_epoch,
        metadata: partition.committed_metadata.as_ref().map(|text| text.as_str().to_owned()),
        topic_is_gone: false,
    })
}
