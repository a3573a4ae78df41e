//! OffsetForLeaderEpoch 2–4: where an epoch of a log ends. -1 and an epoch later than all are
//! epoch -1 and offset -1, without an error; an epoch earlier than all ends where the log starts.

use pelton_kafka::wire::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use pelton_kafka::wire::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use pelton_kafka::wire::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
use pelton_kafka::{ErrorCode, StrBytes, TopicRef, message};

use super::ask::{self, Question};
use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::of_fault;
use crate::message::{LogFault, Look, LookOutcome};

pub async fn handle(
    call: Call,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    let mut questions = Vec::new();
    let mut places = Vec::new();
    for topic in &request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in &topic.partitions {
            let error = match question(&call, &topic.topic, asked) {
                Ok(question) => {
                    places.push((topics.len(), partitions.len()));
                    questions.push(question);
                    ErrorCode::None
                }
                Err(error) => error,
            };
            partitions.push(message!(EpochEndOffset {
                error_code: error.code(),
                partition: asked.partition,
            }));
        }
        topics.push(message!(OffsetForLeaderTopicResult {
            topic: topic.topic.clone(),
            partitions: partitions,
        }));
    }
    let outcomes = ask::look(&call, questions).await;
    for ((topic, at), outcome) in places.into_iter().zip(outcomes) {
        let answer: &mut EpochEndOffset = &mut topics[topic].partitions[at];
        match outcome {
            Some(LookOutcome::EndOfEpoch(Ok((epoch, offset)))) => {
                (answer.leader_epoch, answer.end_offset) = (epoch, offset);
            }
            Some(LookOutcome::EndOfEpoch(Err(fault))) => {
                answer.error_code = of_fault(&fault).code();
            }
            _ => answer.error_code = ErrorCode::KafkaStorageError.code(),
        }
    }
    message!(OffsetForLeaderEpochResponse { topics: topics })
}

fn question(
    call: &Call,
    name: &StrBytes,
    asked: &OffsetForLeaderPartition,
) -> Result<Question, ErrorCode> {
    if !call.may(Operation::Describe, Resource::Topic(name.as_str())) {
        return Err(ErrorCode::TopicAuthorizationFailed);
    }
    let (partition, owner) = call
        .locate(&TopicRef::Name(name.clone()), asked.partition)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    // As in ListOffsets, only -1 goes unchecked.
    if asked.current_leader_epoch < -1 {
        return Err(of_fault(&LogFault::OlderEpoch));
    }
    let look =
        Look::EndOfEpoch { epoch: asked.leader_epoch, current_epoch: asked.current_leader_epoch };
    Ok((owner, (partition, look)))
}
