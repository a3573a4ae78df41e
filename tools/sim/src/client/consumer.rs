//! A consumer: follows partitions by long polls, and sometimes goes back.

use std::collections::BTreeMap;
use std::time::Duration;

use pelton_kafka::ErrorCode;
use pelton_kafka::fetch::VERSIONS;
use pelton_storage::disk::sim::Random;

use super::connection::{Connection, Lost};
use super::fetch::{self, Found, Position, Terms};
use super::fetch_session::FetchSession;
use super::tireless::Tireless;
use super::{World, is_unknown_topic};
use crate::history::Partition;

const BACKOFF: Duration = Duration::from_millis(100);

const FIRST_VERSION: i16 = 4;
const FIRST_VERSION_WITH_SESSIONS: i16 = 7;

/// Partitions of one request.
const PARTITIONS_MAX: u64 = 5;

pub struct Consumer {
    world: World,
    random: Random,
    positions: BTreeMap<Partition, i64>,
}

impl Consumer {
    pub fn new(world: &World) -> Self {
        let random = world.runtime.fork_random();
        Self { world: world.clone(), random, positions: BTreeMap::new() }
    }
}

impl Tireless for Consumer {
    fn world_and_random(&mut self) -> (&World, &mut Random) {
        (&self.world, &mut self.random)
    }

    async fn session(&mut self, connection: &mut Connection) -> Result<(), Lost> {
        loop {
            let mut positions = self.choose();
            if positions.is_empty() {
                self.world.runtime.sleep(BACKOFF).await;
                continue;
            }
            let (mut session, fetches) = match self.random.below(2) {
                0 => (FetchSession::none(), 1),
                _ => (FetchSession::begin(), 1 + self.random.below(20)),
            };
            let version = match fetches {
                1 => FIRST_VERSION,
                _ => FIRST_VERSION_WITH_SESSIONS,
            };
            let version = version + self.random.below((VERSIONS.max - version) as u64 + 1) as i16;
            for _ in 0..fetches {
                self.fetch(connection, &mut positions, version, &mut session).await?;
            }
        }
    }
}

impl Consumer {
    async fn fetch(
        &mut self,
        connection: &mut Connection,
        positions: &mut [Position],
        version: i16,
        session: &mut FetchSession,
    ) -> Result<(), Lost> {
        let terms = Terms {
            max_wait_ms: [0, 10, 100, 500][self.random.below(4) as usize],
            min_bytes: [1, 1, 200, 5000][self.random.below(4) as usize],
            partition_bytes: [1, 500, 4000, 1 << 20][self.random.below(4) as usize],
            version,
        };
        let found = fetch::fetch(&self.world, connection, positions, terms, session).await?;
        for (position, found) in positions.iter_mut().zip(found) {
            if let Some(found) = found {
                self.advance(position, &found);
                let known = self.positions.get(&position.partition());
                position.offset = known.copied().unwrap_or(position.offset);
            }
        }
        self.world.think(&mut self.random, 20).await;
        Ok(())
    }

    fn choose(&mut self) -> Vec<Position> {
        let mut chosen: Vec<Position> = Vec::new();
        for _ in 0..1 + self.random.below(PARTITIONS_MAX) {
            let Some(topic) = self.world.any_topic(&mut self.random) else { break };
            let index = self.random.below(topic.partitions.max(1) as u64) as i32;
            let partition = (topic.id, index);
            if chosen.iter().any(|other| other.partition() == partition) {
                continue;
            }
            let offset = self.positions.entry(partition).or_default();
            if self.random.below(10) == 0 {
                *offset = self.random.below(*offset as u64 + 1) as i64;
            }
            chosen.push(Position { topic, index, offset: *offset });
        }
        chosen
    }

    fn advance(&mut self, position: &Position, found: &Found) {
        let partition = position.partition();
        match found.error {
            ErrorCode::None => {
                if let Some((last, _)) = found.records.last() {
                    self.positions.insert(partition, position.offset.max(last + 1));
                }
            }
            // Records were deleted below; whether the end went back shows in the history.
            ErrorCode::OffsetOutOfRange => {
                let start = self.world.history.borrow().start_max(partition);
                // It will be found step by step.
                let start = if start == i64::MAX { position.offset + 5 } else { start };
                self.positions.insert(partition, start.max(found.log_start));
                if !self.may_be_out_of_range(position) {
                    self.world.unexpected("a Fetch", partition, found.error);
                }
            }
            ErrorCode::KafkaStorageError | ErrorCode::NotLeaderOrFollower => {}
            error if is_unknown_topic(error) && self.world.may_be_gone(partition) => {
                self.world.forget_topic(partition.0);
            }
            error => self.world.unexpected("a Fetch", partition, error),
        }
    }

    /// What has been read lies within the log, unless somebody asked to delete it.
    fn may_be_out_of_range(&self, position: &Position) -> bool {
        let history = self.world.history.borrow();
        let partition = position.partition();
        let end_told = history.partitions.get(&partition).map_or(0, |facts| facts.end_told);
        position.offset < history.start_max(partition) || position.offset > end_told
    }
}
