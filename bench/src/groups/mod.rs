//! How long a group of consumers takes to come to rest: when all of its members come at once, when
//! one more comes, when one leaves, and when one dies.
//!
//! Every member is a connection that does what a consumer does in its group, and reads nothing.
//! Time runs until the last one has been told its share: all are in the same generation (or epoch),
//! and every partition is one member's.

mod board;
mod classic;
mod consumer;
mod member;
mod table;

use std::sync::Arc;
use std::time::Duration;

use pelton_client::Admin;
use pelton_kafka::versions::Versions;
use pelton_kafka::wire::FindCoordinatorRequest;
use pelton_kafka::{ErrorCode, message};
use serde::Serialize;
use tokio::task::LocalSet;

use self::member::{Ending, Group, Member};
pub use self::table::write_groups_table;
use crate::clock;
use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::plan::TopicPlan;
use crate::process::Sample;
use crate::topic;

/// No group takes longer, whatever its timeouts; so long a member waits for the others.
const SETTLE_WITHIN: Duration = Duration::from_secs(180);

/// A coordinator that loads, or does not exist yet, is asked again for so long.
const FIND_WITHIN: Duration = Duration::from_secs(30);
const FIND_PAUSE: Duration = Duration::from_millis(50);

/// Between the first join and the rest.
const QUIET_BEFORE_REST: Duration = Duration::from_secs(5);

const FIND_VERSIONS: Versions = Versions::new(0, 3);

/// How members speak with their coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupProtocol {
    Classic,
    /// KIP-848.
    Consumer,
}

impl GroupProtocol {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
        }
    }
}

/// What is to be measured.
#[derive(Clone, Debug, Serialize)]
pub struct GroupsPlan {
    pub bootstrap: String,
    pub protocol: GroupProtocol,
    /// That come at once.
    pub members: usize,
    pub partitions: i32,
    /// How often one more comes, and one leaves.
    pub rounds: u32,
    /// How often one dies, after that; one member is left at least.
    pub deaths: u32,
    /// How long the group is watched while nothing happens, after the first join; 0: not at all.
    pub rest_seconds: u32,
    /// Of the classic protocol; otherwise the broker tells it.
    pub heartbeat_ms: u32,
    /// Of the classic protocol; otherwise the broker knows it.
    pub session_ms: u32,
    /// The broker's process, if it runs here.
    pub server_pid: Option<u32>,
}

/// What happens to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupEvent {
    AllJoin,
    /// Nothing: members beat.
    Rest,
    OneJoins,
    OneLeaves,
    /// Its connection is gone. The time includes its session.
    OneDies,
}

/// One event, and how long the group took.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct GroupMeasure {
    pub event: GroupEvent,
    /// Until everybody had its share; of a rest, its length.
    pub seconds: f64,
    /// Of the broker, in steps of 10 ms.
    pub server_cpu_seconds: Option<f64>,
}

/// Measures; `progress` is told each figure as it comes.
///
/// # Errors
/// The plan makes no sense, the broker cannot be reached or refuses a member, or a group does not
/// come to rest within three minutes.
pub fn run_groups(
    plan: &GroupsPlan,
    progress: &mut dyn FnMut(&GroupMeasure),
) -> Result<Vec<GroupMeasure>> {
    if plan.members == 0 || plan.partitions <= 0 {
        return Err(Error::Invalid("a group needs members, and partitions".into()));
    }
    crate::files::make_room_for(plan.members + 1)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::io("a runtime"))?;
    LocalSet::new().block_on(&runtime, measure(plan, progress))
}

async fn measure(
    plan: &GroupsPlan,
    progress: &mut dyn FnMut(&GroupMeasure),
) -> Result<Vec<GroupMeasure>> {
    let topic_plan = TopicPlan {
        existing: None,
        partitions: plan.partitions,
        replication_factor: None,
        configs: Default::default(),
        keep: false,
    };
    let measured = topic::with_topic(&plan.bootstrap, &topic_plan, async |cluster, topic| {
        let group = format!("{}-{}", topic.name.as_str(), plan.protocol.name());
        let coordinator = find_coordinator(&topic.leaders[0], &group).await?;
        let group = Group::new(plan, group, topic.name.clone(), topic.id, coordinator);
        let play = Play { plan, group: group.clone(), members: Vec::new(), came: 0, progress };
        let figures = play.play().await?;
        Admin::new(cluster.clone()).delete_group(group.name()).await?;
        Ok(figures)
    });
    measured.await
}

async fn find_coordinator(any: &Arc<str>, group: &str) -> Result<Arc<str>> {
    let mut connection = Connection::connect(any).await?;
    let deadline = clock::now() + FIND_WITHIN;
    loop {
        let request = message!(FindCoordinatorRequest { key: group.into() });
        let found = connection.call(&request, FIND_VERSIONS).await?;
        match ErrorCode::from_code(found.error_code) {
            ErrorCode::None => return Ok(format!("{}:{}", &*found.host, found.port).into()),
            ErrorCode::CoordinatorNotAvailable if clock::now() < deadline => {
                tokio::time::sleep(FIND_PAUSE).await;
            }
            code => return Err(Error::Broker { context: format!("group {group}"), code }),
        }
    }
}

/// One group's life.
struct Play<'a> {
    plan: &'a GroupsPlan,
    group: Group,
    members: Vec<Member>,
    /// Members that ever were.
    came: usize,
    progress: &'a mut dyn FnMut(&GroupMeasure),
}

impl Play<'_> {
    async fn play(mut self) -> Result<Vec<GroupMeasure>> {
        let mut figures = vec![self.measure(GroupEvent::AllJoin).await?];
        if self.plan.rest_seconds > 0 {
            figures.push(self.rest().await?);
        }
        for _ in 0..self.plan.rounds {
            figures.push(self.measure(GroupEvent::OneJoins).await?);
            figures.push(self.measure(GroupEvent::OneLeaves).await?);
        }
        // The last: each death makes the group smaller.
        let deaths = (self.plan.deaths as usize).min(self.members.len() - 1);
        for _ in 0..deaths {
            figures.push(self.measure(GroupEvent::OneDies).await?);
        }
        // All at once: one after the other would have the others rebalance each time.
        let ends: Vec<_> =
            self.members.drain(..).map(|member| member.end(Ending::Leaves)).collect();
        for end in ends {
            end.await?;
        }
        Ok(figures)
    }

    async fn measure(&mut self, event: GroupEvent) -> Result<GroupMeasure> {
        let newcomers = match event {
            GroupEvent::AllJoin => self.plan.members,
            GroupEvent::OneJoins => 1,
            GroupEvent::Rest | GroupEvent::OneLeaves | GroupEvent::OneDies => 0,
        };
        // Connections are there before the clock starts.
        let mut connections = Vec::with_capacity(newcomers);
        for _ in 0..newcomers {
            connections.push(self.group.connect().await?);
        }
        let before = self.usage()?;
        let began = clock::now();
        for connection in connections {
            self.members.push(self.group.join(self.came, connection));
            self.came += 1;
        }
        match event {
            GroupEvent::AllJoin | GroupEvent::Rest | GroupEvent::OneJoins => {}
            GroupEvent::OneLeaves => self.end_one(Ending::Leaves).await?,
            GroupEvent::OneDies => self.end_one(Ending::Dies).await?,
        }
        let settled = tokio::time::timeout(SETTLE_WITHIN, self.group.settled()).await;
        let Ok(settled) = settled else {
            return Err(Error::Invalid(self.group.why_not(event)));
        };
        let seconds = (settled? - began).as_secs_f64();
        self.figure(event, seconds, before)
    }

    /// What the heartbeats of a group cost that has come to rest.
    async fn rest(&mut self) -> Result<GroupMeasure> {
        // Whoever came late may still beat as one that waits.
        self.group.stay(QUIET_BEFORE_REST).await?;
        let before = self.usage()?;
        self.group.stay(Duration::from_secs(self.plan.rest_seconds.into())).await?;
        self.figure(GroupEvent::Rest, self.plan.rest_seconds.into(), before)
    }

    fn usage(&self) -> Result<Option<Sample>> {
        self.plan.server_pid.map(Sample::of).transpose()
    }

    fn figure(
        &mut self,
        event: GroupEvent,
        seconds: f64,
        before: Option<Sample>,
    ) -> Result<GroupMeasure> {
        let used = self.usage()?.zip(before);
        let server_cpu_seconds = used.map(|(now, before)| now.since(&before).cpu_seconds);
        let figure = GroupMeasure { event, seconds, server_cpu_seconds };
        (self.progress)(&figure);
        Ok(figure)
    }

    async fn end_one(&mut self, how: Ending) -> Result<()> {
        let Some(member) = self.members.pop() else { return Ok(()) };
        self.group.dismiss(member.number());
        member.end(how).await
    }
}
