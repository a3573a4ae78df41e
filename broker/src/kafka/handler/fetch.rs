//! Fetch 4–18. Up to 12 topics are named, from 13 they are identified. The first partition with
//! anything serves its first batch whole, whatever the limits; after that they hold. With nothing
//! to answer it waits for `min_bytes` or `max_wait_ms`, woken by appends (R5), holding no buffer.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture, select, select_all};
use pelton_kafka::fetch::{
    EpochEndOffset, FetchPartition, FetchPartitionResponse, FetchRequest, FetchResponse,
    FetchTopicResponse,
};
use pelton_kafka::{ErrorCode, TopicRef};
use pelton_model::{Offset, PartitionId, ShardId};
use pelton_net::{Answer, StopSignal};

use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::of_fault;
use crate::message::{LogFault, PartitionToRead, ReadBytes, Reply, Request};
use crate::router::Pending;

/// A consumer; brokers fetch by our own protocol.
const CONSUMER: i32 = -1;
/// What a debugging consumer of old calls itself.
const DEBUGGER: i32 = -2;

/// One partition of the request, in its order.
pub struct Wanted {
    pub topic: TopicRef,
    pub partition: FetchPartition,
}

/// What became of it.
enum Plan {
    Answered(FetchPartitionResponse),
    Read { id: PartitionId, owner: ShardId, name: String },
}

pub async fn handle(call: Call, request: FetchRequest) -> Answer {
    let response = respond(&call, request).await;
    match response.encode(call.header.correlation_id, call.version()) {
        Ok(frame) => frame.into_pieces().into(),
        Err(error) => {
            tracing::error!(%error, "no answer to Fetch can be made");
            Answer::Close
        }
    }
}

async fn respond(call: &Call, request: FetchRequest) -> FetchResponse {
    let wanted: Vec<Wanted> = request
        .topics
        .iter()
        .flat_map(|topic| {
            topic
                .partitions
                .iter()
                .map(|partition| Wanted { topic: topic.topic.clone(), partition: *partition })
        })
        .collect();
    let failure = match request.replica_id {
        CONSUMER | DEBUGGER => match request.isolation_level {
            0 | 1 => None,
            _ => Some(ErrorCode::UnknownServerError),
        },
        _ => Some(ErrorCode::NotLeaderOrFollower),
    };
    if let Some(error) = failure {
        let failed =
            wanted.iter().map(|it| FetchPartitionResponse::error(it.partition.index, error));
        let failed = failed.collect();
        let top = match error {
            ErrorCode::UnknownServerError => error,
            _ => ErrorCode::None,
        };
        return FetchResponse { error: top, ..grouped(&wanted, failed) };
    }
    let answers = fetch(call, &request, &wanted).await;
    grouped(&wanted, answers)
}

/// Puts the answers, in the order of the request, under their topics.
fn grouped(wanted: &[Wanted], answers: Vec<FetchPartitionResponse>) -> FetchResponse {
    let mut response = FetchResponse::default();
    for (wanted, answer) in wanted.iter().zip(answers) {
        match response.topics.last_mut() {
            Some(last) if last.topic == wanted.topic => last.partitions.push(answer),
            _ => response
                .topics
                .push(FetchTopicResponse { topic: wanted.topic.clone(), partitions: vec![answer] }),
        }
    }
    response
}

/// Reads until there is enough, or an error, or the time is up.
pub async fn fetch(
    call: &Call,
    request: &FetchRequest,
    wanted: &[Wanted],
) -> Vec<FetchPartitionResponse> {
    let env = call.shard().env.clone();
    let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let deadline = env.elapsed() + wait;
    let bytes_min = usize::try_from(request.min_bytes.min(request.max_bytes.max(0))).unwrap_or(0);
    let mut bytes_before = None;
    loop {
        let plans: Vec<Plan> = wanted.iter().map(|it| plan(call, it, request)).collect();
        let mut positions: BTreeMap<ShardId, Vec<(PartitionId, Offset)>> = BTreeMap::new();
        for (plan, wanted) in plans.iter().zip(wanted) {
            if let Plan::Read { id, owner, .. } = plan {
                let offset = Offset::new(wanted.partition.fetch_offset);
                positions.entry(*owner).or_default().push((*id, offset));
            }
        }
        let (answers, bytes) = read(call, request, wanted, plans).await;
        let settled = answers
            .iter()
            .any(|answer| !answer.error.is_none() || answer.diverging_epoch.is_some());
        let now = env.elapsed();
        if settled
            || bytes >= bytes_min
            // Woken for what this answer cannot hold: more of it would wake at once again.
            || bytes_before.is_some_and(|before| bytes <= before)
            || positions.is_empty()
            || now >= deadline
            || call.shard().stop.is_given()
        {
            return answers;
        }
        // Not enough: what was read is let go, so that waiting holds no memory.
        drop(answers);
        bytes_before = Some(bytes);
        park(call, positions, bytes_min, deadline - now).await;
    }
}

fn plan(call: &Call, wanted: &Wanted, request: &FetchRequest) -> Plan {
    let index = wanted.partition.index;
    let unknown = |error| {
        let mut answer = FetchPartitionResponse::error(index, error);
        answer.aborted_transactions = Some(Vec::new());
        Plan::Answered(answer)
    };
    let name = {
        let view = call.shard().view.borrow();
        let topic = match &wanted.topic {
            TopicRef::Name(name) => view.cluster.topic(name.as_str()),
            TopicRef::Id(id) => view.cluster.topic_by_id(*id),
        };
        match (topic, &wanted.topic) {
            (Some(topic), _) => topic.name.to_string(),
            (None, TopicRef::Name(_)) => return unknown(ErrorCode::UnknownTopicOrPartition),
            (None, TopicRef::Id(_)) => return unknown(ErrorCode::UnknownTopicId),
        }
    };
    if !call.may(Operation::Read, Resource::Topic(&name)) {
        return unknown(ErrorCode::TopicAuthorizationFailed);
    }
    if request.max_bytes < 0 || wanted.partition.max_bytes < 0 {
        return Plan::Answered(FetchPartitionResponse::error(index, ErrorCode::UnknownServerError));
    }
    match call.locate(&wanted.topic, index) {
        Some((id, owner)) => Plan::Read { id, owner, name },
        None => unknown(ErrorCode::UnknownTopicOrPartition),
    }
}

/// One read at every owner, within the request's limits; one message per owner and round (R4).
async fn read(
    call: &Call,
    request: &FetchRequest,
    wanted: &[Wanted],
    plans: Vec<Plan>,
) -> (Vec<FetchPartitionResponse>, usize) {
    let limit = usize::try_from(request.max_bytes).unwrap_or(0);
    let mut owners: Vec<ShardId> = plans
        .iter()
        .filter_map(|plan| match plan {
            Plan::Read { owner, .. } => Some(*owner),
            Plan::Answered(_) => None,
        })
        .collect();
    owners.sort();
    owners.dedup();
    let share = limit / owners.len().max(1);
    let mut granted: BTreeMap<ShardId, usize> =
        owners.iter().map(|owner| (*owner, share)).collect();
    let mut items = Vec::new();
    let mut places = Vec::new();
    for (at, (plan, wanted)) in plans.iter().zip(wanted).enumerate() {
        let Plan::Read { id, owner, .. } = plan else { continue };
        let left = granted.entry(*owner).or_default();
        let bytes_max = usize::try_from(wanted.partition.max_bytes).unwrap_or(0).min(*left);
        places.push(at);
        items.push((
            *owner,
            PartitionToRead {
                partition: *id,
                offset: Offset::new(wanted.partition.fetch_offset),
                bytes_max,
                // Every partition may give one batch here; the surplus is dropped below, where the
                // order of the request is known.
                at_least_one: true,
                current_epoch: wanted.partition.current_leader_epoch,
                last_fetched_epoch: wanted.partition.last_fetched_epoch,
            },
        ));
    }
    let outcomes = call
        .ask_owners(items, Request::Read, |reply| match reply {
            Reply::Read(outcomes) => Some(outcomes),
            _ => None,
        })
        .await;
    let mut answers: Vec<FetchPartitionResponse> = Vec::with_capacity(wanted.len());
    let mut outcomes = places.into_iter().zip(outcomes).peekable();
    let mut total = 0;
    for (at, (plan, wanted)) in plans.into_iter().zip(wanted).enumerate() {
        let index = wanted.partition.index;
        let name = match plan {
            Plan::Answered(answer) => {
                answers.push(answer);
                continue;
            }
            Plan::Read { name, .. } => name,
        };
        let outcome = outcomes.next_if(|(place, _)| *place == at).and_then(|(_, outcome)| outcome);
        let answer = match outcome.map(|outcome| outcome.result) {
            Some(Ok(read)) => {
                let partition_max = usize::try_from(wanted.partition.max_bytes).unwrap_or(0);
                let answer =
                    served(index, read, limit.saturating_sub(total), partition_max, total == 0);
                let bytes = answer.records_bytes();
                total += bytes;
                count_traffic(call, &name, bytes);
                answer
            }
            Some(Err(LogFault::NotHere)) => {
                FetchPartitionResponse::error(index, ErrorCode::UnknownTopicOrPartition)
            }
            Some(Err(fault)) => FetchPartitionResponse::error(index, of_fault(&fault)),
            None => FetchPartitionResponse::error(index, ErrorCode::KafkaStorageError),
        };
        answers.push(with_isolation(answer, request.isolation_level));
    }
    (answers, total)
}

/// What fits of a read: whole batches within the limits, the first of all in any case.
fn served(
    index: i32,
    read: ReadBytes,
    room: usize,
    partition_max: usize,
    is_first: bool,
) -> FetchPartitionResponse {
    let mut answer = FetchPartitionResponse::error(index, ErrorCode::None);
    answer.high_watermark = read.high_watermark;
    answer.last_stable_offset = read.high_watermark;
    answer.log_start_offset = read.log_start;
    answer.diverging_epoch =
        read.diverging.map(|(epoch, end_offset)| EpochEndOffset { epoch, end_offset });
    let mut bytes = 0;
    let mut records = Vec::new();
    for slice in read.slices {
        let fits = bytes + slice.len() <= room.min(partition_max);
        let is_served = fits || (is_first && records.is_empty());
        if !is_served {
            break;
        }
        bytes += slice.len();
        records.push(slice);
    }
    answer.records = Some(records);
    answer
}

/// Nothing is ever aborted yet: none for read_committed, and none asked for otherwise.
fn with_isolation(
    mut answer: FetchPartitionResponse,
    isolation_level: i8,
) -> FetchPartitionResponse {
    if answer.error.is_none() && isolation_level == 1 {
        answer.aborted_transactions = Some(Vec::new());
    }
    answer
}

fn count_traffic(call: &Call, topic: &str, bytes: usize) {
    if bytes > 0 {
        call.shard().metrics.count(|figures| {
            figures.topics.entry(topic.to_owned()).or_default().bytes_sent += bytes as u64;
        });
    }
}

/// Waits at every owner for `bytes_min`; the first that has news, or the time, ends all waits.
async fn park(
    call: &Call,
    positions: BTreeMap<ShardId, Vec<(PartitionId, Offset)>>,
    bytes_min: usize,
    wait: Duration,
) {
    let shard = call.shard();
    // With several owners each can only see its part, so each tells of any news.
    let bytes_min = if positions.len() == 1 { bytes_min } else { 1 };
    let here = StopSignal::new();
    let mut local: Option<LocalBoxFuture<'_, ()>> = None;
    let mut remote = Vec::new();
    for (owner, positions) in positions {
        if owner == shard.id {
            local = Some(shard.wait_for_bytes(positions, bytes_min, here.clone()).boxed_local());
        } else if let Some(pending) =
            call.send(owner, Request::Await { positions, bytes_min }).await
        {
            remote.push(pending);
        }
    }
    let mut waits: Vec<LocalBoxFuture<'_, ()>> = local.into_iter().collect();
    waits.push(shard.stop.stopped().boxed_local());
    let handles: Vec<_> = remote.iter().map(Pending::canceller).collect();
    waits.extend(
        remote.into_iter().map(|pending| async { drop(pending.reply().await) }.boxed_local()),
    );
    drop(select(select_all(waits), shard.env.sleep(wait)).await);
    // The waits that are left are told that nobody listens.
    for handle in handles {
        handle.cancel().await;
    }
}
