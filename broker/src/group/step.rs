//! One step of a coordinator, from the command to its replies.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{Either, join_all, select};
use pelton_group::{Cluster, Command, Coordinator, Effects, Now, Reply, Token};
use pelton_model::{Offset, TopicId};
use pelton_storage::{AckedBy, Log};

use super::cluster::ClusterView;
use super::{GroupAnswer, GroupFault, GroupOutcome, GroupRequest, Hosted, HostedState};
use crate::shard::Shard;

/// Replies that leave when the partition's log is committed so far.
pub(super) struct Outgoing {
    end: Offset,
    pub replies: Vec<(Token, Reply)>,
}

/// A step that somebody has asked for.
struct Begun {
    hosted: Rc<Hosted>,
    token: Token,
    outgoing: Outgoing,
}

impl Shard {
    /// As the owner: what the coordinators of some partitions answer. Each step is one by itself (R8);
    /// what they have appended becomes durable together.
    pub async fn coordinate(self: &Rc<Self>, requests: Vec<GroupRequest>) -> Vec<GroupAnswer> {
        let mut begun = Vec::with_capacity(requests.len());
        for (at, request) in requests.into_iter().enumerate() {
            if at > 0 {
                self.env.breathe().await;
            }
            begun.push(self.begin_one(request).await);
        }
        join_all(begun.into_iter().map(|begun| self.finish(begun))).await
    }

    async fn begin_one(self: &Rc<Self>, request: GroupRequest) -> Result<Begun, GroupFault> {
        let GroupRequest { partition, token, mut command } = request;
        let hosted = self.groups.get(partition).ok_or(GroupFault::NotCoordinator)?;
        self.wait_for_room().await;
        self.mark_gone_topics(&mut command);
        let outgoing =
            self.step(&hosted, |it, now, cluster| it.handle(now, cluster, token, command))?;
        Ok(Begun { hosted, token, outgoing })
    }

    /// State and log move together; nothing awaits in between.
    pub(super) fn step(
        self: &Rc<Self>,
        hosted: &Rc<Hosted>,
        act: impl FnOnce(&mut Coordinator, Now, &dyn Cluster) -> Effects,
    ) -> Result<Outgoing, GroupFault> {
        let now = Now { wall: self.env.now(), elapsed: self.env.elapsed() };
        let effects = match &mut *hosted.state.borrow_mut() {
            HostedState::Ready(coordinator) => {
                let cluster = ClusterView { shard: self, partition: hosted.partition };
                let effects = act(coordinator, now, &cluster);
                hosted.expect(coordinator.next_deadline());
                self.groups.count_members(hosted, coordinator.consumer_members());
                Some(effects)
            }
            HostedState::Loading => return Err(GroupFault::Loading),
            HostedState::Closed => return Err(GroupFault::NotCoordinator),
            HostedState::Failed => None,
        };
        let Some(Effects { records, replies }) = effects else {
            self.load(hosted);
            return Err(GroupFault::Unavailable);
        };
        let log = self.store.log(hosted.partition);
        let appended = match log {
            Some(log) => self.append_group_records(&log, &records),
            None => Err(GroupFault::NotCoordinator),
        };
        match appended {
            Ok(end) => {
                let end = end.max(hosted.newest.get());
                hosted.newest.set(end);
                Ok(Outgoing { end, replies })
            }
            Err(fault) => {
                self.send_group_answers(
                    replies.into_iter().map(|(token, _)| (token, Err(fault))).collect(),
                );
                self.fail(hosted);
                Err(fault)
            }
        }
    }

    /// Lets the replies out once they are true for good; the asker's own is given back.
    async fn finish(self: &Rc<Self>, begun: Result<Begun, GroupFault>) -> GroupAnswer {
        let Begun { hosted, token, outgoing } = match begun {
            Ok(begun) => begun,
            Err(fault) => return GroupAnswer::Now(Err(fault)),
        };
        let mut answers = self.durable_replies(&hosted, outgoing).await;
        let own = answers.iter().position(|(to, _)| *to == token);
        let own = own.map(|at| answers.swap_remove(at).1);
        self.send_group_answers(answers);
        own.map_or(GroupAnswer::Later, GroupAnswer::Now)
    }

    /// The same for a step that nobody asked for.
    pub(super) async fn send_replies(self: &Rc<Self>, hosted: &Rc<Hosted>, outgoing: Outgoing) {
        let answers = self.durable_replies(hosted, outgoing).await;
        self.send_group_answers(answers);
    }

    async fn durable_replies(
        self: &Rc<Self>,
        hosted: &Rc<Hosted>,
        outgoing: Outgoing,
    ) -> Vec<(Token, GroupOutcome)> {
        let Outgoing { end, replies } = outgoing;
        let durable = match self.store.log(hosted.partition) {
            Some(log) => self.durable_in_time(&log, end).await,
            None => Err(GroupFault::NotCoordinator),
        };
        if durable == Err(GroupFault::NotCoordinator) {
            self.fail(hosted);
        }
        replies.into_iter().map(|(token, reply)| (token, durable.map(|()| reply))).collect()
    }

    /// Waits no longer than `offsets.commit.timeout.ms`, which in Kafka bounds every write of a
    /// coordinator. What comes too late stays in the log and in the state: it may have happened, as
    /// after any answer that is lost. Should it fail later, the next step finds out, since all
    /// replies wait for all that was appended before them.
    async fn durable_in_time(&self, log: &Log, end: Offset) -> Result<(), GroupFault> {
        let timeout = self.with_broker_configs(|it| it.integer("offsets.commit.timeout.ms"));
        let timeout = self.env.sleep(Duration::from_millis(timeout.max(1) as u64));
        match select(pin!(log.acknowledged(AckedBy::Commit(end))), timeout).await {
            Either::Left((acknowledged, _)) => acknowledged.map_err(|_| GroupFault::NotCoordinator),
            Either::Right(_) => {
                tracing::warn!(partition = %log.id(), "a coordinator's records are not durable in time");
                Err(GroupFault::Unavailable)
            }
        }
    }

    /// A commit may have been on its way here while its topic was deleted.
    fn mark_gone_topics(&self, command: &mut Command) {
        let Command::CommitOffsets(commit) = command else { return };
        let view = self.view.borrow();
        for offset in &mut commit.offsets {
            offset.topic_is_gone = offset.topic_id != TopicId::ZERO
                && view.cluster.topic_by_id(offset.topic_id).is_none();
        }
    }
}
