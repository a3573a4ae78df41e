//! A member of a group by the classic protocol: joins, assigns if it leads, beats, commits, stalls, leaves,
//! crashes, and is forgotten. In the group that speaks both protocols it says what consumers say;
//! in the other one partitions are handed out as bytes, one each.
//!
//! What it commits is a number greater than all before. When it does not know what became of a
//! commit it takes a new identity: the old one may still be on its way, but only until the rebalance
//! that the new one sets off is over. A static member's old identity is fenced by the new one.

use std::time::Duration;

use bytes::Bytes;
use pelton_kafka::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, PROTOCOL_TYPE, decode_assignment,
    encode_assignment, encode_subscription,
};
use pelton_kafka::wire::consumer_protocol_assignment::TopicPartition;
use pelton_kafka::wire::join_group_request::JoinGroupRequestProtocol;
use pelton_kafka::wire::leave_group_request::MemberIdentity;
use pelton_kafka::wire::sync_group_request::SyncGroupRequestAssignment;
use pelton_kafka::wire::{
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, SyncGroupRequest,
};
use pelton_kafka::{ErrorCode, StrBytes, message};
use pelton_storage::disk::sim::Random;

use super::World;
use super::committed::{self, BACKOFF, PARTITIONS, TOPIC, is_passing};
use super::connection::{Connection, Lost};
use super::role::{MIXED_GROUP, Role};
use super::tireless::Tireless;
use crate::history::groups::{Assignment, Holding, Moment};

const PROTOCOL: &str = "range";

/// Short, as runs are: a member that stalls is to be missed within one.
const SESSION_MS: i32 = 1_000;
const REBALANCE_MS: i32 = 700;
/// In the group of both protocols, longer than a session: who does not know yet that it is to give
/// something up has been thrown out by then.
const MIXED_REBALANCE_MS: i32 = 2_000;
/// Long enough to be taken for dead.
const STALL_MS: u64 = 2_500;

pub struct Member {
    world: World,
    random: Random,
    role: Role,
    id: StrBytes,
    /// Of the group of both protocols: places in the history's holdings.
    held: Vec<usize>,
}

/// What one generation gave a member.
struct Share {
    generation: i32,
    partitions: Vec<i32>,
}

/// Why a member has to join again.
enum Out {
    Lost,
    /// Its id is still good, or it was told that it is not.
    Rejoin,
}

impl From<Lost> for Out {
    fn from(_: Lost) -> Self {
        Out::Lost
    }
}

impl Member {
    pub fn new(world: &World, role: Role) -> Self {
        let random = world.runtime.fork_random();
        let (id, held) = (StrBytes::default(), Vec::new());
        Self { world: world.clone(), random, role, id, held }
    }
}

impl Tireless for Member {
    const PAUSE_MS: u64 = 50;

    fn world_and_random(&mut self) -> (&World, &mut Random) {
        (&self.world, &mut self.random)
    }

    async fn session(&mut self, connection: &mut Connection) -> Result<(), Lost> {
        committed::prepare(&self.world, connection, self.role.group).await?;
        loop {
            match self.take_part(connection).await {
                Ok(()) | Err(Out::Rejoin) => {}
                Err(Out::Lost) => return Err(Lost),
            }
            self.world.think(&mut self.random, 30).await;
        }
    }
}

impl Member {
    /// One generation, from the join to whatever ends it.
    async fn take_part(&mut self, connection: &mut Connection) -> Result<(), Out> {
        let joined = self.join(connection).await?;
        let share = self.sync(connection, joined).await?;
        self.note(&share);
        committed::look(&self.world, connection, self.role.group, &share.partitions).await?;
        while self.role.is_steady() {
            self.world.think(&mut self.random, 200).await;
            self.beat(connection, share.generation).await?;
        }
        for _ in 0..1 + self.random.below(20) {
            let pause_ms = if self.random.below(30) == 0 { STALL_MS } else { 30 };
            self.world.think(&mut self.random, pause_ms).await;
            match self.random.below(3) {
                0 => self.beat(connection, share.generation).await?,
                _ => self.commit(connection, &share).await?,
            }
        }
        match self.random.below(6) {
            0 | 1 => self.leave(connection).await?,
            // It crashes: who comes in its place knows no id.
            2 => self.become_somebody_else(),
            _ => {}
        }
        Ok(())
    }

    async fn join(&mut self, connection: &mut Connection) -> Result<JoinGroupResponse, Out> {
        self.give_up();
        loop {
            let asked = self.world.moment();
            let (protocol_type, metadata, rebalance_timeout_ms) = self.subscription();
            let request = message!(JoinGroupRequest {
                group_id: self.role.group.into(),
                session_timeout_ms: SESSION_MS,
                rebalance_timeout_ms: rebalance_timeout_ms,
                member_id: self.id.clone(),
                group_instance_id: self.role.instance_id(),
                protocol_type: protocol_type.into(),
                protocols: vec![message!(JoinGroupRequestProtocol {
                    name: PROTOCOL.into(),
                    metadata: metadata,
                })],
            });
            let answer = connection.call(&request, 9).await?;
            match ErrorCode::from_code(answer.error_code) {
                ErrorCode::None => {
                    self.id = answer.member_id.clone();
                    self.role.seated(&self.world, &self.id, asked);
                    return Ok(answer);
                }
                ErrorCode::MemberIdRequired => self.id = answer.member_id,
                error => self.put_out(error).await?,
            }
        }
    }

    async fn sync(
        &mut self,
        connection: &mut Connection,
        joined: JoinGroupResponse,
    ) -> Result<Share, Out> {
        let mut parts: Vec<Vec<i32>> = joined.members.iter().map(|_| Vec::new()).collect();
        if !parts.is_empty() {
            for partition in 0..PARTITIONS {
                let at = self.random.below(parts.len() as u64) as usize;
                parts[at].push(partition);
            }
        }
        let assignments = joined.members.iter().zip(parts).map(|(member, part)| {
            message!(SyncGroupRequestAssignment {
                member_id: member.member_id.clone(),
                assignment: encode_part(self.role.group, part),
            })
        });
        let sent = self.world.moment();
        let request = message!(SyncGroupRequest {
            group_id: self.role.group.into(),
            generation_id: joined.generation_id,
            member_id: self.id.clone(),
            group_instance_id: self.role.instance_id(),
            protocol_type: Some(self.subscription().0.into()),
            protocol_name: Some(PROTOCOL.into()),
            assignments: assignments.collect(),
        });
        let answer = connection.call(&request, 5).await?;
        match ErrorCode::from_code(answer.error_code) {
            ErrorCode::None => {
                self.role.served(&self.world, &self.id, sent);
                let Some(partitions) = decode_part(self.role.group, answer.assignment) else {
                    return Err(connection.incident("an assignment cannot be read").into());
                };
                self.take(&partitions, sent);
                Ok(Share { generation: joined.generation_id, partitions })
            }
            error => {
                self.put_out(error).await?;
                Err(Out::Rejoin)
            }
        }
    }

    async fn beat(&mut self, connection: &mut Connection, generation: i32) -> Result<(), Out> {
        let request = message!(HeartbeatRequest {
            group_id: self.role.group.into(),
            generation_id: generation,
            member_id: self.id.clone(),
            group_instance_id: self.role.instance_id(),
        });
        let sent = self.world.moment();
        let answer = connection.call(&request, 4).await?;
        let error = ErrorCode::from_code(answer.error_code);
        if error == ErrorCode::None {
            self.heard(sent);
        }
        self.go_on(error).await
    }

    async fn commit(&mut self, connection: &mut Connection, share: &Share) -> Result<(), Out> {
        if share.partitions.is_empty() {
            return self.beat(connection, share.generation).await;
        }
        let at = self.random.below(share.partitions.len() as u64) as usize;
        let partition = share.partitions[at];
        let number = self.world.history.borrow_mut().group(self.role.group).draw(partition);
        let request =
            committed::commit_request(&self.role, &self.id, share.generation, partition, number);
        let sent = self.world.moment();
        let answer = match connection.call(&request, 9).await {
            Ok(answer) => answer,
            Err(Lost) => {
                self.become_somebody_else();
                return Err(Out::Lost);
            }
        };
        let error = committed::commit_outcome(connection, &answer)?;
        if error == ErrorCode::None {
            self.role.served(&self.world, &self.id, sent);
            self.world.history.borrow_mut().group(self.role.group).acknowledge(partition, number);
        } else if !is_refusal(error) {
            // It may have been written, and may come to light with the next life.
            self.become_somebody_else();
        }
        self.go_on(error).await
    }

    async fn leave(&mut self, connection: &mut Connection) -> Result<(), Out> {
        let request = message!(LeaveGroupRequest {
            group_id: self.role.group.into(),
            members: vec![message!(MemberIdentity {
                member_id: self.id.clone(),
                group_instance_id: self.role.instance_id(),
            })],
        });
        self.become_somebody_else();
        connection.call(&request, 5).await?;
        Ok(())
    }

    async fn go_on(&mut self, error: ErrorCode) -> Result<(), Out> {
        if error == ErrorCode::None {
            return Ok(());
        }
        self.put_out(error).await?;
        Err(Out::Rejoin)
    }

    /// Takes an error in; one that no circumstance explains is noted.
    async fn put_out(&mut self, error: ErrorCode) -> Result<(), Out> {
        match error {
            ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId => self.become_somebody_else(),
            ErrorCode::IllegalGeneration | ErrorCode::RebalanceInProgress => {}
            error if is_passing(error) => self.world.runtime.sleep(BACKOFF).await,
            error => {
                let life = self.world.machine.life();
                let (group, error) = (self.role.group, error.name());
                let what = format!("a member of {group} was answered {error} in life {life}");
                self.world.history.borrow_mut().incident(what);
                self.world.runtime.sleep(BACKOFF).await;
            }
        }
        Ok(())
    }

    /// What it says of itself: the protocol's type, its subscription, and how long others are to wait
    /// for it.
    fn subscription(&self) -> (&'static str, Bytes, i32) {
        if self.role.group != MIXED_GROUP {
            return ("sim", Bytes::new(), REBALANCE_MS);
        }
        let subscription = message!(ConsumerProtocolSubscription { topics: vec![TOPIC.into()] });
        let metadata = encode_subscription(&subscription, 0).expect("it is short");
        (PROTOCOL_TYPE, metadata, MIXED_REBALANCE_MS)
    }

    fn note(&self, share: &Share) {
        let life = self.world.machine.life();
        let mut history = self.world.history.borrow_mut();
        let facts = history.group(self.role.group);
        if self.role.has_epochs() {
            facts.assignments.extend(share.partitions.iter().map(|partition| Assignment {
                generation: share.generation,
                partition: *partition,
                member: self.role.owner(&self.id),
                life,
            }));
        }
        self.role.tell(&self.id, share.partitions.iter().copied());
    }

    /// Where rebalances wait for everybody who is there, what it is told is its own alone until it
    /// joins again, or its session is over.
    fn take(&mut self, partitions: &[i32], sent: Moment) {
        if self.role.group != MIXED_GROUP || !self.role.holds_alone() {
            return;
        }
        let now = self.world.runtime.now();
        {
            let mut history = self.world.history.borrow_mut();
            let facts = history.group(self.role.group);
            for partition in partitions {
                let member = self.id.as_str().to_owned();
                self.held.push(facts.holdings.len());
                facts.holdings.push(Holding {
                    partition: *partition,
                    member,
                    from: now,
                    until: now,
                });
            }
        }
        self.hold_since(sent);
    }

    fn heard(&mut self, sent: Moment) {
        self.role.served(&self.world, &self.id, sent);
        self.hold_since(sent);
    }

    /// The broker heard it no sooner than this, and counts its session from then.
    fn hold_since(&mut self, sent: Moment) {
        let mut history = self.world.history.borrow_mut();
        let facts = history.group(self.role.group);
        for place in &self.held {
            facts.holdings[*place].until = sent.at + Duration::from_millis(SESSION_MS as u64);
        }
    }

    fn give_up(&mut self) {
        let now = self.world.runtime.now();
        let mut history = self.world.history.borrow_mut();
        let facts = history.group(self.role.group);
        for place in self.held.drain(..) {
            let holding = &mut facts.holdings[place];
            holding.until = holding.until.min(now);
        }
    }

    fn become_somebody_else(&mut self) {
        self.give_up();
        self.id = StrBytes::default();
    }
}

fn encode_part(group: &str, partitions: Vec<i32>) -> Bytes {
    if group != MIXED_GROUP {
        return partitions.into_iter().map(|partition| partition as u8).collect();
    }
    let topic = message!(TopicPartition { topic: TOPIC.into(), partitions: partitions });
    let assignment = message!(ConsumerProtocolAssignment { assigned_partitions: vec![topic] });
    encode_assignment(&assignment, 0).expect("it is short")
}

/// None: they cannot be read.
pub(super) fn decode_part(group: &str, assignment: Bytes) -> Option<Vec<i32>> {
    if group != MIXED_GROUP {
        return Some(assignment.iter().map(|it| i32::from(*it)).collect());
    }
    let topics = decode_assignment(assignment).ok()?.assigned_partitions;
    Some(topics.into_iter().flat_map(|topic| topic.partitions).collect())
}

/// The coordinator has looked at the commit and said no.
fn is_refusal(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::UnknownMemberId
            | ErrorCode::IllegalGeneration
            | ErrorCode::FencedInstanceId
            | ErrorCode::RebalanceInProgress
            | ErrorCode::CoordinatorLoadInProgress
    )
}
