//! One coordinator: the groups of one partition of `__consumer_offsets`. Each verb is a file.

mod census;
pub mod command;
pub mod effects;
mod expire;
pub mod figures;
mod fire;
mod list;
mod rebalances;
mod replay;
pub mod reply;
mod turn;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::classic::{ClassicGroup, State};
use crate::cluster::Cluster;
use crate::config::GroupConfig;
use crate::consumer::ConsumerGroup;
use crate::error::GroupError;
use crate::ids::GroupId;
use crate::limits::GROUPS_PER_COORDINATOR_MAX;
use crate::offsets::Offsets;
use crate::timers::Timers;
use command::{Command, Join, LeavingMember};
use effects::{Effects, Now, Step, Token};
use figures::Figures;
use rebalances::Rebalances;
use reply::{GroupState, JoinRefused, LeftMember, Reply};

/// A name goes into a record's key, which has 16 bits for its length.
const GROUP_ID_BYTES_MAX: usize = i16::MAX as usize;

/// See the module and [the crate](crate).
pub struct Coordinator {
    pub(crate) config: GroupConfig,
    pub(crate) groups: BTreeMap<GroupId, Group>,
    timers: Timers,
    pub(crate) figures: Figures,
    consumer_members: usize,
    /// Where the search for expired offsets goes on; none: it begins anew.
    expiry_after: Option<GroupId>,
}

/// What a group is whatever its protocol, and what it is by its protocol.
pub(crate) struct Group {
    pub offsets: Offsets,
    pub kind: Kind,
    rebalances: Rebalances,
    /// What it adds to the coordinator's count.
    members_counted: usize,
}

/// The protocols. A group that only has simple commits is a classic one without members.
pub(crate) enum Kind {
    Classic(ClassicGroup),
    Consumer(ConsumerGroup),
}

impl Kind {
    /// As Kafka calls it.
    const fn name(&self) -> &'static str {
        match self {
            Self::Classic(_) => "classic",
            Self::Consumer(_) => "consumer",
        }
    }
}

impl Group {
    fn new(id: &GroupId) -> Self {
        let kind = Kind::Classic(ClassicGroup::new(id.clone()));
        Self {
            offsets: Offsets::default(),
            kind,
            rebalances: Rebalances::default(),
            members_counted: 0,
        }
    }

    /// None: the group speaks another protocol.
    fn classic(&mut self) -> Option<&mut ClassicGroup> {
        match &mut self.kind {
            Kind::Classic(group) => Some(group),
            Kind::Consumer(_) => None,
        }
    }

    pub(crate) fn state(&self) -> GroupState {
        match &self.kind {
            Kind::Classic(group) => GroupState::Classic(group.state()),
            Kind::Consumer(group) => GroupState::Consumer(group.state()),
        }
    }

    /// What it keeps in memory, but for names: an estimate.
    fn state_bytes(&self) -> usize {
        let kind = match &self.kind {
            Kind::Classic(group) => group.state_bytes(),
            Kind::Consumer(group) => group.state_bytes(),
        };
        kind + self.offsets.state_bytes()
    }

    /// Nobody is in it.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.kind {
            Kind::Classic(group) => group.state() == State::Empty,
            Kind::Consumer(group) => group.is_empty(),
        }
    }
}

impl Coordinator {
    /// Without groups: what is on the log is to be [replayed](Coordinator::replay), and then
    /// [begun](Coordinator::begin) with.
    pub fn new(config: GroupConfig) -> Self {
        Self {
            config,
            groups: BTreeMap::new(),
            timers: Timers::default(),
            figures: Figures::default(),
            consumer_members: 0,
            expiry_after: None,
        }
    }

    /// When [`Coordinator::fire`] is to be called, as [`Now::elapsed`]; none: nothing waits.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.timers.next()
    }

    /// Takes a command. The reply is among the effects, but for a JoinGroup or SyncGroup that waits
    /// for others.
    pub fn handle(
        &mut self,
        now: Now,
        cluster: &dyn Cluster,
        token: Token,
        command: Command,
    ) -> Effects {
        let mut effects = Effects::default();
        let group = command.group().cloned();
        if let Some(reply) = self.answer(now, cluster, token, command, &mut effects) {
            effects.replies.push((token, reply));
        }
        if let Some(group) = group {
            self.has_stepped(&group, now);
        }
        self.watch_expiry(now);
        effects
    }

    /// What is kept of all groups follows what a step has done to one.
    fn has_stepped(&mut self, group: &GroupId, now: Now) {
        self.watch_rebalances(group, now);
        self.count_members(group);
    }

    /// Everyone who waits; for a coordinator that is thrown away.
    pub fn take_waiting(&mut self) -> Vec<Token> {
        let groups = self.groups.values_mut().filter_map(Group::classic);
        groups.flat_map(ClassicGroup::take_waiting).collect()
    }

    fn answer(
        &mut self,
        now: Now,
        cluster: &dyn Cluster,
        token: Token,
        command: Command,
        effects: &mut Effects,
    ) -> Option<Reply> {
        if let Some(refused) = refuse_name(&command) {
            return Some(refused);
        }
        match command {
            Command::Join(join) => self.join(now, cluster, token, join, effects),
            Command::Sync(sync) => {
                let id = sync.group.clone();
                match self.group(&id, now, cluster, effects) {
                    Some((Kind::Classic(group), mut step)) => group.sync(token, sync, &mut step),
                    Some((Kind::Consumer(group), mut step)) => {
                        Some(Reply::Synced(group.sync_classic(&sync, &mut step)))
                    }
                    None => Some(Reply::Synced(Err(GroupError::UnknownMemberId))),
                }
            }
            Command::Heartbeat(beat) => {
                let outcome = match self.group(&beat.group, now, cluster, effects) {
                    Some((Kind::Classic(group), mut step)) => group.heartbeat(&beat, &mut step),
                    Some((Kind::Consumer(group), mut step)) => group.beat_classic(&beat, &mut step),
                    None => Err(GroupError::UnknownMemberId),
                };
                Some(Reply::Beaten(outcome))
            }
            Command::Leave(leave) => {
                let id = leave.group.clone();
                let left = match self.group(&id, now, cluster, effects) {
                    Some((Kind::Classic(group), mut step)) => group.leave(leave.members, &mut step),
                    Some((Kind::Consumer(group), mut step)) => {
                        group.send_away(leave.members, &mut step)
                    }
                    None => nobody_left(leave),
                };
                self.downgrade(&id, now, cluster, effects);
                Some(Reply::Left(Ok(left)))
            }
            Command::ConsumerHeartbeat(beat) => {
                Some(Reply::ConsumerBeaten(self.consumer_heartbeat(now, cluster, beat, effects)))
            }
            Command::CommitOffsets(commit) => {
                Some(Reply::Committed(self.commit_offsets(now, cluster, commit, effects)))
            }
            Command::FetchOffsets(fetch) => {
                Some(Reply::Fetched(self.fetch_offsets(cluster, &fetch)))
            }
            Command::DeleteOffsets(delete) => {
                Some(Reply::OffsetsDeleted(self.delete_offsets(delete, effects)))
            }
            Command::Describe { group } => Some(Reply::Described(self.describe(&group))),
            Command::DescribeConsumer { group } => {
                Some(Reply::ConsumerDescribed(self.describe_consumer(&group)))
            }
            Command::List { after, count_max } => Some(Reply::Listed(self.list(after, count_max))),
            Command::DeleteGroup { group } => {
                Some(Reply::GroupDeleted(self.delete_group(&group, effects)))
            }
            Command::ForgetTopics { topics, after, count_max } => {
                Some(Reply::Forgotten(self.forget_topics(&topics, after, count_max, effects)))
            }
        }
    }

    fn join(
        &mut self,
        now: Now,
        cluster: &dyn Cluster,
        token: Token,
        join: Join,
        effects: &mut Effects,
    ) -> Option<Reply> {
        let refuse = |error| {
            Some(Reply::Joined(Err(JoinRefused { error, member_id: join.member_id.clone() })))
        };
        let session_timeouts =
            self.config.group_min_session_timeout_ms..=self.config.group_max_session_timeout_ms;
        if !session_timeouts.contains(&join.session_timeout_ms) {
            return refuse(GroupError::InvalidSessionTimeout);
        }
        if self.is_used_by_consumers(&join.group) {
            let id = join.group.clone();
            let (takes_over, outcome) = match self.group(&id, now, cluster, effects)? {
                (Kind::Consumer(group), mut step) => {
                    (group.is_taken_over_by(&join), group.join_classic(join, &mut step))
                }
                (Kind::Classic(_), _) => return None,
            };
            if takes_over && outcome.is_ok() {
                self.downgrade(&id, now, cluster, effects);
            }
            return Some(Reply::Joined(outcome));
        }
        let is_new = !self.groups.contains_key(&join.group);
        if is_new && !join.member_id.is_empty() {
            return refuse(GroupError::UnknownMemberId);
        }
        if let Err(error) = self.make_room(&join.group) {
            return refuse(error);
        }
        let group_id = join.group.clone();
        self.turn_classic(&group_id, effects);
        let (group, mut step) = self.classic(&group_id, now, cluster, effects)?;
        if is_new {
            group.set_begun(now);
            // So that the group is a classic one after a reload as well, as Kafka does. Nobody is in
            // it yet: whoever joins is written when the first rebalance is through.
            step.effects.records.push(group.record());
        }
        group.join(token, join, &mut step)
    }

    /// Makes the group if it is not there.
    pub(crate) fn make_room(&mut self, id: &GroupId) -> Result<(), GroupError> {
        if self.groups.contains_key(id) {
            return Ok(());
        }
        if self.groups.len() >= GROUPS_PER_COORDINATOR_MAX {
            return Err(GroupError::CoordinatorNotAvailable);
        }
        self.groups.insert(id.clone(), Group::new(id));
        Ok(())
    }

    /// A group, and what a step on it touches.
    pub(crate) fn group<'a>(
        &'a mut self,
        id: &GroupId,
        now: Now,
        cluster: &'a dyn Cluster,
        effects: &'a mut Effects,
    ) -> Option<(&'a mut Kind, Step<'a>)> {
        let group = self.groups.get_mut(id)?;
        let Self { config, timers, .. } = self;
        Some((&mut group.kind, Step { now, config, cluster, timers, effects }))
    }

    /// The same, if it is a classic one.
    pub(crate) fn classic<'a>(
        &'a mut self,
        id: &GroupId,
        now: Now,
        cluster: &'a dyn Cluster,
        effects: &'a mut Effects,
    ) -> Option<(&'a mut ClassicGroup, Step<'a>)> {
        match self.group(id, now, cluster, effects)? {
            (Kind::Classic(group), step) => Some((group, step)),
            (Kind::Consumer(_), _) => None,
        }
    }
}

/// The empty name exists for simple commits only.
fn refuse_name(command: &Command) -> Option<Reply> {
    let group = command.group()?;
    if group.len() <= GROUP_ID_BYTES_MAX && !group.is_empty() {
        return None;
    }
    let error = GroupError::InvalidGroupId;
    match command {
        Command::Join(join) => {
            Some(Reply::Joined(Err(JoinRefused { error, member_id: join.member_id.clone() })))
        }
        Command::Sync(_) => Some(Reply::Synced(Err(error))),
        Command::Heartbeat(_) => Some(Reply::Beaten(Err(error))),
        Command::Leave(_) => Some(Reply::Left(Err(error))),
        Command::DeleteOffsets(_) => Some(Reply::OffsetsDeleted(Err(error))),
        Command::DescribeConsumer { .. } => Some(Reply::ConsumerDescribed(Err(error))),
        _ if group.is_empty() => None,
        Command::CommitOffsets(_) => Some(Reply::Committed(Err(error))),
        Command::FetchOffsets(_) => Some(Reply::Fetched(Err(error))),
        // An empty one is refused as a request of a bad shape.
        Command::ConsumerHeartbeat(_) => Some(Reply::ConsumerBeaten(Err(error))),
        Command::Describe { .. } => Some(Reply::Described(Err(error))),
        Command::DeleteGroup { .. } => Some(Reply::GroupDeleted(Err(error))),
        Command::List { .. } | Command::ForgetTopics { .. } => None,
    }
}

/// Of a group that is not there.
fn nobody_left(leave: command::Leave) -> Vec<LeftMember> {
    let outcome = Err(GroupError::UnknownMemberId);
    let members = leave.members.into_iter();
    members
        .map(|LeavingMember { member_id, instance_id }| LeftMember {
            member_id,
            instance_id,
            outcome,
        })
        .collect()
}

#[cfg(test)]
#[path = "coordinator_test.rs"]
mod coordinator_test;
