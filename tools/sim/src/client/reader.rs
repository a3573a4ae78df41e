//! The last client of a run: writes to every partition once more, and reads all there is.

use std::time::Duration;

use pelton_kafka::wire::describe_configs_request::DescribeConfigsResource;
use pelton_kafka::wire::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use pelton_kafka::wire::{DescribeConfigsRequest, ListOffsetsRequest, MetadataRequest};
use pelton_kafka::{ErrorCode, message, topic_id_of};
use pelton_model::TopicId;
use pelton_model::compression::Compression;

use super::connection::{Connection, Lost};
use super::fetch::{self, Position, Terms};
use super::fetch_session::FetchSession;
use super::produce::{self, Parcel};
use super::producer::now;
use super::records::{self, Stamp};
use super::{CataloguedTopic, World, committed, role, settle};
use crate::history::{FinalLog, FinalTopic, Sender};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const TOPIC_RESOURCE: i8 = 2;

/// Within so many attempts a broker that nothing troubles any more takes a record.
const ATTEMPTS: usize = 50;
const BACKOFF: Duration = Duration::from_millis(100);

/// A topic as Metadata tells it.
pub struct DescribedTopic {
    pub id: TopicId,
    pub name: String,
    pub partitions: i32,
}

/// All topics.
pub async fn describe_topics(connection: &mut Connection) -> Result<Vec<DescribedTopic>, Lost> {
    let request = message!(MetadataRequest { topics: None, allow_auto_topic_creation: false });
    let answer = connection.call(&request, 12).await?;
    let topics = answer.topics.into_iter().map(|topic| DescribedTopic {
        id: topic_id_of(topic.topic_id),
        name: topic.name.map(|name| name.as_str().to_owned()).unwrap_or_default(),
        partitions: topic.partitions.len() as i32,
    });
    Ok(topics.collect())
}

/// ListOffsets for one partition.
pub async fn list_offset(
    connection: &mut Connection,
    topic: &str,
    index: i32,
    time: i64,
) -> Result<Result<i64, ErrorCode>, Lost> {
    let request = message!(ListOffsetsRequest {
        replica_id: -1,
        topics: vec![message!(ListOffsetsTopic {
            name: topic.into(),
            partitions: vec![message!(ListOffsetsPartition {
                partition_index: index,
                timestamp: time,
            })],
        })],
    });
    let answer = connection.call(&request, 7).await?;
    let Some(found) = answer.topics.first().and_then(|topic| topic.partitions.first()) else {
        return Err(connection.incident("a partition is missing in a ListOffsets answer"));
    };
    match ErrorCode::from_code(found.error_code) {
        ErrorCode::None => Ok(Ok(found.offset)),
        error => Ok(Err(error)),
    }
}

/// Writes and reads everywhere; what it finds goes into the history's finals.
pub async fn read_everything(world: &World) -> Result<(), Lost> {
    let mut connection = world.connect().await;
    for group in role::GROUPS {
        committed::read_committed(world, &mut connection, group).await?;
    }
    settle::settle(world, &mut connection).await?;
    for topic in describe_topics(&mut connection).await? {
        if topic.name == committed::OFFSETS_TOPIC {
            // Coordinators write it; what they promise shows in what they tell.
            continue;
        }
        let configs = topic_configs(&mut connection, &topic.name).await?;
        let described = FinalTopic { partitions: topic.partitions, configs };
        world.history.borrow_mut().final_topics.insert(topic.id, described);
        let catalogued =
            CataloguedTopic { id: topic.id, name: topic.name, partitions: topic.partitions };
        for index in 0..topic.partitions {
            write_once(world, &mut connection, &catalogued, index).await?;
            read_all(world, &mut connection, &catalogued, index).await?;
        }
    }
    world.history.borrow_mut().is_read = true;
    Ok(())
}

async fn topic_configs(
    connection: &mut Connection,
    name: &str,
) -> Result<std::collections::BTreeMap<String, String>, Lost> {
    let request = message!(DescribeConfigsRequest {
        resources: vec![message!(DescribeConfigsResource {
            resource_type: TOPIC_RESOURCE,
            resource_name: name.into(),
            configuration_keys: None,
        })],
    });
    let answer = connection.call(&request, 4).await?;
    let Some(found) = answer.results.into_iter().next() else {
        return Err(connection.incident("a DescribeConfigs answer without resources"));
    };
    let configs = found.configs.into_iter().filter_map(|config| {
        Some((config.name.as_str().to_owned(), config.value?.as_str().to_owned()))
    });
    Ok(configs.collect())
}

async fn write_once(
    world: &World,
    connection: &mut Connection,
    topic: &CataloguedTopic,
    index: i32,
) -> Result<(), Lost> {
    let sender = Sender { number: u32::MAX, is_idempotent: false };
    let batch = world.history.borrow_mut().new_batch(sender, (topic.id, index), 1);
    let bytes = records::encode(
        &world.history.borrow().batches[batch],
        Stamp::NONE,
        Compression::None,
        now(world),
    );
    let shipment = vec![Parcel { topic: topic.clone(), index, batch, bytes }];
    for _ in 0..ATTEMPTS {
        produce::send(world, connection, &shipment, -1, 13).await?;
        let outcomes = produce::receive(world, connection, &shipment, 13).await?;
        match outcomes.first().map(|outcome| outcome.error) {
            Some(ErrorCode::None) => return Ok(()),
            Some(ErrorCode::KafkaStorageError) => world.runtime.sleep(BACKOFF).await,
            error => {
                let name = error.map_or("nothing", ErrorCode::name);
                return Err(connection.incident(&format!("the last Produce was answered {name}")));
            }
        }
    }
    Err(connection.incident("a broker that nothing troubles takes no record"))
}

async fn read_all(
    world: &World,
    connection: &mut Connection,
    topic: &CataloguedTopic,
    index: i32,
) -> Result<(), Lost> {
    let mut ends = [0, 0];
    for (end, time) in ends.iter_mut().zip([EARLIEST, LATEST]) {
        *end = match list_offset(connection, &topic.name, index, time).await? {
            Ok(offset) => offset,
            Err(error) => {
                let name = error.name();
                return Err(connection.incident(&format!("the last ListOffsets: {name}")));
            }
        };
    }
    let [start, end] = ends;
    let mut log = FinalLog { start, end, records: Vec::new() };
    let mut offset = start;
    while offset < end {
        let position = Position { topic: topic.clone(), index, offset };
        let terms = Terms { max_wait_ms: 0, min_bytes: 1, partition_bytes: 1 << 20, version: 13 };
        let session = &mut FetchSession::none();
        let found = fetch::fetch(world, connection, &[position], terms, session).await?;
        let Some(Some(found)) = found.first() else { break };
        let read = found.records.iter().filter(|(at, _)| *at >= offset && *at < end);
        let before = log.records.len();
        log.records.extend(read.copied());
        if found.error != ErrorCode::None || log.records.len() == before {
            let (name, at) = (found.error.name(), (topic.id, index));
            return Err(connection.incident(&format!(
                "{at:?} from {start} to {end} cannot be read at {offset}: {name}"
            )));
        }
        offset = log.records.last().map_or(end, |(last, _)| last + 1);
    }
    world.history.borrow_mut().finals.insert((topic.id, index), log);
    Ok(())
}
