//! A member of the run's group by the consumer protocol (KIP-848): beats, takes and gives up what it
//! is told to, commits, stalls, leaves, and is forgotten.
//!
//! It commits numbers as [`Member`](super::member::Member) does. When it does not know what became
//! of a commit it takes a new identity: the old one holds its partitions until its session is over,
//! and with it what may still be on its way.

use std::collections::BTreeMap;
use std::time::Duration;

use pelton_kafka::wire::consumer_group_heartbeat_request::TopicPartitions;
use pelton_kafka::wire::{
    ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};
use pelton_kafka::{ErrorCode, StrBytes, message, topic_id_of, uuid_of};
use pelton_model::TopicId;
use pelton_storage::disk::sim::Random;

use super::World;
use super::committed::{self, BACKOFF, PARTITIONS, TOPIC, is_passing};
use super::connection::{Connection, Lost};
use crate::history::groups::{Assignment, Holding};
use crate::machine::CONSUMER_SESSION_MS;

pub const GROUP: &str = "consumer-members";

/// Longer than a session: who does not know yet that it is to give something up has been thrown out
/// by then.
const REBALANCE_MS: i32 = 2_000;
/// Long enough to be taken for dead.
const STALL_MS: u64 = 2_500;

const JOINS: i32 = 0;
const LEAVES: i32 = -1;

/// Members that come when all others have gone.
const LAST_MEMBERS: usize = 2;
/// Within so many rounds of theirs a broker that nothing troubles has missed the others.
const ROUNDS: usize = 300;

pub struct ConsumerMember {
    world: World,
    random: Random,
    id: StrBytes,
    epoch: i32,
    /// The topic's id, once an answer has told it.
    topic: TopicId,
    /// What is its own, and since when: a place in the history's holdings.
    held: BTreeMap<i32, usize>,
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
    pub fn new(world: &World) -> Self {
        let mut random = world.runtime.fork_random();
        let id = draw_id(&mut random);
        let (topic, held) = (TopicId::ZERO, BTreeMap::new());
        Self { world: world.clone(), random, id, epoch: JOINS, topic, held }
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
        committed::prepare(&self.world, connection, GROUP).await?;
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
        self.beat(connection).await?;
        for _ in 0..1 + self.random.below(20) {
            let pause_ms = if self.random.below(30) == 0 { STALL_MS } else { 30 };
            self.world.think(&mut self.random, pause_ms).await;
            match self.random.below(5) {
                0 => self.beat(connection).await?,
                1..4 => self.commit(connection).await?,
                _ => {
                    let all: Vec<i32> = self.held.keys().copied().collect();
                    committed::look(&self.world, connection, GROUP, &all).await?;
                }
            }
        }
        if self.random.below(3) == 0 {
            self.leave(connection).await?;
        }
        Ok(())
    }

    /// Says everything each time: an answer that was lost is given again then.
    async fn beat(&mut self, connection: &mut Connection) -> Result<(), Out> {
        let owned: Vec<i32> = self.held.keys().copied().collect();
        let owned = message!(TopicPartitions { topic_id: uuid_of(self.topic), partitions: owned });
        let request = message!(ConsumerGroupHeartbeatRequest {
            group_id: GROUP.into(),
            member_id: self.id.clone(),
            member_epoch: self.epoch,
            rebalance_timeout_ms: REBALANCE_MS,
            subscribed_topic_names: Some(vec![TOPIC.into()]),
            topic_partitions: Some(if self.held.is_empty() { vec![] } else { vec![owned] }),
        });
        let sent = self.world.runtime.now();
        let answer = connection.call(&request, 1).await?;
        match ErrorCode::from_code(answer.error_code) {
            ErrorCode::None => {
                self.take(answer, sent);
                Ok(())
            }
            error => self.put_out(error).await,
        }
    }

    /// What it is told to be its own from now on.
    fn take(&mut self, answer: ConsumerGroupHeartbeatResponse, sent: Duration) {
        let (now, life) = (self.world.runtime.now(), self.world.machine.life());
        self.epoch = answer.member_epoch;
        let mut history = self.world.history.borrow_mut();
        let facts = history.group(GROUP);
        if let Some(assignment) = answer.assignment {
            let mut told = Vec::new();
            for topic in &assignment.topic_partitions {
                self.topic = topic_id_of(topic.topic_id);
                told.extend(&topic.partitions);
            }
            let held = std::mem::take(&mut self.held).into_iter();
            let (kept, given_up): (BTreeMap<_, _>, BTreeMap<_, _>) =
                held.partition(|(partition, _)| told.contains(partition));
            self.held = kept;
            for place in given_up.into_values() {
                let holding = &mut facts.holdings[place];
                holding.until = holding.until.min(now);
            }
            for partition in told {
                let generation = answer.member_epoch;
                let member = self.id.as_str().to_owned();
                facts.assignments.push(Assignment { generation, partition, member, life });
                self.held.entry(partition).or_insert_with(|| {
                    let member = self.id.as_str().to_owned();
                    facts.holdings.push(Holding { partition, member, from: now, until: now });
                    facts.holdings.len() - 1
                });
            }
        }
        // The broker heard it no sooner than it was sent, and counts from then.
        for place in self.held.values() {
            facts.holdings[*place].until = sent + session();
        }
    }

    async fn commit(&mut self, connection: &mut Connection) -> Result<(), Out> {
        let held: Vec<i32> = self.held.keys().copied().collect();
        if held.is_empty() {
            return self.beat(connection).await;
        }
        let partition = held[self.random.below(held.len() as u64) as usize];
        let number = self.world.history.borrow_mut().group(GROUP).draw(partition);
        let request = committed::commit_request(GROUP, &self.id, self.epoch, partition, number);
        let Ok(answer) = connection.call(&request, 9).await else {
            self.forget(true);
            return Err(Out::Lost);
        };
        match committed::commit_outcome(connection, &answer)? {
            ErrorCode::None => {
                self.world.history.borrow_mut().group(GROUP).acknowledge(partition, number);
                Ok(())
            }
            // It has missed an answer, or will hear that it is out.
            ErrorCode::StaleMemberEpoch => self.beat(connection).await,
            error @ (ErrorCode::UnknownMemberId | ErrorCode::CoordinatorLoadInProgress) => {
                self.put_out(error).await
            }
            error => {
                // It may have been written, and may come to light with the next life.
                self.forget(true);
                self.put_out(error).await?;
                Err(Out::Fenced)
            }
        }
    }

    async fn leave(&mut self, connection: &mut Connection) -> Result<(), Out> {
        let request = message!(ConsumerGroupHeartbeatRequest {
            group_id: GROUP.into(),
            member_id: self.id.clone(),
            member_epoch: LEAVES,
        });
        self.forget(true);
        connection.call(&request, 1).await?;
        Ok(())
    }

    /// Takes an error in; one that no circumstance explains is noted.
    async fn put_out(&mut self, error: ErrorCode) -> Result<(), Out> {
        match error {
            ErrorCode::UnknownMemberId | ErrorCode::FencedMemberEpoch => {
                self.forget(false);
                return Err(Out::Fenced);
            }
            error if is_passing(error) => {}
            error => {
                let life = self.world.machine.life();
                let what =
                    format!("a consumer member was answered {} in life {life}", error.name());
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
        for place in std::mem::take(&mut self.held).into_values() {
            let holding = &mut history.group(GROUP).holdings[place];
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
    Duration::from_millis(CONSUMER_SESSION_MS.parse().expect("a number"))
}

/// At the end: new members come, and when the broker has missed all who were there before, every
/// partition is one of theirs, and nobody else is in the group.
pub async fn settle(world: &World, connection: &mut Connection) -> Result<(), Lost> {
    let mut members: Vec<_> = (0..LAST_MEMBERS).map(|_| ConsumerMember::new(world)).collect();
    for _ in 0..ROUNDS {
        for member in &mut members {
            match member.beat(connection).await {
                Ok(()) | Err(Out::Fenced) => {}
                Err(Out::Lost) => return Err(Lost),
            }
        }
        if are_settled(&members) && are_alone(connection, &members).await? {
            return Ok(());
        }
        world.runtime.sleep(BACKOFF).await;
    }
    let shares: Vec<_> = members.iter().map(|member| (member.epoch, &member.held)).collect();
    Err(connection.incident(&format!("the consumer group does not settle: {shares:?}")))
}

/// In one epoch each partition is somebody's, and of one member only.
fn are_settled(members: &[ConsumerMember]) -> bool {
    let mut held: Vec<i32> = members.iter().flat_map(|it| it.held.keys()).copied().collect();
    held.sort_unstable();
    let is_of_one_epoch = members.iter().all(|it| it.epoch == members[0].epoch);
    is_of_one_epoch && held == (0..PARTITIONS).collect::<Vec<_>>()
}

/// The broker tells the same members, with the same partitions.
async fn are_alone(connection: &mut Connection, members: &[ConsumerMember]) -> Result<bool, Lost> {
    let request = message!(ConsumerGroupDescribeRequest { group_ids: vec![GROUP.into()] });
    let answer = connection.call(&request, 1).await?;
    let Some(group) = answer.groups.first().filter(|group| group.error_code == 0) else {
        return Ok(false);
    };
    let told: BTreeMap<&str, Vec<i32>> = group
        .members
        .iter()
        .map(|member| {
            let topics = &member.assignment.topic_partitions;
            let mut partitions: Vec<i32> =
                topics.iter().flat_map(|topic| &topic.partitions).copied().collect();
            partitions.sort_unstable();
            (member.member_id.as_str(), partitions)
        })
        .collect();
    let own: BTreeMap<&str, Vec<i32>> =
        members.iter().map(|it| (it.id.as_str(), it.held.keys().copied().collect())).collect();
    Ok(group.group_state.as_str() == "Stable" && told == own)
}
