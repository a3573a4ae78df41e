//! DescribeProducers 0: the producers that a partition's log remembers. No transaction is ever
//! open, so coordinator epoch and transaction start are -1. A partition that is named twice is
//! answered once: it may remember ten thousand producers, and be named a million times (R3).

use std::collections::BTreeSet;

use pelton_cluster::topic_name::check_topic_name;
use pelton_kafka::wire::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use pelton_kafka::wire::{DescribeProducersRequest, DescribeProducersResponse};
use pelton_kafka::{ErrorCode, StrBytes, TopicRef, message};

use super::ask::{self, Question};
use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::{of_cluster, of_fault};
use crate::message::{Look, LookOutcome, ProducerFacts};

pub async fn handle(call: Call, request: DescribeProducersRequest) -> DescribeProducersResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    let mut questions = Vec::new();
    let mut places = Vec::new();
    let mut asked = BTreeSet::new();
    for topic in &request.topics {
        let mut partitions = Vec::with_capacity(topic.partition_indexes.len());
        for (at, index) in topic.partition_indexes.iter().enumerate() {
            call.breathe_now_and_then(at).await;
            let mut answer = message!(PartitionResponse { partition_index: *index });
            let asked = match asked.insert((topic.name.as_str(), *index)) {
                true => question(&call, &topic.name, *index),
                false => Err(refuse(ErrorCode::InvalidRequest, "The partition is named twice.")),
            };
            match asked {
                Ok(question) => {
                    places.push((topics.len(), partitions.len()));
                    questions.push(question);
                }
                Err((code, message)) => (answer.error_code, answer.error_message) = (code, message),
            }
            partitions.push(answer);
        }
        topics.push(message!(TopicResponse { name: topic.name.clone(), partitions: partitions }));
    }
    let outcomes = ask::look(&call, questions).await;
    for ((topic, at), outcome) in places.into_iter().zip(outcomes) {
        let answer: &mut PartitionResponse = &mut topics[topic].partitions[at];
        match outcome {
            Some(LookOutcome::Producers(Ok(producers))) => {
                answer.active_producers = producers.into_iter().map(state).collect();
            }
            Some(LookOutcome::Producers(Err(fault))) => {
                answer.error_code = of_fault(&fault).code();
            }
            _ => answer.error_code = ErrorCode::KafkaStorageError.code(),
        }
    }
    message!(DescribeProducersResponse { topics: topics })
}

fn refuse(error: ErrorCode, why: &str) -> (i16, Option<StrBytes>) {
    (error.code(), Some(why.into()))
}

fn question(call: &Call, name: &StrBytes, index: i32) -> Result<Question, (i16, Option<StrBytes>)> {
    check_topic_name(name.as_str()).map_err(|error| of_cluster(&error))?;
    if !call.may(Operation::Read, Resource::Topic(name.as_str())) {
        return Err(refuse(ErrorCode::TopicAuthorizationFailed, "Topic authorization failed."));
    }
    if call.shard().view.borrow().cluster.topic(name.as_str()).is_none() {
        return Err(refuse(ErrorCode::UnknownTopicOrPartition, "There is no such topic."));
    }
    let (partition, owner) = call
        .locate(&TopicRef::Name(name.clone()), index)
        .ok_or((ErrorCode::UnknownTopicOrPartition.code(), None))?;
    Ok((owner, (partition, Look::Producers)))
}

fn state(producer: ProducerFacts) -> ProducerState {
    message!(ProducerState {
        producer_id: producer.id.get(),
        producer_epoch: i32::from(producer.epoch),
        last_sequence: producer.last_sequence,
        last_timestamp: producer.last_timestamp.get(),
        coordinator_epoch: -1,
        current_txn_start_offset: -1,
    })
}
