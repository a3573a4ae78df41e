//! The task that is a member: does what the membership asks for, tells the user's listener, and
//! commits by itself if it is to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;

use super::membership::{Membership, Rules, Step};
use super::requests::{Asker, JoinAnswer, heartbeat, join, leave, sync};
use super::{Control, Group, Listener};
use crate::consumer::options::{OffsetReset, StartAt};
use crate::consumer::record::TopicPartition;
use crate::consumer::{Consumer, Handle, Inner};
use crate::error::{Error, Result};
use crate::group::offsets::{Identity, NO_GENERATION};
use crate::random;

pub(in crate::consumer) struct GroupTask {
    /// For the listener; gone when the user is.
    consumer: Weak<Handle>,
    inner: Arc<Inner>,
    group: Arc<Group>,
    membership: Membership,
    listener: Listener,
    beating: Option<Abort<Result<()>>>,
    committing: Option<Abort<Result<()>>>,
    next_commit: Option<Instant>,
    changes: watch::Receiver<u64>,
    /// Since when we are out of the group until the user asks for more.
    parked: Option<Instant>,
}

/// A task that ends with its handle.
struct Abort<T>(JoinHandle<T>, AbortHandle);

impl<T: Send + 'static> Abort<T> {
    fn spawn(task: impl Future<Output = T> + Send + 'static) -> Self {
        let task = tokio::spawn(task);
        let abort = task.abort_handle();
        Self(task, abort)
    }
}

impl<T> Drop for Abort<T> {
    fn drop(&mut self) {
        self.1.abort();
    }
}

/// Whether a user came in time.
#[derive(PartialEq, Eq)]
enum User {
    IsDone,
    IsGone,
}

impl GroupTask {
    pub(in crate::consumer) fn new(
        consumer: Weak<Handle>,
        inner: Arc<Inner>,
        group: Arc<Group>,
    ) -> Self {
        let rules = Rules {
            group: group.options.id.as_str().into(),
            assignors: group.options.assignors.clone(),
            heartbeat_interval: group.options.heartbeat_interval,
            backoff: inner.cluster.options().retry_backoff(),
        };
        Self {
            consumer,
            changes: inner.cluster.changes(),
            inner,
            next_commit: group.options.auto_commit.map(|every| Instant::now() + every),
            group,
            membership: Membership::new(rules),
            listener: None,
            beating: None,
            committing: None,
            parked: None,
        }
    }

    /// Ends when the consumer is closed.
    pub(in crate::consumer) async fn run(mut self) {
        loop {
            if self.take_orders() {
                return self.leave_for_good().await;
            }
            let now = Instant::now();
            let done = match self.membership.poll(now) {
                Ok(Step::Wait(until)) => {
                    self.wait(until).await;
                    Ok(())
                }
                Ok(Step::Heartbeat) => {
                    self.beat(now);
                    Ok(())
                }
                Ok(Step::Prepare { revoked, lost }) => {
                    self.prepare(revoked, lost).await;
                    Ok(())
                }
                Ok(Step::Join { member_id, protocols }) => self.join(member_id, protocols).await,
                Ok(Step::Divide { topics }) => {
                    let counts = self.partition_counts(topics).await;
                    self.membership.divided(counts)
                }
                Ok(Step::Sync { protocol, assignments }) => self.sync(&protocol, assignments).await,
                Ok(Step::Adopt { revoked, added }) => self.adopt(revoked, added).await,
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                self.tell(error);
            }
            self.publish();
        }
    }

    /// Whether to close.
    fn take_orders(&mut self) -> bool {
        let (subscription, doubts, is_closing) = {
            let mut control = self.group.control();
            let Control { subscription, doubts, is_closing, .. } = &mut *control;
            (subscription.take(), std::mem::take(doubts), *is_closing)
        };
        if let Some((topics, listener)) = subscription {
            self.listener = listener;
            self.parked = None;
            self.membership.subscribe(topics);
        }
        if !doubts.is_empty() && self.membership.generation() != NO_GENERATION {
            // A heartbeat tells what we are.
            self.beat(Instant::now());
        }
        is_closing
    }

    /// As whom others commit.
    fn publish(&self) {
        let generation = self.membership.generation();
        let identity = match generation {
            NO_GENERATION => Identity::default(),
            generation => Identity {
                member_id: self.membership.member_id().clone(),
                generation: Some(generation),
                instance_id: self.group.options.instance_id.clone(),
            },
        };
        self.group.control().identity = identity;
    }

    async fn wait(&mut self, until: Option<Instant>) {
        let gone_at = self.user_gone_at();
        let alarm = [until, gone_at, self.next_commit].into_iter().flatten().min();
        tokio::select! {
            () = self.group.news.notified() => {}
            heard = ended(&mut self.beating) => self.heard(heard),
            committed = ended(&mut self.committing) => {
                if let Err(error) = committed {
                    tracing::warn!(%error, group = self.group.options.id, "a commit failed");
                }
            }
            _ = self.changes.changed() => self.look_at_counts(),
            () = sleep_until(alarm) => {}
        }
        let now = Instant::now();
        if self.next_commit.is_some_and(|at| at <= now) {
            self.commit_in_turn(now);
        }
        if self.parked.is_some_and(|since| self.group.control().last_asked > since) {
            self.parked = None;
            self.membership.come_back();
        } else if self.user_gone_at().is_some_and(|at| at <= now) {
            self.park().await;
        }
    }

    /// When the user will have asked for nothing for too long.
    fn user_gone_at(&self) -> Option<Instant> {
        let control = self.group.control();
        let is_watched = self.parked.is_none()
            && self.membership.generation() != NO_GENERATION
            && control.users_waiting == 0;
        is_watched.then(|| control.last_asked + self.group.options.poll_interval_max)
    }

    /// Leaves until the user asks for more: somebody else may do its work meanwhile.
    async fn park(&mut self) {
        tracing::warn!(group = self.group.options.id, "no record was asked for in time: leaving");
        self.inner.state().hold(true);
        self.parked = Some(Instant::now());
        self.send_leave().await;
        self.membership.left();
    }

    fn commit_in_turn(&mut self, now: Instant) {
        self.next_commit = self.group.options.auto_commit.map(|every| now + every);
        if self.committing.is_some() {
            return;
        }
        // A member between generations commits when it is one again.
        if self.group.is_subscribed() && self.membership.generation() == NO_GENERATION {
            return;
        }
        let progress = self.inner.state().progress(false);
        let group = self.group.clone();
        self.committing = Some(Abort::spawn(async move { group.commit_progress(progress).await }));
    }

    fn look_at_counts(&mut self) {
        let Some(watched) = self.membership.watched() else { return };
        let cluster = &self.inner.cluster;
        let counts = watched.keys().map(|name| {
            let count = cluster.known_topic(name).map_or(0, |topic| topic.partitions.len());
            (name.clone(), count)
        });
        let counts: BTreeMap<_, _> = counts.collect();
        self.membership.counts_changed(&counts);
    }

    fn beat(&mut self, now: Instant) {
        self.membership.beat(now);
        // A topic that nobody knows yet may have come to be.
        let unknown = self.membership.watched().into_iter().flatten();
        for (name, _) in unknown.filter(|(_, count)| **count == 0) {
            self.inner.cluster.want(name);
        }
        if self.beating.is_none() {
            let (group, asker) = (self.group.clone(), self.asker());
            self.beating = Some(Abort::spawn(async move {
                heartbeat(&group.coordinator, &group.options.id, asker).await
            }));
        }
    }

    fn heard(&mut self, answer: Result<()>) {
        if self.membership.generation() == NO_GENERATION {
            return;
        }
        if let Err(error) = &answer {
            tracing::debug!(%error, "a heartbeat");
        }
        let heard = self.membership.heard(answer, Instant::now(), random::chance());
        if let Err(error) = heard {
            self.tell(error);
        }
    }

    fn asker(&self) -> Asker {
        Asker {
            member_id: self.membership.member_id().clone(),
            generation: self.membership.generation(),
        }
    }

    /// Goes on with heartbeats while something else is done.
    async fn beating<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            let due = self.membership.heartbeat_due();
            tokio::select! {
                done = &mut work => return done,
                heard = ended(&mut self.beating) => self.heard(heard),
                () = sleep_until(due) => self.beat(Instant::now()),
            }
        }
    }

    async fn prepare(&mut self, revoked: BTreeSet<TopicPartition>, lost: BTreeSet<TopicPartition>) {
        let gone = revoked.union(&lost).cloned().collect();
        if self.give_up(revoked, lost).await == User::IsGone {
            return self.park().await;
        }
        self.membership.prepared(&gone);
    }

    /// The user lets go of partitions, once it is done with the record that it has.
    async fn give_up(
        &mut self,
        revoked: BTreeSet<TopicPartition>,
        lost: BTreeSet<TopicPartition>,
    ) -> User {
        if revoked.is_empty() && lost.is_empty() {
            self.inner.state().hold(false);
            return User::IsDone;
        }
        self.inner.state().hold(true);
        let (inner, group) = (self.inner.clone(), self.group.clone());
        let user = self.beating(async move { user_is_done(&inner, &group).await }).await;
        if user == User::IsGone {
            return user;
        }
        if self.group.options.auto_commit.is_some() && !revoked.is_empty() {
            let mut progress = self.inner.state().progress(true);
            progress.retain(|of, _| revoked.contains(of));
            let group = self.group.clone();
            let committed = self.beating(async move { group.commit_progress(progress).await });
            if let Err(error) = committed.await {
                tracing::warn!(%error, "what was read of partitions that go is not committed");
            }
        }
        self.call_listener(Told::Revoked, &revoked).await;
        self.call_listener(Told::Lost, &lost).await;
        let mut state = self.inner.state();
        revoked.iter().chain(&lost).for_each(|of| state.unassign(of));
        state.hold(false);
        drop(state);
        let mut control = self.group.control();
        control.committed.retain(|of, _| !revoked.contains(of) && !lost.contains(of));
        drop(control);
        self.inner.ready.notify_waiters();
        User::IsDone
    }

    async fn call_listener(&mut self, told: Told, partitions: &BTreeSet<TopicPartition>) {
        let (Some(listener), Some(handle)) = (self.listener.clone(), self.consumer.upgrade())
        else {
            return;
        };
        if partitions.is_empty() {
            return;
        }
        let partitions: Vec<_> = partitions.iter().cloned().collect();
        let consumer = Consumer(handle);
        let call = async move {
            match told {
                Told::Assigned => listener.assigned(&consumer, &partitions).await,
                Told::Revoked => listener.revoked(&consumer, &partitions).await,
                Told::Lost => listener.lost(&consumer, &partitions).await,
            }
        };
        self.beating(call).await;
    }

    async fn join(
        &mut self,
        member_id: Arc<str>,
        protocols: Vec<(crate::consumer::options::Assignor, bytes::Bytes)>,
    ) -> Result<()> {
        // The coordinator waits for all members; who is waiting there needs no heartbeats.
        self.beating = None;
        let group = self.group.clone();
        let joining = join(&group.coordinator, group.lane, &group.options, member_id, protocols);
        let answer = tokio::select! {
            answer = joining => answer,
            () = closing(&group) => return Ok(()),
        };
        let (now, chance) = (Instant::now(), random::chance());
        match answer {
            Ok(JoinAnswer::Named(member_id)) => {
                self.membership.named(&member_id);
                Ok(())
            }
            Ok(JoinAnswer::Joined(joined)) => self.membership.joined(Ok(joined), now, chance),
            Err(error) => {
                tracing::debug!(%error, "a join");
                self.membership.joined(Err(error), now, chance)
            }
        }
    }

    async fn sync(
        &mut self,
        protocol: &str,
        assignments: Vec<(Arc<str>, bytes::Bytes)>,
    ) -> Result<()> {
        let (group, asker) = (self.group.clone(), self.asker());
        let syncing =
            sync(&group.coordinator, group.lane, &group.options, asker, protocol, assignments);
        let answer = tokio::select! {
            answer = syncing => answer,
            () = closing(&group) => return Ok(()),
        };
        if let Err(error) = &answer {
            tracing::debug!(%error, "a sync");
        }
        self.membership.synced(answer, Instant::now(), random::chance())
    }

    /// A topic of which nothing can be found out has no partitions for now.
    async fn partition_counts(&mut self, topics: BTreeSet<Arc<str>>) -> BTreeMap<Arc<str>, usize> {
        let cluster = self.inner.cluster.clone();
        let work = async move {
            let mut counts = BTreeMap::new();
            for name in topics {
                let topic = match cluster.known_topic(&name) {
                    Some(topic) => Ok(topic),
                    None => cluster.refresh(&name).await,
                };
                let count = topic.map_or(0, |topic| topic.partitions.len());
                counts.insert(name, count);
            }
            counts
        };
        self.beating(work).await
    }

    async fn adopt(
        &mut self,
        revoked: BTreeSet<TopicPartition>,
        added: BTreeSet<TopicPartition>,
    ) -> Result<()> {
        // Those that come commit as members of this generation.
        self.publish();
        if self.give_up(revoked.clone(), BTreeSet::new()).await == User::IsGone {
            self.park().await;
            return Ok(());
        }
        self.membership.gave_up(&revoked);
        let (group, wanted) = (self.group.clone(), added.iter().cloned().collect::<Vec<_>>());
        let fetching = async move { group.committed(&wanted).await };
        let committed = self.beating(fetching).await?;
        if !self.membership.is_adopting() {
            return Ok(());
        }
        self.membership.adopted();
        for of in &added {
            let committed = committed.get(of).map(|committed| StartAt::Offset(committed.offset));
            let start = match (committed, self.inner.options.offset_reset) {
                (Some(start), _) => start,
                (None, OffsetReset::Earliest) => StartAt::Beginning,
                (None, OffsetReset::Latest) => StartAt::End,
                (None, OffsetReset::Fail) => {
                    let context = format!("{of}, of which nothing is committed");
                    let code = pelton_kafka::ErrorCode::OffsetOutOfRange;
                    self.tell(Error::broker(context, code));
                    continue;
                }
            };
            self.inner.state().assign(of.clone(), start);
        }
        self.inner.news.notify_one();
        self.call_listener(Told::Assigned, &added).await;
        Ok(())
    }

    async fn leave_for_good(mut self) {
        self.inner.state().hold(true);
        let owned = self.membership.owned().clone();
        if self.group.options.auto_commit.is_some() {
            let progress = self.inner.state().progress(true);
            if let Err(error) = self.group.commit_progress(progress).await {
                tracing::warn!(%error, "what was read is not committed");
            }
        }
        let told = match self.membership.generation() {
            NO_GENERATION => Told::Lost,
            _ => Told::Revoked,
        };
        self.call_listener(told, &owned).await;
        self.send_leave().await;
    }

    async fn send_leave(&mut self) {
        let member_id = self.membership.member_id().clone();
        // Who has an instance id will be back, and keeps its place until the session ends.
        if member_id.is_empty() || self.group.options.instance_id.is_some() {
            return;
        }
        let (coordinator, group) = (&self.group.coordinator, &self.group.options.id);
        if let Err(error) = leave(coordinator, group, &member_id).await {
            tracing::debug!(%error, "a leave");
        }
    }

    fn tell(&self, error: Error) {
        self.inner.state().tell(error);
        self.inner.ready.notify_waiters();
    }
}

#[derive(Clone, Copy)]
enum Told {
    Assigned,
    Revoked,
    Lost,
}

async fn user_is_done(inner: &Inner, group: &Group) -> User {
    let limit = async {
        loop {
            if inner.state().is_hand_empty() {
                return;
            }
            group.news.notified().await;
        }
    };
    match tokio::time::timeout(group.options.poll_interval_max, limit).await {
        Ok(()) => User::IsDone,
        Err(_) => User::IsGone,
    }
}

async fn closing(group: &Group) {
    loop {
        group.news.notified().await;
        if group.control().is_closing {
            // Others look at the same news.
            group.news.notify_one();
            return;
        }
    }
}

/// What a task has come to; never, if there is none.
async fn ended(task: &mut Option<Abort<Result<()>>>) -> Result<()> {
    let Some(running) = task else { return std::future::pending().await };
    let ended = (&mut running.0).await;
    *task = None;
    // Only a panic, or the end of everything.
    ended.unwrap_or(Err(Error::Closed))
}

/// Until a moment, or for ever.
async fn sleep_until(alarm: Option<Instant>) {
    match alarm {
        Some(alarm) => tokio::time::sleep_until(alarm).await,
        None => std::future::pending().await,
    }
}
