//! An operator: topics come, grow and go, records are deleted, configs change. There is one in a
//! run, so that the order of its wishes is known.

use std::time::Duration;

use pelton_kafka::wire::create_partitions_request::CreatePartitionsTopic;
use pelton_kafka::wire::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use pelton_kafka::wire::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use pelton_kafka::wire::delete_topics_request::DeleteTopicState;
use pelton_kafka::wire::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use pelton_kafka::wire::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteRecordsRequest, DeleteTopicsRequest,
    IncrementalAlterConfigsRequest, InitProducerIdRequest,
};
use pelton_kafka::{ErrorCode, message, topic_id_of, uuid_of};
use pelton_model::TopicId;
use pelton_storage::disk::sim::Random;

use super::connection::{Connection, Lost};
use super::reader::{describe_topics, list_offset};
use super::tireless::Tireless;
use super::{BRIEF, CataloguedTopic, RECURRING, World, is_unknown_topic};

/// Below it topics are mostly made, at it none is.
const TOPICS_WANTED: usize = 3;
const TOPICS_MAX: usize = 7;
const PARTITIONS_MAX: i32 = 12;

/// Of a partition whose records are not to last.
const RETENTION_BYTES: u64 = 20_000;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;

/// ConfigResource.Type of Kafka.
const TOPIC_RESOURCE: i8 = 2;
const SET: i8 = 0;

const BACKOFF: Duration = Duration::from_millis(200);

pub struct Admin {
    world: World,
    random: Random,
    names_given: u64,
    /// Perhaps created: the connection was lost before the answer came.
    in_doubt: Option<String>,
}

impl Admin {
    pub fn new(world: &World) -> Self {
        let random = world.runtime.fork_random();
        Self { world: world.clone(), random, names_given: 0, in_doubt: None }
    }
}

impl Tireless for Admin {
    fn world_and_random(&mut self) -> (&World, &mut Random) {
        (&self.world, &mut self.random)
    }

    async fn session(&mut self, connection: &mut Connection) -> Result<(), Lost> {
        loop {
            if let Some(name) = self.in_doubt.clone() {
                self.look_for(connection, &name).await?;
                self.in_doubt = None;
            }
            let topics = self.world.catalogue.borrow().len();
            let action = self.random.below(20);
            match self.world.any_topic(&mut self.random) {
                None => self.create(connection).await?,
                Some(_) if topics < TOPICS_WANTED && action < 10 => {
                    self.create(connection).await?;
                }
                Some(topic) => match action {
                    0 | 1 if topics < TOPICS_MAX => self.create(connection).await?,
                    0..=2 => self.grow(connection, topic).await?,
                    3 if topics > TOPICS_WANTED => self.delete(connection, topic).await?,
                    3..=6 => self.delete_records(connection, topic).await?,
                    7..=9 => self.alter(connection, topic).await?,
                    10..=11 => self.draw_producer_id(connection).await?,
                    _ => self.look(connection, topic).await?,
                },
            }
            self.world.think(&mut self.random, 100).await;
        }
    }
}

impl Admin {
    async fn create(&mut self, connection: &mut Connection) -> Result<(), Lost> {
        self.names_given += 1;
        let name = match self.random.below(6) {
            0 => format!("{RECURRING}{}", self.random.below(2)),
            1 => format!("{BRIEF}{}", self.names_given),
            _ => format!("once-{}", self.names_given),
        };
        if self.world.catalogue.borrow().iter().any(|topic| topic.name == name) {
            return Ok(());
        }
        let partitions = 1 + self.random.below(6) as i32;
        let segment_bytes = [32 << 10, 64 << 10, 1 << 20][self.random.below(3) as usize];
        let mut configs = vec![("internal.segment.bytes", segment_bytes)];
        if name.starts_with(BRIEF) {
            configs.push(("retention.bytes", RETENTION_BYTES));
        }
        let configs = configs.into_iter().map(|(name, value)| {
            let value = Some(value.to_string().as_str().into());
            message!(CreatableTopicConfig { name: name.into(), value: value })
        });
        let request = message!(CreateTopicsRequest {
            topics: vec![message!(CreatableTopic {
                name: name.as_str().into(),
                num_partitions: partitions,
                replication_factor: -1,
                configs: configs.collect(),
            })],
            timeout_ms: 10_000,
        });
        self.in_doubt = Some(name.clone());
        let answer = connection.call(&request, 7).await?;
        self.in_doubt = None;
        let Some(topic) = answer.topics.first() else {
            return Err(connection.incident("a CreateTopics answer without topics"));
        };
        match ErrorCode::from_code(topic.error_code) {
            ErrorCode::None => self.learn(topic_id_of(topic.topic_id), &name, partitions),
            // Made by a request whose answer was lost.
            ErrorCode::TopicAlreadyExists => self.look_for(connection, &name).await?,
            // The disk; what came of it is for a later look.
            _ => self.in_doubt = Some(name),
        }
        Ok(())
    }

    /// A topic is there: from now on it has to stay.
    fn learn(&self, id: TopicId, name: &str, partitions: i32) {
        {
            let mut history = self.world.history.borrow_mut();
            let facts = history.topics.entry(id).or_default();
            if facts.deletion_asked {
                return;
            }
            name.clone_into(&mut facts.name);
            facts.is_brief = name.starts_with(BRIEF);
            facts.partitions_told = facts.partitions_told.max(partitions);
            facts.partitions_asked = facts.partitions_asked.max(partitions);
        }
        let mut catalogue = self.world.catalogue.borrow_mut();
        match catalogue.iter_mut().find(|topic| topic.id == id) {
            Some(topic) => topic.partitions = topic.partitions.max(partitions),
            None => catalogue.push(CataloguedTopic { id, name: name.to_owned(), partitions }),
        }
    }

    async fn look_for(&self, connection: &mut Connection, name: &str) -> Result<(), Lost> {
        let topics = describe_topics(connection).await?;
        for topic in topics.iter().filter(|topic| topic.name == name) {
            self.learn(topic.id, name, topic.partitions);
        }
        Ok(())
    }

    async fn grow(
        &mut self,
        connection: &mut Connection,
        topic: CataloguedTopic,
    ) -> Result<(), Lost> {
        let count = topic.partitions + 1 + self.random.below(2) as i32;
        if count > PARTITIONS_MAX || !topic.has_lasting_name() {
            return Ok(());
        }
        if let Some(facts) = self.world.history.borrow_mut().topics.get_mut(&topic.id) {
            facts.partitions_asked = facts.partitions_asked.max(count);
        }
        let request = message!(CreatePartitionsRequest {
            topics: vec![message!(CreatePartitionsTopic {
                name: topic.name.as_str().into(),
                count: count,
                assignments: None,
            })],
            timeout_ms: 10_000,
        });
        let answer = connection.call(&request, 3).await?;
        let code = answer.results.first().map_or(-1, |result| result.error_code);
        if ErrorCode::from_code(code) == ErrorCode::None {
            self.learn(topic.id, &topic.name, count);
        }
        Ok(())
    }

    async fn delete(
        &mut self,
        connection: &mut Connection,
        topic: CataloguedTopic,
    ) -> Result<(), Lost> {
        if let Some(facts) = self.world.history.borrow_mut().topics.get_mut(&topic.id) {
            facts.deletion_asked = true;
        }
        // Some clients go on for a moment with what they are at.
        self.world.forget_topic(topic.id);
        let request = message!(DeleteTopicsRequest {
            topics: vec![message!(DeleteTopicState { topic_id: uuid_of(topic.id) })],
            timeout_ms: 10_000,
        });
        let answer = connection.call(&request, 6).await?;
        let code = answer.responses.first().map_or(-1, |result| result.error_code);
        if ErrorCode::from_code(code) == ErrorCode::None
            && let Some(facts) = self.world.history.borrow_mut().topics.get_mut(&topic.id)
        {
            facts.deletion_told = true;
        }
        Ok(())
    }

    async fn delete_records(
        &mut self,
        connection: &mut Connection,
        topic: CataloguedTopic,
    ) -> Result<(), Lost> {
        if !topic.has_lasting_name() {
            return Ok(());
        }
        let index = self.random.below(topic.partitions.max(1) as u64) as i32;
        let partition = (topic.id, index);
        let offset = {
            let mut history = self.world.history.borrow_mut();
            let facts = history.partition(partition);
            let end = facts.end_told.max(0) as u64;
            let offset = match self.random.below(8) {
                0 => -1,
                _ => self.random.below(end / 2 + 1) as i64,
            };
            let start = if offset == -1 { i64::MAX } else { offset };
            facts.start_asked = facts.start_asked.max(start);
            offset
        };
        let request = message!(DeleteRecordsRequest {
            topics: vec![message!(DeleteRecordsTopic {
                name: topic.name.as_str().into(),
                partitions: vec![message!(DeleteRecordsPartition {
                    partition_index: index,
                    offset: offset,
                })],
            })],
            timeout_ms: 10_000,
        });
        let answer = connection.call(&request, 2).await?;
        let result = answer.topics.first().and_then(|topic| topic.partitions.first());
        if let Some(result) = result
            && ErrorCode::from_code(result.error_code) == ErrorCode::None
        {
            self.world.history.borrow_mut().told_start(partition, result.low_watermark);
        }
        Ok(())
    }

    async fn alter(
        &mut self,
        connection: &mut Connection,
        topic: CataloguedTopic,
    ) -> Result<(), Lost> {
        if !topic.has_lasting_name() {
            return Ok(());
        }
        let (name, least) =
            [("max.message.bytes", 1 << 20), ("segment.ms", 60_000), ("retention.ms", 1 << 40)]
                [self.random.below(3) as usize];
        let value = (least + self.random.below(1000)).to_string();
        let note = |told| {
            let mut history = self.world.history.borrow_mut();
            let Some(facts) = history.topics.get_mut(&topic.id) else { return };
            let values = facts.configs.entry(name.into()).or_default();
            match told {
                false => values.push((value.clone(), false)),
                true => {
                    if let Some(last) = values.last_mut() {
                        last.1 = true;
                    }
                }
            }
        };
        note(false);
        let request = message!(IncrementalAlterConfigsRequest {
            resources: vec![message!(AlterConfigsResource {
                resource_type: TOPIC_RESOURCE,
                resource_name: topic.name.as_str().into(),
                configs: vec![message!(AlterableConfig {
                    name: name.into(),
                    config_operation: SET,
                    value: Some(value.as_str().into()),
                })],
            })],
        });
        let answer = connection.call(&request, 1).await?;
        let code = answer.responses.first().map_or(-1, |result| result.error_code);
        if ErrorCode::from_code(code) == ErrorCode::None {
            note(true);
        }
        Ok(())
    }

    async fn draw_producer_id(&self, connection: &mut Connection) -> Result<(), Lost> {
        let request = message!(InitProducerIdRequest { transaction_timeout_ms: 60_000 });
        let answer = connection.call(&request, 4).await?;
        if ErrorCode::from_code(answer.error_code) == ErrorCode::None {
            self.world.history.borrow_mut().producer_ids.push(answer.producer_id);
        }
        Ok(())
    }

    /// Where a partition ends and begins; what was told has to stay true.
    async fn look(
        &mut self,
        connection: &mut Connection,
        topic: CataloguedTopic,
    ) -> Result<(), Lost> {
        if !topic.has_lasting_name() {
            return Ok(());
        }
        let index = self.random.below(topic.partitions.max(1) as u64) as i32;
        let partition = (topic.id, index);
        for time in [LATEST, EARLIEST] {
            match list_offset(connection, &topic.name, index, time).await? {
                Ok(offset) if time == LATEST => {
                    self.world.history.borrow_mut().told_end(partition, offset);
                }
                Ok(offset) => self.world.history.borrow_mut().told_start(partition, offset),
                Err(ErrorCode::KafkaStorageError) => self.world.runtime.sleep(BACKOFF).await,
                Err(error) if is_unknown_topic(error) && self.world.may_be_gone(partition) => {}
                Err(error) => self.world.unexpected("a ListOffsets", partition, error),
            }
        }
        Ok(())
    }
}
