//! Reading at the owners, and again until there is enough.

use std::collections::BTreeSet;
use std::time::Duration;

use pelton_kafka::fetch::{EpochEndOffset, FetchPartitionResponse, FetchRequest};
use pelton_kafka::{ApiKey, ErrorCode};
use pelton_model::batch::BatchHeader;
use pelton_model::{Offset, PartitionId, ShardId};
use pelton_net::{Budget, Charge};

use super::park;
use super::plan::{Place, Read};
use crate::kafka::context::Call;
use crate::kafka::errors::of_fault;
use crate::kafka::fetch_session::{Answered, Wanted};
use crate::message::{LogFault, PartitionToRead, ReadBytes, ReadOutcome, Reply, Request};

/// Reads until there is enough, or an error, or the time is up. Gives the answers, and what their
/// records are charged.
pub async fn until_enough(
    call: &Call,
    request: &FetchRequest,
    reads: Vec<Read>,
) -> (Vec<Answered>, Option<Charge>) {
    let env = call.shard().env.clone();
    let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let deadline = env.elapsed() + wait;
    let broker_max = call.shard().with_broker_configs(|broker| broker.integer("fetch.max.bytes"));
    let bytes_max = usize::try_from(i64::from(request.max_bytes).min(broker_max)).unwrap_or(0);
    let bytes_min = usize::try_from(request.min_bytes).unwrap_or(0).min(bytes_max);
    let mut bytes_before = None;
    let (mut responses, bytes) = loop {
        let (responses, bytes) = read(call, request, bytes_max, &reads).await;
        let is_settled =
            responses.iter().any(|it| !it.error.is_none() || it.diverging_epoch.is_some());
        let now = env.elapsed();
        if reads.is_empty()
            || is_settled
            || bytes >= bytes_min
            // Woken for what this answer cannot hold: more of it would wake at once again.
            || bytes_before.is_some_and(|before| bytes <= before)
            || now >= deadline
            || call.shard().stop.is_given()
        {
            break (responses, bytes);
        }
        // Not enough: what was read is let go, so that waiting holds no memory.
        let waits = park::waits(&reads, &responses, bytes_min);
        drop(responses);
        bytes_before = Some(bytes);
        call.session.fetch_parked.set(true);
        let parked = call.shard().metrics.park(ApiKey::FETCH);
        park::park(call, waits, deadline - now).await;
        drop(parked);
    };
    let cargo = charge(&call.shard().answers, &mut responses, bytes);
    let mut answers = Vec::with_capacity(reads.len());
    for (read, response) in reads.into_iter().zip(responses) {
        count_traffic(call, read.wanted.topic_name(), &response);
        answers.push(Answered { wanted: read.wanted, response });
    }
    (answers, cargo)
}

/// Charges the records of an answer, so many bytes, until it has been sent. What the budget has no
/// room for is left out, for the next fetch; the first batch of all is not, charged or not, so that
/// every client gets on.
fn charge(
    budget: &Budget,
    responses: &mut [FetchPartitionResponse],
    bytes: usize,
) -> Option<Charge> {
    let charge = budget.try_acquire(bytes);
    if charge.is_some() {
        return charge;
    }
    let mut room = budget.capacity_bytes().saturating_sub(budget.in_use_bytes());
    let mut kept_bytes = 0;
    for records in responses.iter_mut().filter_map(|response| response.records.as_mut()) {
        let fits = records.iter().take_while(|batch| {
            let fits = kept_bytes == 0 || batch.len() <= room;
            room = if fits { room.saturating_sub(batch.len()) } else { 0 };
            kept_bytes += if fits { batch.len() } else { 0 };
            fits
        });
        let count = fits.count();
        records.truncate(count);
    }
    budget.try_acquire(kept_bytes)
}

/// One read at every owner, within the limits; one message per owner and round (R4).
async fn read(
    call: &Call,
    request: &FetchRequest,
    bytes_max: usize,
    reads: &[Read],
) -> (Vec<FetchPartitionResponse>, usize) {
    let allowed = || {
        reads.iter().filter_map(|read| match read.place {
            Place::At(owner, id) => Some((owner, id, &read.wanted)),
            Place::Refused(_) => None,
        })
    };
    let owners: BTreeSet<ShardId> = allowed().map(|(owner, ..)| owner).collect();
    let share = bytes_max / owners.len().max(1);
    let items = allowed().map(|(owner, id, wanted)| (owner, question(id, wanted))).collect();
    let outcomes = call
        .ask_owners(
            items,
            |partitions| Request::Read { partitions, bytes_max: share },
            |reply| match reply {
                Reply::Read(outcomes) => Some(outcomes),
                _ => None,
            },
        )
        .await;
    let mut outcomes = outcomes.into_iter();
    let mut total = 0;
    let mut responses = Vec::with_capacity(reads.len());
    for (at, Read { wanted, place }) in reads.iter().enumerate() {
        let response = match place {
            Place::Refused(error) => FetchPartitionResponse::error(wanted.partition.index, *error),
            Place::At(..) => {
                let room = Room {
                    bytes: bytes_max.saturating_sub(total),
                    is_first: total == 0,
                    is_below_zero: at == 0 && request.max_bytes < 0,
                };
                response_of(wanted, outcomes.next().flatten(), room, request.isolation_level)
            }
        };
        total += response.records_bytes();
        responses.push(response);
    }
    (responses, total)
}

fn question(id: PartitionId, wanted: &Wanted) -> PartitionToRead {
    let partition = &wanted.partition;
    PartitionToRead {
        partition: id,
        offset: Offset::new(partition.fetch_offset),
        bytes_max: usize::try_from(partition.max_bytes).unwrap_or(0),
        current_epoch: partition.current_leader_epoch,
        last_fetched_epoch: partition.last_fetched_epoch,
    }
}

/// What the answer can still take.
#[derive(Clone, Copy)]
struct Room {
    bytes: usize,
    /// Nothing is in the answer yet.
    is_first: bool,
    /// What the client asks for; as in Kafka that is an error for the first partition, and nothing
    /// for the others.
    is_below_zero: bool,
}

fn response_of(
    wanted: &Wanted,
    outcome: Option<ReadOutcome>,
    room: Room,
    isolation_level: i8,
) -> FetchPartitionResponse {
    let index = wanted.partition.index;
    let partition_max = usize::try_from(wanted.partition.max_bytes).unwrap_or(0);
    match outcome.map(|outcome| outcome.result) {
        // Only where there would be records: the limit is not looked at before.
        Some(Ok(read))
            if (room.is_below_zero || wanted.partition.max_bytes < 0)
                && read.diverging.is_none()
                && wanted.partition.fetch_offset < read.high_watermark =>
        {
            FetchPartitionResponse::error(index, ErrorCode::UnknownServerError)
        }
        Some(Ok(read)) => {
            let limit = room.bytes.min(partition_max);
            let is_at_end = wanted.partition.fetch_offset >= read.high_watermark;
            let mut response = served(index, read, room, partition_max);
            // Nothing is ever aborted yet: none for read_committed, and none asked for otherwise.
            // Kafka knows of none either where what it may read is no whole batch, or where the
            // client's log has diverged.
            let is_cut = !is_at_end && limit > 0 && response.records_bytes() == 0;
            let is_told = isolation_level == 1 && !is_cut && response.diverging_epoch.is_none();
            response.aborted_transactions = is_told.then(Vec::new);
            response
        }
        Some(Err(LogFault::NotHere)) => {
            FetchPartitionResponse::error(index, ErrorCode::UnknownTopicOrPartition)
        }
        Some(Err(fault)) => FetchPartitionResponse::error(index, of_fault(&fault)),
        None => FetchPartitionResponse::error(index, ErrorCode::KafkaStorageError),
    }
}

/// What fits of a read: whole batches within the limits, the first of all in any case.
fn served(index: i32, read: ReadBytes, room: Room, partition_max: usize) -> FetchPartitionResponse {
    let mut answer = FetchPartitionResponse::error(index, ErrorCode::None);
    answer.high_watermark = read.high_watermark;
    answer.last_stable_offset = read.high_watermark;
    answer.log_start_offset = read.log_start;
    answer.diverging_epoch =
        read.diverging.map(|(epoch, end_offset)| EpochEndOffset { epoch, end_offset });
    let mut bytes = 0;
    let mut records = Vec::new();
    for slice in read.slices {
        let fits = bytes + slice.len() <= room.bytes.min(partition_max);
        let is_served = fits || (room.is_first && records.is_empty());
        if !is_served {
            break;
        }
        bytes += slice.len();
        records.push(slice);
    }
    answer.records = Some(records);
    answer
}

/// Each slice is a batch, whose header says how many records are in it: also after compaction, and
/// also those before the offset that was asked for, which the client skips.
fn count_traffic(call: &Call, topic: &str, response: &FetchPartitionResponse) {
    let Some(batches) = response.records.as_ref().filter(|batches| !batches.is_empty()) else {
        return;
    };
    let records: u64 =
        batches.iter().map(|batch| u64::from(BatchHeader::record_count_of(batch))).sum();
    call.shard().metrics.count(|figures| {
        figures.count_traffic(topic, |traffic| {
            traffic.bytes_sent += response.records_bytes() as u64;
            traffic.records_fetched += records;
        });
    });
}
