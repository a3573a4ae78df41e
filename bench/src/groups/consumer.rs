//! A member by the consumer protocol (KIP-848): it beats as often as the broker says, gives up at
//! once what it is told to give up, and says so.

use std::time::Duration;

use pelton_kafka::versions::Versions;
use pelton_kafka::wire::consumer_group_heartbeat_request::TopicPartitions;
use pelton_kafka::wire::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
use pelton_kafka::{ErrorCode, StrBytes, message, uuid_of};
use tokio::sync::oneshot;

use super::member::{BACKOFF, Ending, Group, is_passing, pause};
use crate::clock;
use crate::connection::Connection;
use crate::error::Result;

const VERSIONS: Versions = Versions::new(1, 1);

/// As consumers have it by default (`max.poll.interval.ms`).
const REBALANCE_MS: i32 = 300_000;

const JOINS: i32 = 0;
const LEAVES: i32 = -1;

pub(super) async fn live(
    group: &Group,
    number: usize,
    connection: Connection,
    mut ending: oneshot::Receiver<Ending>,
) -> Result<()> {
    // The id is the member's own to choose.
    let id = format!("member-{number}-{}", clock::wall_ms()).into();
    let (epoch, owned) = (JOINS, Vec::new());
    let mut member = Consumer { group, number, connection, id, epoch, owned, is_told: false };
    loop {
        let next = member.beat().await?;
        match pause(next, &mut ending).await {
            Some(Ending::Leaves) => return member.leave().await,
            Some(Ending::Dies) => return Ok(()),
            None => {}
        }
    }
}

struct Consumer<'a> {
    group: &'a Group,
    number: usize,
    connection: Connection,
    id: StrBytes,
    epoch: i32,
    owned: Vec<i32>,
    /// Whether the broker has been told what is owned.
    is_told: bool,
}

impl Consumer<'_> {
    /// The time until the next one.
    async fn beat(&mut self) -> Result<Duration> {
        let joins = self.epoch == JOINS;
        let owned = match self.owned.is_empty() {
            true => Vec::new(),
            false => vec![message!(TopicPartitions {
                topic_id: uuid_of(self.group.topic_id),
                partitions: self.owned.clone(),
            })],
        };
        let request = message!(ConsumerGroupHeartbeatRequest {
            group_id: self.group.name.clone(),
            member_id: self.id.clone(),
            member_epoch: self.epoch,
            rebalance_timeout_ms: if joins { REBALANCE_MS } else { -1 },
            subscribed_topic_names: joins.then(|| vec![self.group.topic.clone()]),
            topic_partitions: (joins || !self.is_told).then_some(owned),
        });
        let answer = self.connection.call(&request, VERSIONS).await?;
        match ErrorCode::from_code(answer.error_code) {
            ErrorCode::None => Ok(self.take(&answer)),
            ErrorCode::UnknownMemberId | ErrorCode::FencedMemberEpoch => {
                self.epoch = JOINS;
                self.owned.clear();
                Ok(Duration::ZERO)
            }
            code if is_passing(code) => Ok(BACKOFF),
            code => Err(self.group.refused("ConsumerGroupHeartbeat", code)),
        }
    }

    fn take(&mut self, answer: &ConsumerGroupHeartbeatResponse) -> Duration {
        self.is_told = true;
        let epoch_before = std::mem::replace(&mut self.epoch, answer.member_epoch);
        let mut has_changed = false;
        if let Some(assignment) = &answer.assignment {
            let topics = assignment.topic_partitions.iter();
            let told: Vec<i32> = topics.flat_map(|topic| &topic.partitions).copied().collect();
            has_changed = told != self.owned;
            self.owned = told;
        }
        if has_changed || self.epoch != epoch_before {
            self.group.report(self.number, self.epoch, self.owned.clone());
        }
        if has_changed {
            // What it has given up others wait for.
            self.is_told = false;
            return Duration::ZERO;
        }
        Duration::from_millis(u64::try_from(answer.heartbeat_interval_ms).unwrap_or(0))
    }

    async fn leave(mut self) -> Result<()> {
        let request = message!(ConsumerGroupHeartbeatRequest {
            group_id: self.group.name.clone(),
            member_id: self.id.clone(),
            member_epoch: LEAVES,
        });
        self.connection.call(&request, VERSIONS).await?;
        Ok(())
    }
}
