//! Fetch requests and their answers, by partition.

use pelton_kafka::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use pelton_kafka::{ApiKey, ErrorCode, TopicRef};

use super::connection::{CLIENT_ID, Connection, Lost};
use super::fetch_session::FetchSession;
use super::{CataloguedTopic, World, records};
use crate::history::{Partition, RecordId, Sighting};

/// From here on topics go by their ids.
const BY_ID_VERSION: i16 = 13;

/// Where somebody wants to read.
#[derive(Clone)]
pub struct Position {
    pub topic: CataloguedTopic,
    pub index: i32,
    pub offset: i64,
}

impl Position {
    pub fn partition(&self) -> Partition {
        (self.topic.id, self.index)
    }
}

/// How to read.
#[derive(Clone, Copy)]
pub struct Terms {
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    pub partition_bytes: i32,
    pub version: i16,
}

/// What was read of one partition.
pub struct Found {
    pub error: ErrorCode,
    pub log_start: i64,
    pub records: Vec<(i64, Option<RecordId>)>,
}

/// Reads once; what was found is in the order of `positions`, of which each partition has one, and
/// `None` where the session has no news. Records and ends go into the history.
pub async fn fetch(
    world: &World,
    connection: &mut Connection,
    positions: &[Position],
    terms: Terms,
    session: &mut FetchSession,
) -> Result<Vec<Option<Found>>, Lost> {
    let by_name = positions.iter().all(|position| position.topic.has_lasting_name());
    let version = if by_name { terms.version } else { terms.version.max(BY_ID_VERSION) };
    let mut topics: Vec<FetchTopic> = Vec::new();
    for position in positions.iter().filter(|position| session.must_tell(position)) {
        let topic = match version >= BY_ID_VERSION {
            true => TopicRef::Id(position.topic.id),
            false => TopicRef::Name((*position.topic.name).into()),
        };
        let partition = FetchPartition::new(position.index, position.offset, terms.partition_bytes);
        match topics.iter_mut().find(|other| other.topic == topic) {
            Some(other) => other.partitions.push(partition),
            None => topics.push(FetchTopic { topic, partitions: vec![partition] }),
        }
    }
    let (session_id, session_epoch) = session.id_and_epoch();
    let request = FetchRequest {
        max_wait_ms: terms.max_wait_ms,
        min_bytes: terms.min_bytes,
        max_bytes: 1 << 20,
        session_id,
        session_epoch,
        topics,
        ..FetchRequest::default()
    };
    let id = connection.next_id();
    let frame = request.encode(id, CLIENT_ID, version).expect("what is served can be written");
    connection.send(frame.into_pieces(), Some(id)).await?;
    let frame = connection.receive().await?;
    let body = connection.body(frame, ApiKey::FETCH, version)?;
    let answer = FetchResponse::decode(body, version)
        .map_err(|error| connection.incident(&format!("a Fetch answer: {error}")))?;
    if session.is_gone(answer.error) {
        return Ok(positions.iter().map(|_| None).collect());
    }
    if answer.error != ErrorCode::None {
        return Err(connection.incident(&format!("a Fetch was answered {}", answer.error.name())));
    }
    let mut found = Vec::with_capacity(positions.len());
    for position in positions {
        let of_topic = answer.topics.iter().find(|topic| match &topic.topic {
            TopicRef::Id(id) => *id == position.topic.id,
            TopicRef::Name(name) => name.as_str() == position.topic.name,
        });
        let answered = of_topic
            .and_then(|topic| topic.partitions.iter().find(|it| it.index == position.index));
        let Some(answered) = answered else {
            if session.is_incremental() {
                found.push(None);
                continue;
            }
            return Err(connection.incident("a partition is missing in a Fetch answer"));
        };
        let slices = answered.records.as_deref().unwrap_or_default();
        let records = records::decode(slices, position.partition())
            .map_err(|why| connection.incident(&format!("{:?}: {why}", position.partition())))?;
        if answered.error == ErrorCode::None {
            note(world, position, answered.high_watermark, &records);
        }
        let log_start = answered.log_start_offset;
        found.push(Some(Found { error: answered.error, log_start, records }));
    }
    session.advance(answer.session_id, positions);
    Ok(found)
}

fn note(
    world: &World,
    position: &Position,
    high_watermark: i64,
    records: &[(i64, Option<RecordId>)],
) {
    let (partition, life) = (position.partition(), world.machine.life());
    let mut history = world.history.borrow_mut();
    history.told_end(partition, high_watermark);
    // A batch comes whole, also where only its end was asked for.
    let seen = records.iter().map(|&(offset, record)| Sighting {
        partition,
        offset,
        record,
        high_watermark,
        life,
    });
    history.sightings.extend(seen);
}
