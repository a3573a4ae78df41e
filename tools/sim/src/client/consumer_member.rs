//! A member of a group by the consumer protocol (KIP-848): beats, takes and gives up what it is told
//! to, commits, stalls, leaves, crashes, and is forgotten. It subscribes to a topic by its name, or
//! to all that a regular expression matches, and changes its mind.
//!
//! It commits numbers as [`Member`](super::member::Member) does. When it does not know what became
//! of a commit it takes a new identity: the old one holds its partitions until its session is over,
//! and with it what may still be on its way. A static member that leaves to return has its partitions
//! again; one that crashes has to wait for the end of its session.

use std::collections::BTreeMap;
use std::time::Duration;

use pelton_kafka::wire::consumer_group_heartbeat_request::TopicPartitions;
use pelton_kafka::wire::consumer_group_heartbeat_response;
use pelton_kafka::wire::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, MetadataRequest,
};
use pelton_kafka::{ErrorCode, StrBytes, message, topic_id_of, uuid_of};
use pelton_model::TopicId;
use pelton_storage::disk::sim::Random;

use super::World;
use super::committed::{
    self, BACKOFF, LATER_PARTITIONS, LATER_TOPIC, PARTITIONS, PATTERN, TOPIC, is_passing,
};
use super::connection::{Connection, Lost};
use super::role::Role;
use crate::history::groups::{Assignment, Holding, Moment};
use crate::machine::{CONSUMER_SESSION_MS, HEARTBEAT_MS};

/// Longer than a session: who does not know yet that it is to give something up has been thrown out
/// by then.
const REBALANCE_MS: i32 = 2_000;
/// Long enough to be taken for dead.
const STALL_MS: u64 = 2_500;

const JOINS: i32 = 0;
pub(super) const LEAVES: i32 = -1;
const LEAVES_TO_RETURN: i32 = -2;

pub struct ConsumerMember {
    world: World,
    random: Random,
    role: Role,
    /// It subscribes to the regular expression.
    reads_pattern: bool,
    id: StrBytes,
    epoch: i32,
    /// As the broker told it last.
    heartbeat_interval: Duration,
    /// Topics as answers name them; topics of these names are never deleted.
    topics: BTreeMap<TopicId, StrBytes>,
    /// What is its own, and since when: by number, a place in the history's holdings.
    held: BTreeMap<i32, Held>,
}

/// One partition.
struct Held {
    topic: TopicId,
    partition: i32,
    place: usize,
}

/// Why a session of requests is over.
enum Out {
    Lost,
    /// The member is in the group no more.
    Fenced,
}

impl From<Lost> for Out {
    fn from(_: Lost) -> Self {
        Out::Lost
    }
}

impl ConsumerMember {
    pub fn new(world: &World, role: Role, reads_pattern: bool) -> Self {
        let mut random = world.runtime.fork_random();
        let id = draw_id(&mut random);
        let (topics, held) = (BTreeMap::new(), BTreeMap::new());
        let world = world.clone();
        let (epoch, heartbeat_interval) = (JOINS, BACKOFF);
        Self { world, random, role, reads_pattern, id, epoch, heartbeat_interval, topics, held }
    }

    pub async fn run(mut self) {
        loop {
            let mut connection = self.world.connect().await;
            let _: Result<(), Lost> = self.session(&mut connection).await;
            drop(connection);
            self.world.think(&mut self.random, 50).await;
        }
    }

    async fn session(&mut self, connection: &mut Connection) -> Result<(), Lost> {
        committed::prepare(&self.world, connection, self.role.group).await?;
        loop {
            match self.take_part(connection).await {
                Ok(()) | Err(Out::Fenced) => {}
                Err(Out::Lost) => return Err(Lost),
            }
            self.world.think(&mut self.random, 30).await;
        }
    }

    /// A while in the group, unless it is thrown out.
    async fn take_part(&mut self, connection: &mut Connection) -> Result<(), Out> {
        if !self.role.is_steady() {
            self.reads_pattern = self.role.reads_patterns() && self.random.below(3) == 0;
            if self.reads_pattern && self.random.below(4) == 0 {
                committed::create(connection, LATER_TOPIC, LATER_PARTITIONS).await?;
            }
        }
        self.beat(connection).await?;
        while self.role.is_steady() {
            self.world.runtime.sleep(self.heartbeat_interval).await;
            self.beat(connection).await?;
        }
        for _ in 0..1 + self.random.below(20) {
            let pause_ms = if self.random.below(30) == 0 { STALL_MS } else { 30 };
            self.world.think(&mut self.random, pause_ms).await;
            match self.random.below(5) {
                0 => self.beat(connection).await?,
                1..4 => self.commit(connection).await?,
                _ => {
                    let all = self.committable();
                    committed::look(&self.world, connection, self.role.group, &all).await?;
                }
            }
        }
        match self.random.below(6) {
            0 | 1 => self.leave(connection).await?,
            // It crashes: who comes in its place draws another id.
            2 => self.forget(true),
            _ => {}
        }
        Ok(())
    }

    /// Says everything each time: an answer that was lost is given again then.
    async fn beat(&mut self, connection: &mut Connection) -> Result<(), Out> {
        let mut owned: BTreeMap<TopicId, Vec<i32>> = BTreeMap::new();
        for held in self.held.values() {
            owned.entry(held.topic).or_default().push(held.partition);
        }
        let owned = owned.into_iter().map(|(topic, partitions)| {
            message!(TopicPartitions { topic_id: uuid_of(topic), partitions: partitions })
        });
        let (names, pattern) = match self.reads_pattern {
            true => (vec![], PATTERN),
            false => (vec![TOPIC.into()], ""),
        };
        let request = message!(ConsumerGroupHeartbeatRequest {
            group_id: self.role.group.into(),
            member_id: self.id.clone(),
            member_epoch: self.epoch,
            instance_id: self.role.instance_id(),
            rebalance_timeout_ms: REBALANCE_MS,
            subscribed_topic_names: Some(names),
            subscribed_topic_regex: Some(pattern.into()),
            topic_partitions: Some(owned.collect()),
        });
        let sent = self.world.moment();
        let answer = connection.call(&request, 1).await?;
        match ErrorCode::from_code(answer.error_code) {
            ErrorCode::None => {
                match self.epoch {
                    JOINS => self.role.seated(&self.world, &self.id, sent),
                    _ => self.role.served(&self.world, &self.id, sent),
                }
                self.take_interval(connection, answer.heartbeat_interval_ms)?;
                self.learn_topics(connection, &answer).await?;
                self.take(connection, answer, sent)?;
                Ok(())
            }
            error => self.put_out(error).await,
        }
    }

    fn take_interval(&mut self, connection: &Connection, told_ms: i32) -> Result<(), Lost> {
        let [least, most] = [HEARTBEAT_MS.0, HEARTBEAT_MS.1].map(milliseconds);
        let told = Duration::from_millis(u64::try_from(told_ms).unwrap_or(0));
        if told < least || told > most {
            let what = format!("a member is to beat again in {told:?}");
            return Err(connection.incident(&what));
        }
        self.heartbeat_interval = told;
        Ok(())
    }

    /// Assignments name topics by their ids.
    async fn learn_topics(
        &mut self,
        connection: &mut Connection,
        answer: &ConsumerGroupHeartbeatResponse,
    ) -> Result<(), Lost> {
        let topics = answer.assignment.iter().flat_map(|it| &it.topic_partitions);
        let mut ids = topics.map(|topic| topic_id_of(topic.topic_id));
        if ids.all(|id| self.topics.contains_key(&id)) {
            return Ok(());
        }
        let request = message!(MetadataRequest { topics: None, allow_auto_topic_creation: false });
        let told = connection.call(&request, 12).await?;
        let topics = told.topics.into_iter();
        self.topics = topics.filter_map(|it| Some((topic_id_of(it.topic_id), it.name?))).collect();
        Ok(())
    }

    /// What it is told to be its own from now on.
    fn take(
        &mut self,
        connection: &Connection,
        answer: ConsumerGroupHeartbeatResponse,
        sent: Moment,
    ) -> Result<(), Lost> {
        let (now, life) = (self.world.runtime.now(), self.world.machine.life());
        self.epoch = answer.member_epoch;
        let owner = self.role.owner(&self.id);
        if let Some(assignment) = answer.assignment {
            let told = self.numbers(connection, &assignment)?;
            let mut history = self.world.history.borrow_mut();
            let facts = history.group(self.role.group);
            let held = std::mem::take(&mut self.held).into_iter();
            let (kept, given_up): (BTreeMap<_, _>, BTreeMap<_, _>) =
                held.partition(|(number, _)| told.contains_key(number));
            self.held = kept;
            for held in given_up.into_values() {
                let holding = &mut facts.holdings[held.place];
                holding.until = holding.until.min(now);
            }
            for (number, (topic, partition)) in told {
                let (generation, member) = (answer.member_epoch, owner.clone());
                if self.role.has_epochs() {
                    let partition = number;
                    facts.assignments.push(Assignment { generation, partition, member, life });
                }
                self.held.entry(number).or_insert_with(|| {
                    let (member, place) = (self.id.as_str().to_owned(), facts.holdings.len());
                    let (from, until) = (now, now);
                    facts.holdings.push(Holding { partition: number, member, from, until });
                    Held { topic, partition, place }
                });
            }
        }
        // The broker heard it no sooner than it was sent, and counts from then.
        let mut history = self.world.history.borrow_mut();
        for held in self.held.values().filter(|_| self.role.holds_alone()) {
            history.group(self.role.group).holdings[held.place].until = sent.at + session();
        }
        self.role.tell(&self.id, self.held.keys().copied());
        Ok(())
    }

    /// The partitions of an assignment by their numbers: none but of what it subscribes to.
    fn numbers(
        &self,
        connection: &Connection,
        assignment: &consumer_group_heartbeat_response::Assignment,
    ) -> Result<BTreeMap<i32, (TopicId, i32)>, Lost> {
        let mut numbers = BTreeMap::new();
        for told in &assignment.topic_partitions {
            let id = topic_id_of(told.topic_id);
            let name = self.topics.get(&id).map(StrBytes::as_str).unwrap_or_default();
            for partition in &told.partitions {
                match committed::number(name, *partition) {
                    Some(number) if self.reads_pattern || name == TOPIC => {
                        numbers.insert(number, (id, *partition));
                    }
                    _ => {
                        return Err(connection.incident("a member was given what it does not read"));
                    }
                }
            }
        }
        Ok(numbers)
    }

    /// Of what it holds, what numbers are committed for.
    fn committable(&self) -> Vec<i32> {
        self.held.keys().copied().filter(|number| *number < PARTITIONS).collect()
    }

    async fn commit(&mut self, connection: &mut Connection) -> Result<(), Out> {
        let held = self.committable();
        if held.is_empty() {
            return self.beat(connection).await;
        }
        let partition = held[self.random.below(held.len() as u64) as usize];
        let number = self.world.history.borrow_mut().group(self.role.group).draw(partition);
        let request =
            committed::commit_request(&self.role, &self.id, self.epoch, partition, number);
        let sent = self.world.moment();
        let Ok(answer) = connection.call(&request, 9).await else {
            self.forget(true);
            return Err(Out::Lost);
        };
        match committed::commit_outcome(connection, &answer)? {
            ErrorCode::None => {
                self.role.served(&self.world, &self.id, sent);
                self.world
                    .history
                    .borrow_mut()
                    .group(self.role.group)
                    .acknowledge(partition, number);
                Ok(())
            }
            // It has missed an answer, or will hear that it is out.
            ErrorCode::StaleMemberEpoch => self.beat(connection).await,
            error @ (ErrorCode::UnknownMemberId
            | ErrorCode::FencedInstanceId
            | ErrorCode::CoordinatorLoadInProgress) => self.put_out(error).await,
            error => {
                // It may have been written, and may come to light with the next life.
                self.forget(true);
                self.put_out(error).await?;
                Err(Out::Fenced)
            }
        }
    }

    /// For good, or as a static one that will be back.
    async fn leave(&mut self, connection: &mut Connection) -> Result<(), Out> {
        let returns = self.role.instance.is_some() && self.random.below(2) == 0;
        let request = message!(ConsumerGroupHeartbeatRequest {
            group_id: self.role.group.into(),
            member_id: self.id.clone(),
            member_epoch: if returns { LEAVES_TO_RETURN } else { LEAVES },
            instance_id: self.role.instance_id(),
        });
        self.forget(true);
        connection.call(&request, 1).await?;
        Ok(())
    }

    /// Takes an error in; one that no circumstance explains is noted.
    async fn put_out(&mut self, error: ErrorCode) -> Result<(), Out> {
        match error {
            // The group may have become one of the classic protocol when this member was missed.
            ErrorCode::UnknownMemberId
            | ErrorCode::FencedMemberEpoch
            | ErrorCode::GroupIdNotFound => {
                self.forget(false);
                return Err(Out::Fenced);
            }
            ErrorCode::FencedInstanceId => {
                self.forget(true);
                return Err(Out::Fenced);
            }
            // Until the session of whoever had the name is over.
            ErrorCode::UnreleasedInstanceId if self.role.instance.is_some() => {}
            error if is_passing(error) => {}
            error => {
                let life = self.world.machine.life();
                let (group, error) = (self.role.group, error.name());
                let what = format!("a consumer of {group} was answered {error} in life {life}");
                self.world.history.borrow_mut().incident(what);
            }
        }
        self.world.runtime.sleep(BACKOFF).await;
        Ok(())
    }

    /// Has nothing any more, and comes as one who joins, be it as somebody else.
    fn forget(&mut self, as_somebody_else: bool) {
        let now = self.world.runtime.now();
        let mut history = self.world.history.borrow_mut();
        for held in std::mem::take(&mut self.held).into_values() {
            let holding = &mut history.group(self.role.group).holdings[held.place];
            holding.until = holding.until.min(now);
        }
        self.epoch = JOINS;
        if as_somebody_else {
            self.id = draw_id(&mut self.random);
        }
    }
}

fn draw_id(random: &mut Random) -> StrBytes {
    StrBytes::from(format!("member-{:016x}", random.next_u64()))
}

fn session() -> Duration {
    milliseconds(CONSUMER_SESSION_MS)
}

fn milliseconds(text: &str) -> Duration {
    Duration::from_millis(text.parse().expect("a number"))
}
