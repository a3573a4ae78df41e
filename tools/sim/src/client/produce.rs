//! Produce requests and their answers, by partition.

use std::collections::BTreeMap;

use bytes::Bytes;
use pelton_kafka::produce::{
    ProducePartition, ProduceRequest, ProduceResponse, ProduceTopic, VERSIONS,
};
use pelton_kafka::{ApiKey, ErrorCode, TopicRef};
use pelton_storage::disk::sim::Random;

use super::connection::{CLIENT_ID, Connection, Lost};
use super::{CataloguedTopic, World};
use crate::history::{BatchId, Partition};

/// From here on topics go by their ids.
const BY_ID_VERSION: i16 = 13;

/// From here on every codec is allowed (KIP-110).
const ALL_CODECS_VERSION: i16 = 7;

pub fn any_version(random: &mut Random) -> i16 {
    let versions = u64::from(VERSIONS.max.abs_diff(ALL_CODECS_VERSION)) + 1;
    ALL_CODECS_VERSION + random.below(versions) as i16
}

/// A batch on its way.
#[derive(Clone)]
pub struct Parcel {
    pub topic: CataloguedTopic,
    pub index: i32,
    pub batch: BatchId,
    pub bytes: Bytes,
}

impl Parcel {
    pub fn partition(&self) -> Partition {
        (self.topic.id, self.index)
    }
}

/// A request's parcels, at most one to a partition.
pub type Shipment = Vec<Parcel>;

/// What became of one parcel.
pub struct Outcome {
    pub error: ErrorCode,
    pub base_offset: i64,
}

/// Sends one request; with acks 0 no answer will come.
pub async fn send(
    world: &World,
    connection: &mut Connection,
    shipment: &Shipment,
    acks: i16,
    version: i16,
) -> Result<(), Lost> {
    let version = version_for(shipment, version);
    let mut topics: Vec<ProduceTopic> = Vec::new();
    for parcel in shipment {
        world.history.borrow_mut().batches[parcel.batch].attempts += 1;
        let topic = match version >= BY_ID_VERSION {
            true => TopicRef::Id(parcel.topic.id),
            false => TopicRef::Name((*parcel.topic.name).into()),
        };
        let partition =
            ProducePartition { index: parcel.index, records: Some(parcel.bytes.clone()) };
        match topics.iter_mut().find(|other| other.topic == topic) {
            Some(other) => other.partitions.push(partition),
            None => topics.push(ProduceTopic { topic, partitions: vec![partition] }),
        }
    }
    let request = ProduceRequest { transactional_id: None, acks, timeout_ms: 30_000, topics };
    let id = connection.next_id();
    let frame = request.encode(id, CLIENT_ID, version).expect("what is served can be written");
    connection.send(frame.into_pieces(), (acks != 0).then_some(id)).await
}

/// Waits for the answer to the oldest unanswered shipment; the outcomes are in its order.
pub async fn receive(
    world: &World,
    connection: &mut Connection,
    shipment: &Shipment,
    version: i16,
) -> Result<Vec<Outcome>, Lost> {
    let version = version_for(shipment, version);
    let frame = connection.receive().await?;
    let body = connection.body(frame, ApiKey::PRODUCE, version)?;
    let answer = ProduceResponse::decode(body, version)
        .map_err(|error| connection.incident(&format!("a Produce answer: {error}")))?;
    let mut answers: BTreeMap<Partition, Outcome> = BTreeMap::new();
    for topic in &answer.topics {
        let id = match &topic.topic {
            TopicRef::Id(id) => Some(*id),
            TopicRef::Name(name) => shipment
                .iter()
                .find(|parcel| *parcel.topic.name == *name.as_str())
                .map(|parcel| parcel.topic.id),
        };
        for partition in &topic.partitions {
            let outcome = Outcome { error: partition.error, base_offset: partition.base_offset };
            let Some(id) = id else { continue };
            answers.insert((id, partition.index), outcome);
        }
    }
    let mut outcomes = Vec::with_capacity(shipment.len());
    for parcel in shipment {
        match answers.remove(&parcel.partition()) {
            Some(outcome) => outcomes.push(outcome),
            None => return Err(connection.incident("a partition is missing in a Produce answer")),
        }
    }
    // The shared log of what was told.
    let life = world.machine.life();
    for (parcel, outcome) in shipment.iter().zip(&outcomes) {
        if outcome.error == ErrorCode::None {
            world.history.borrow_mut().acknowledge(parcel.batch, outcome.base_offset, life);
        }
    }
    Ok(outcomes)
}

/// A name may come to mean another topic; then only the id will do.
fn version_for(shipment: &Shipment, version: i16) -> i16 {
    match shipment.iter().all(|parcel| parcel.topic.has_lasting_name()) {
        true => version,
        false => BY_ID_VERSION,
    }
}
