//! Fetch 4–18. Up to 12 topics are named, from 13 they are identified. The first partition with
//! anything serves its first batch whole, whatever the limits; after that they hold. With nothing
//! to answer it waits for `min_bytes` or `max_wait_ms`, woken by appends (R5), holding no buffer.
//! Partitions that no read can be planned for are answered behind those that are read, and do not
//! cut the wait for these short.

mod park;
mod plan;
mod read;

use pelton_kafka::ErrorCode;
use pelton_kafka::fetch::{
    FetchPartitionResponse, FetchRequest, FetchResponse, FetchTopicResponse,
};
use pelton_net::{Answer, Charge, Reply};

use crate::kafka::context::Call;
use crate::kafka::fetch_session::{Answered, Begun};

/// From here on topics are identified.
const FIRST_WITH_IDS: i16 = 13;
/// Up to here clients do not know [`ErrorCode::KafkaStorageError`].
const LAST_WITHOUT_STORAGE_ERROR: i16 = 5;

pub async fn handle(call: Call, request: FetchRequest) -> Answer {
    let (response, cargo) = respond(&call, request).await;
    call.count_errors(&response);
    match response.encode(call.header.correlation_id, call.version()) {
        Ok(frame) => Answer::Reply(Reply::new(frame.into_pieces()).carrying(cargo)),
        Err(error) => {
            tracing::error!(%error, "no answer to Fetch can be made");
            Answer::Close
        }
    }
}

/// The answer, and what its records are charged.
async fn respond(call: &Call, request: FetchRequest) -> (FetchResponse, Option<Charge>) {
    let shard = call.shard();
    let by_id = call.version() >= FIRST_WITH_IDS;
    let begun = shard.fetch_sessions.borrow_mut().begin(shard.env.elapsed(), &request, by_id);
    let (turn, wanted) = match begun {
        Begun::Wanted { turn, wanted } => (turn, wanted),
        Begun::Refused(error) => {
            return (FetchResponse { error, ..FetchResponse::default() }, None);
        }
    };
    let (reads, failed) = plan::plan(call, &request, wanted);
    if !reads.is_empty() && !matches!(request.isolation_level, 0 | 1) {
        return (not_understood(&request, by_id), None);
    }
    let (mut answers, cargo) = read::until_enough(call, &request, reads).await;
    answers.extend(failed);
    for answered in &mut answers {
        suit_version(call.version(), &mut answered.response);
    }
    let finished = shard.fetch_sessions.borrow_mut().finish(
        shard.env.elapsed(),
        turn,
        &mut answers,
        shard.env.random(),
    );
    let (error, session_id) = (finished.error, finished.session_id);
    (FetchResponse { error, session_id, ..grouped(answers) }, cargo)
}

/// The answer to an isolation level that there is not.
fn not_understood(request: &FetchRequest, by_id: bool) -> FetchResponse {
    let error = ErrorCode::UnknownServerError;
    let mut response =
        FetchResponse { error, session_id: request.session_id, ..FetchResponse::default() };
    if !by_id {
        let topics = request.topics.iter().map(|topic| FetchTopicResponse {
            topic: topic.topic.clone(),
            partitions: topic.partitions.iter().map(|it| failure(it.index, error)).collect(),
        });
        response.topics = topics.collect();
    }
    response
}

/// Puts the answers, in their order, under their topics.
fn grouped(answers: Vec<Answered>) -> FetchResponse {
    let mut response = FetchResponse::default();
    for Answered { wanted, response: partition } in answers {
        match response.topics.last_mut() {
            Some(last) if last.topic == wanted.topic => last.partitions.push(partition),
            _ => response
                .topics
                .push(FetchTopicResponse { topic: wanted.topic, partitions: vec![partition] }),
        }
    }
    response
}

/// An error from outside the log, which Kafka answers with no transactions rather than with null.
fn failure(index: i32, error: ErrorCode) -> FetchPartitionResponse {
    let aborted_transactions = Some(Vec::new());
    FetchPartitionResponse { aborted_transactions, ..FetchPartitionResponse::error(index, error) }
}

fn suit_version(version: i16, response: &mut FetchPartitionResponse) {
    if version <= LAST_WITHOUT_STORAGE_ERROR && response.error == ErrorCode::KafkaStorageError {
        response.error = ErrorCode::NotLeaderOrFollower;
    }
}
