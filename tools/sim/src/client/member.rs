//! A member of the run's group by the classic protocol: joins, assigns if it leads, beats, commits, stalls, leaves,
//! and is forgotten. Partitions are handed out as bytes, one each.
//!
//! What it commits is a number greater than all before. When it does not know what became of a
//! commit it takes a new identity: the old one may still be on its way, but only until the rebalance
//! that the new one sets off is over.

use bytes::Bytes;
use pelton_kafka::wire::join_group_request::JoinGroupRequestProtocol;
use pelton_kafka::wire::leave_group_request::MemberIdentity;
use pelton_kafka::wire::sync_group_request::SyncGroupRequestAssignment;
use pelton_kafka::wire::{
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, SyncGroupRequest,
};
use pelton_kafka::{ErrorCode, StrBytes, message};
use pelton_storage::disk::sim::Random;

use super::World;
use super::committed::{self, BACKOFF, PARTITIONS, is_passing};
use super::connection::{Connection, Lost};
use super::tireless::Tireless;

pub const GROUP: &str = "members";
const PROTOCOL: &str = "bytes";

/// Short, as runs are: a member that stalls is to be missed within one.
const SESSION_MS: i32 = 1_000;
const REBALANCE_MS: i32 = 700;
/// Long enough to be taken for dead.
const STALL_MS: u64 = 2_500;

pub struct Member {
    world: World,
    random: Random,
    id: StrBytes,
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
    pub fn new(world: &World) -> Self {
        let random = world.runtime.fork_random();
        Self { world: world.clone(), random, id: StrBytes::default() }
    }
}

impl Tireless for Member {
    const PAUSE_MS: u64 = 50;

    fn world_and_random(&mut self) -> (&World, &mut Random) {
        (&self.world, &mut self.random)
    }

    async fn session(&mut self, connection: &mut Connection) -> Result<(), Lost> {
        committed::prepare(&self.world, connection, GROUP).await?;
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
        committed::look(&self.world, connection, GROUP, &share.partitions).await?;
        for _ in 0..1 + self.random.below(20) {
            let pause_ms = if self.random.below(30) == 0 { STALL_MS } else { 30 };
            self.world.think(&mut self.random, pause_ms).await;
            match self.random.below(3) {
                0 => self.beat(connection, share.generation).await?,
                _ => self.commit(connection, &share).await?,
            }
        }
        if self.random.below(3) == 0 {
            self.leave(connection).await?;
        }
        Ok(())
    }

    async fn join(&mut self, connection: &mut Connection) -> Result<JoinGroupResponse, Out> {
        loop {
            let request = message!(JoinGroupRequest {
                group_id: GROUP.into(),
                session_timeout_ms: SESSION_MS,
                rebalance_timeout_ms: REBALANCE_MS,
                member_id: self.id.clone(),
                protocol_type: "sim".into(),
                protocols: vec![message!(JoinGroupRequestProtocol { name: PROTOCOL.into() })],
            });
            let answer = connection.call(&request, 9).await?;
            match ErrorCode::from_code(answer.error_code) {
                ErrorCode::None => {
                    self.id = answer.member_id.clone();
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
        let mut parts: Vec<Vec<u8>> = joined.members.iter().map(|_| Vec::new()).collect();
        if !parts.is_empty() {
            for partition in 0..PARTITIONS {
                let at = self.random.below(parts.len() as u64) as usize;
                parts[at].push(partition as u8);
            }
        }
        let assignments = joined.members.iter().zip(parts).map(|(member, part)| {
            message!(SyncGroupRequestAssignment {
                member_id: member.member_id.clone(),
                assignment: Bytes::from(part),
            })
        });
        let request = message!(SyncGroupRequest {
            group_id: GROUP.into(),
            generation_id: joined.generation_id,
            member_id: self.id.clone(),
            protocol_type: Some("sim".into()),
            protocol_name: Some(PROTOCOL.into()),
            assignments: assignments.collect(),
        });
        let answer = connection.call(&request, 5).await?;
        match ErrorCode::from_code(answer.error_code) {
            ErrorCode::None => {
                let partitions = answer.assignment.iter().map(|it| i32::from(*it)).collect();
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
            group_id: GROUP.into(),
            generation_id: generation,
            member_id: self.id.clone(),
        });
        let answer = connection.call(&request, 4).await?;
        self.go_on(ErrorCode::from_code(answer.error_code)).await
    }

    async fn commit(&mut self, connection: &mut Connection, share: &Share) -> Result<(), Out> {
        if share.partitions.is_empty() {
            return self.beat(connection, share.generation).await;
        }
        let at = self.random.below(share.partitions.len() as u64) as usize;
        let partition = share.partitions[at];
        let number = self.world.history.borrow_mut().group(GROUP).draw(partition);
        let request =
            committed::commit_request(GROUP, &self.id, share.generation, partition, number);
        let answer = match connection.call(&request, 9).await {
            Ok(answer) => answer,
            Err(Lost) => {
                self.id = StrBytes::default();
                return Err(Out::Lost);
            }
        };
        let error = committed::commit_outcome(connection, &answer)?;
        if error == ErrorCode::None {
            self.world.history.borrow_mut().group(GROUP).acknowledge(partition, number);
        } else if !is_refusal(error) {
            // It may have been written, and may come to light with the next life.
            self.id = StrBytes::default();
        }
        self.go_on(error).await
    }

    async fn leave(&mut self, connection: &mut Connection) -> Result<(), Out> {
        let request = message!(LeaveGroupRequest {
            group_id: GROUP.into(),
            members: vec![message!(MemberIdentity { member_id: self.id.clone() })],
        });
        self.id = StrBytes::default();
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
            ErrorCode::UnknownMemberId => self.id = StrBytes::default(),
            ErrorCode::IllegalGeneration | ErrorCode::RebalanceInProgress => {}
            error if is_passing(error) => self.world.runtime.sleep(BACKOFF).await,
            error => {
                let life = self.world.machine.life();
                let what = format!("a member was answered {} in life {life}", error.name());
                self.world.history.borrow_mut().incident(what);
                self.world.runtime.sleep(BACKOFF).await;
            }
        }
        Ok(())
    }

    fn note(&self, share: &Share) {
        let life = self.world.machine.life();
        let mut history = self.world.history.borrow_mut();
        history.group(GROUP).assignments.extend(share.partitions.iter().map(|partition| {
            crate::history::groups::Assignment {
                generation: share.generation,
                partition: *partition,
                member: self.id.as_str().to_owned(),
                life,
            }
        }));
    }
}

/// The coordinator has looked at the commit and said no.
fn is_refusal(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::UnknownMemberId
            | ErrorCode::IllegalGeneration
            | ErrorCode::RebalanceInProgress
            | ErrorCode::CoordinatorLoadInProgress
    )
}
