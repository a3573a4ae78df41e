//! What a Produce is answered.

use pelton_kafka::produce::{
    ProducePartitionResponse, ProduceRequest, ProduceResponse, ProduceTopicResponse, RecordError,
};
use pelton_model::batch::BatchError;
use pelton_model::{PartitionId, ShardId, TimestampMs};
use pelton_net::Answer;

use super::first_look::Fault;
use super::{LastPlaces, Place};
use crate::kafka::context::Call;
use crate::kafka::errors::{of_fault, of_refusal};
use crate::kafka::handler::ask;
use crate::message::{AppendOutcome, LogFault, Look, LookOutcome};
use crate::shard::look::EARLIEST;

/// An answer that needs no owner, but for where the log begins.
pub struct Refused {
    pub answer: ProducePartitionResponse,
    pub log_start_of: Option<(ShardId, PartitionId)>,
}

/// The same answer for all partitions.
pub async fn failed(call: &Call, request: &ProduceRequest, fault: &Fault) -> ProduceResponse {
    let mut response = ProduceResponse::default();
    for topic in request.topics.iter().filter(|topic| !topic.partitions.is_empty()) {
        let last_places = LastPlaces::of(call, topic).await;
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for (at, partition) in topic.partitions.iter().enumerate() {
            if last_places.contain(at, partition.index) {
                partitions.push(ProducePartitionResponse {
                    error_message: fault.message.clone(),
                    ..ProducePartitionResponse::error(partition.index, fault.error)
                });
            }
            call.breathe_now_and_then(at).await;
        }
        response.topics.push(ProduceTopicResponse { topic: topic.topic.clone(), partitions });
    }
    response
}

pub fn refused_batch(
    call: &Call,
    (owner, partition): (ShardId, PartitionId),
    index: i32,
    error: &BatchError,
) -> Refused {
    tracing::info!(peer = %call.session.peer, %partition, %error, "batch refused");
    call.shard().metrics.count(|figures| {
        *figures.batches_rejected.entry(error.reason()).or_default() += 1;
    });
    let mut answer = ProducePartitionResponse::error(index, of_refusal(error.refusal()));
    answer.record_errors = error
        .record_errors()
        .into_iter()
        .map(|(at, why)| RecordError { batch_index: at as i32, message: Some(why.as_str().into()) })
        .collect();
    if !answer.record_errors.is_empty() {
        answer.error_message = Some("One or more records have been rejected".into());
    } else if matches!(error, BatchError::UnknownMagic(_) | BatchError::BadLength(_)) {
        answer.error_message = Some(error.to_string().as_str().into());
    }
    let log_start_of = error.names_log_start_offset().then_some((owner, partition));
    Refused { answer, log_start_of }
}

/// Refused batches do not travel to their owners, but only these know where their logs begin.
pub async fn fill_log_starts(
    call: &Call,
    wanted: Vec<(Place, (ShardId, PartitionId))>,
    response: &mut ProduceResponse,
) {
    let look = Look::OffsetFor { timestamp: EARLIEST, current_epoch: -1 };
    let questions = wanted.iter().map(|(_, (owner, id))| (*owner, (*id, look.clone()))).collect();
    let outcomes = ask::look(call, questions).await;
    for (((topic, at), _), outcome) in wanted.into_iter().zip(outcomes) {
        if let Some(LookOutcome::Offset(Ok(Some(start)))) = outcome {
            response.topics[topic].partitions[at].log_start_offset = start.offset;
        }
    }
}

pub fn fill(
    answer: &mut ProducePartitionResponse,
    outcome: AppendOutcome,
    log_append_time: Option<TimestampMs>,
) {
    match outcome.result {
        Ok(stored) => {
            answer.base_offset = stored.base_offset.get();
            answer.log_start_offset = outcome.log_start.get();
            let time = stored.duplicate_of.or(log_append_time);
            answer.log_append_time_ms = time.map_or(-1, TimestampMs::get);
        }
        Err(fault) => {
            answer.error = of_fault(&fault);
            if matches!(fault, LogFault::OutOfOrderSequence | LogFault::InvalidProducerEpoch) {
                answer.log_start_offset = outcome.log_start.get();
            }
        }
    }
}

pub fn finish(call: &Call, acks: i16, response: ProduceResponse) -> Answer {
    call.count_errors(&response);
    if acks == 0 {
        let mut partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
        return match partitions.all(|partition| partition.error.is_none()) {
            true => Answer::Nothing,
            false => Answer::Close,
        };
    }
    match response.encode(call.header.correlation_id, call.version()) {
        Ok(bytes) => vec![bytes].into(),
        Err(error) => {
            tracing::error!(%error, "no answer to Produce can be made");
            Answer::Close
        }
    }
}
