//! Produce 3–13 (advertised from 0, KAFKA-18659). Up to 12 topics are named, from 13 they are
//! identified. Acknowledged is what is on stable storage (S1), for acks 1 as for acks -1; acks 0 is
//! answered by nothing, or, on any error, by closing the connection.
//!
//! A partition that stands twice is written once: the last one counts.

mod answer;
mod first_look;

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::future::{FutureExt, LocalBoxFuture};
use pelton_cluster::config::TopicConfig;
use pelton_cluster::topic_name::is_internal;
use pelton_kafka::produce::{
    ProducePartitionResponse, ProduceRequest, ProduceResponse, ProduceTopic, ProduceTopicResponse,
};
use pelton_kafka::{ApiKey, ErrorCode, TopicRef};
use pelton_model::batch::{
    BatchBytes, BatchError, Preparation, Prepared, TimestampType, ValidationRules,
};
use pelton_model::{ShardId, TimestampMs};
use pelton_net::{Charge, Step};

use self::answer::{Refused, failed, fill, fill_log_starts, finish, refused_batch};
use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::dispatch::holding;
use crate::message::{AppendOutcome, BatchToAppend, LogFault, Reply, Request};
use crate::metrics::Phase;

/// All that one batch may take when it has to be unpacked here; beside `max.message.bytes` the one
/// bound on what a small request can make the broker hold.
const DECOMPRESSED_BYTES_MAX: usize = 32 << 20;

/// Where an answer goes: which topic of the request, which of its partitions.
type Place = (usize, usize);

/// Batches of one owner, and where their outcomes go.
#[derive(Default)]
struct Part {
    places: Vec<Place>,
    log_append_times: Vec<Option<TimestampMs>>,
    batches: Vec<BatchToAppend>,
}

/// Validates, and hands every batch to its partition's owner before the connection's next request
/// is read (R2). What remains is waiting.
pub async fn start(call: Call, request: ProduceRequest, charge: Charge) -> Step {
    let acks = request.acks;
    let began = call.shard().env.elapsed();
    if let Some(fault) = first_look::fault(&request) {
        tracing::info!(peer = %call.session.peer, reason = fault.reason, "produce refused");
        call.shard().metrics.count(|figures| {
            *figures.batches_rejected.entry(fault.reason).or_default() += 1;
        });
        let answer = finish(&call, acks, failed(&call, &request, &fault).await);
        return Step::Answer(async move { holding(answer, charge) }.boxed_local());
    }
    let mut response = ProduceResponse::default();
    let mut starts_wanted = Vec::new();
    let mut parts: BTreeMap<ShardId, Part> = BTreeMap::new();
    for topic in &request.topics {
        let last_places = LastPlaces::of(&call, topic).await;
        let mut answers = Vec::with_capacity(topic.partitions.len());
        for (at, partition) in topic.partitions.iter().enumerate() {
            if !last_places.contain(at, partition.index) {
                continue;
            }
            let place = (response.topics.len(), answers.len());
            match admit(&call, acks, &topic.topic, partition.index, &partition.records).await {
                Ok(admitted) => {
                    let part = parts.entry(admitted.owner).or_default();
                    part.places.push(place);
                    part.log_append_times.push(admitted.log_append_time);
                    part.batches.push(admitted.batch);
                    answers.push(ProducePartitionResponse::error(partition.index, ErrorCode::None));
                }
                Err(refused) => {
                    starts_wanted.extend(refused.log_start_of.map(|log| (place, log)));
                    answers.push(refused.answer);
                }
            }
            call.shard().env.breathe().await;
        }
        if !answers.is_empty() {
            let topic = topic.topic.clone();
            response.topics.push(ProduceTopicResponse { topic, partitions: answers });
        }
    }
    let mut waiting = Vec::with_capacity(parts.len());
    for (owner, part) in parts {
        let outcomes = hand_over(&call, owner, part.batches).await;
        waiting.push((part.places, part.log_append_times, outcomes));
    }
    let took = call.shard().env.elapsed() - began;
    call.shard().metrics.phase(ApiKey::PRODUCE, Phase::Local, took);
    let parked = call.shard().metrics.park(ApiKey::PRODUCE);
    let answer = async move {
        let _parked = parked;
        for (places, times, outcomes) in waiting {
            // The outcomes bring back the frame's slices, which are let go here, at home (R6).
            let outcomes = outcomes.await;
            for ((place, time), outcome) in places.into_iter().zip(times).zip(outcomes) {
                let answer = &mut response.topics[place.0].partitions[place.1];
                fill(answer, outcome, time);
            }
        }
        fill_log_starts(&call, starts_wanted, &mut response).await;
        finish(&call, acks, response)
    };
    Step::Answer(answer.map(move |answer| holding(answer, charge)).boxed_local())
}

/// Where in a topic of the request each partition stands for the last time, which is what counts;
/// `None` where there is but one.
struct LastPlaces(Option<BTreeMap<i32, usize>>);

impl LastPlaces {
    /// A request may name a million partitions, so others get the core in between (R8).
    async fn of(call: &Call, topic: &ProduceTopic) -> Self {
        if topic.partitions.len() <= 1 {
            return Self(None);
        }
        let mut places = BTreeMap::new();
        for (at, partition) in topic.partitions.iter().enumerate() {
            places.insert(partition.index, at);
            call.breathe_now_and_then(at).await;
        }
        Self(Some(places))
    }

    fn contain(&self, at: usize, index: i32) -> bool {
        self.0.as_ref().is_none_or(|places| places.get(&index) == Some(&at))
    }
}

/// A batch that its owner may append.
struct Admitted {
    owner: ShardId,
    batch: BatchToAppend,
    /// On topics with LogAppendTime.
    log_append_time: Option<TimestampMs>,
}

async fn admit(
    call: &Call,
    acks: i16,
    topic: &TopicRef,
    index: i32,
    records: &Option<Bytes>,
) -> Result<Admitted, Box<Refused>> {
    let refuse = |error| {
        let answer = ProducePartitionResponse::error(index, error);
        Box::new(Refused { answer, log_start_of: None })
    };
    let unknown = || match topic {
        TopicRef::Name(_) => refuse(ErrorCode::UnknownTopicOrPartition),
        TopicRef::Id(_) => refuse(ErrorCode::UnknownTopicId),
    };
    let shard = call.shard();
    let (name, config) = {
        let view = shard.view.borrow();
        let found = match topic {
            TopicRef::Name(name) => view.cluster.topic(name.as_str()),
            TopicRef::Id(id) => view.cluster.topic_by_id(*id),
        };
        let found = found.ok_or_else(unknown)?;
        (found.name.clone(), shard.topic_config(found))
    };
    if !call.may(Operation::Write, Resource::Topic(&name)) {
        return Err(refuse(ErrorCode::TopicAuthorizationFailed));
    }
    let (partition, owner) =
        call.locate(topic, index).ok_or_else(|| refuse(ErrorCode::UnknownTopicOrPartition))?;
    if is_internal(&name) {
        return Err(refuse(ErrorCode::InvalidTopicException));
    }
    let input = records.clone().ok_or_else(|| refuse(ErrorCode::InvalidRecord))?;
    let now = shard.env.now();
    let rules = rules_of(call, &config, now);
    let prepared = prepare(call, &input, &rules).await;
    if !matches!(acks, -1..=1) && !matches!(&prepared, Err(error) if error.is_of_framing()) {
        return Err(refuse(ErrorCode::InvalidRequiredAcks));
    }
    let prepared = prepared
        .map_err(|error| Box::new(refused_batch(call, (owner, partition), index, &error)))?;
    if prepared.total_bytes() as i64 > config.segment_bytes {
        return Err(refuse(ErrorCode::RecordListTooLarge));
    }
    count_traffic(call, &name, &prepared);
    let log_append_time =
        (config.message_timestamp_type == TimestampType::LogAppendTime).then_some(now);
    Ok(Admitted { owner, batch: BatchToAppend { partition, prepared, input }, log_append_time })
}

/// Checks a batch and, if the topic wants it, recompresses it, without holding the core (R8).
async fn prepare(
    call: &Call,
    input: &[u8],
    rules: &ValidationRules,
) -> Result<Prepared, BatchError> {
    let mut preparation = Preparation::begin(input, rules)?;
    let shard = call.shard();
    if !preparation.needs_codec() {
        loop {
            match preparation.step()? {
                Some(prepared) => return Ok(prepared),
                None => shard.env.breathe().await,
            }
        }
    }
    let _turn = shard.codec_turn.lock().await;
    loop {
        let began = shard.env.elapsed();
        let step = preparation.step();
        let took = shard.env.elapsed() - began;
        shard.metrics.count(|figures| figures.recompress_time += took);
        match step? {
            Some(prepared) => {
                count_recompressed(call, &prepared);
                return Ok(prepared);
            }
            None => shard.env.breathe().await,
        }
    }
}

fn count_recompressed(call: &Call, prepared: &Prepared) {
    if let (BatchBytes::Rewritten(_), Ok(codec)) = (&prepared.bytes, prepared.header.compression())
    {
        call.shard().metrics.count(|figures| {
            *figures.batches_recompressed.entry(codec.name()).or_default() += 1;
        });
    }
}

fn rules_of(call: &Call, config: &TopicConfig, now: TimestampMs) -> ValidationRules {
    let size = |bytes: i64| usize::try_from(bytes).unwrap_or(0);
    ValidationRules {
        max_message_bytes: size(config.max_message_bytes),
        decompressed_record_bytes_max: size(config.max_decompressed_message_bytes),
        decompressed_batch_bytes_max: DECOMPRESSED_BYTES_MAX,
        timestamp_type: config.message_timestamp_type,
        timestamp_before_max_ms: config.message_timestamp_before_max_ms,
        timestamp_after_max_ms: config.message_timestamp_after_max_ms,
        now,
        needs_keys: config.cleanup_policy.compact,
        compression: config.compression,
        produce_version: call.version(),
        validate_compressed: call.shard().with_broker_configs(|broker| {
            broker.text("pelton.validate.compressed") == Some("true")
        }),
    }
}

fn count_traffic(call: &Call, topic: &str, prepared: &Prepared) {
    call.shard().metrics.count(|figures| {
        figures.count_traffic(topic, |traffic| {
            traffic.bytes_received += prepared.total_bytes() as u64;
            traffic.records_produced += prepared.header.record_count as u64;
        });
        figures.batch_sizes.record(prepared.total_bytes() as u64);
    });
}

/// Gives batches to their owner, in order; what is left is waiting for the device.
async fn hand_over(
    call: &Call,
    owner: ShardId,
    batches: Vec<BatchToAppend>,
) -> LocalBoxFuture<'static, Vec<AppendOutcome>> {
    let shard = call.shard();
    if owner == shard.id {
        return shard.append(batches).await.durable().boxed_local();
    }
    let count = batches.len();
    let (metered, sent) = (shard.clone(), shard.env.elapsed());
    let pending = call.send(owner, Request::Append(batches)).await;
    async move {
        let why = match pending {
            Some(pending) => match pending.reply().await {
                Reply::Appended(outcomes) => {
                    let took = metered.env.elapsed() - sent;
                    metered.metrics.phase(ApiKey::PRODUCE, Phase::Hop, took);
                    return outcomes;
                }
                Reply::Failed(why) => why,
                _ => "not an answer to an append".to_owned(),
            },
            None => "the shard has stopped".to_owned(),
        };
        let lost = || AppendOutcome {
            result: Err(LogFault::Storage(why.clone())),
            log_start: pelton_model::Offset::new(-1),
            input: Bytes::new(),
        };
        (0..count).map(|_| lost()).collect()
    }
    .boxed_local()
}
