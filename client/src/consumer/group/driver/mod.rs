//! The task that is a member: does what the machine of its protocol asks for, tells the user's
//! listener, and commits by itself if it is to.

mod classic;
mod hand_over;
mod heartbeats;
mod leave;

use std::sync::{Arc, Weak};

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;

use super::machine::{Heard, Machine};
use super::step::Step;
use super::{Control, Group, Listener};
use crate::consumer::{Handle, Inner};
use crate::error::{Error, Result};
use crate::group::lacks_consumer_protocol;
use crate::group::offsets::Identity;

pub(in crate::consumer) struct GroupTask {
    /// For the listener; gone when the user is.
    consumer: Weak<Handle>,
    inner: Arc<Inner>,
    group: Arc<Group>,
    machine: Machine,
    /// The broker lacks the protocol of the machine: once what the member had is lost, it goes on by
    /// the classic one.
    falls_back: bool,
    listener: Listener,
    beating: Option<Abort<Result<Heard>>>,
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

impl GroupTask {
    pub(in crate::consumer) fn new(
        consumer: Weak<Handle>,
        inner: Arc<Inner>,
        group: Arc<Group>,
    ) -> Self {
        let machine = Machine::new(&group.options, inner.cluster.options().retry_backoff());
        Self {
            consumer,
            changes: inner.cluster.changes(),
            inner,
            next_commit: group.options.auto_commit.map(|every| Instant::now() + every),
            group,
            machine,
            falls_back: false,
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
            if self.falls_back && self.machine.owned().is_empty() {
                self.fall_back();
            }
            let now = Instant::now();
            let done = match self.machine.poll(now) {
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
                Ok(Step::Divide { topics }) => self.divide(topics).await,
                Ok(Step::Sync { protocol, assignments }) => self.sync(&protocol, assignments).await,
                Ok(Step::Adopt { revoked, added }) => self.adopt(revoked, added).await,
                Ok(Step::Name { topics }) => {
                    self.name(topics).await;
                    Ok(())
                }
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
        let (subscription, is_closing) = {
            let mut control = self.group.control();
            let Control { subscription, is_closing, .. } = &mut *control;
            (subscription.take(), *is_closing)
        };
        if let Some((subscription, listener)) = subscription {
            self.listener = listener;
            self.parked = None;
            if let Err(error) = self.machine.subscribe(subscription) {
                self.tell(error);
            }
        }
        is_closing
    }

    /// As whom others commit.
    fn publish(&self) {
        let identity = match self.machine.term() {
            None => Identity::default(),
            Some(term) => Identity {
                member_id: self.machine.member_id().clone(),
                term: Some(term),
                instance_id: self.group.options.instance_id.clone(),
            },
        };
        self.group.identity.send_if_modified(|before| {
            let has_changed = *before != identity;
            *before = identity;
            has_changed
        });
    }

    /// Without the protocol of KIP-848, by the classic one.
    fn fall_back(&mut self) {
        self.falls_back = false;
        let Machine::Consumer(reconciliation) = &self.machine else { return };
        let subscription = reconciliation.subscription().cloned();
        tracing::debug!(group = self.group.options.id, "the broker has classic groups only");
        let backoff = self.inner.cluster.options().retry_backoff();
        self.machine = Machine::classic(&self.group.options, backoff);
        if let Some(Err(error)) = subscription.map(|it| self.machine.subscribe(it)) {
            self.tell(error);
        }
    }

    async fn wait(&mut self, until: Option<Instant>) {
        // Before waiting: the user may have come back while we left.
        if self.parked.is_some_and(|since| self.group.has_asked_since(since)) {
            self.parked = None;
            return self.machine.come_back();
        }
        let gone_at = self.user_gone_at();
        let alarm = [until, gone_at, self.next_commit].into_iter().flatten().min();
        tokio::select! {
            () = self.group.news.notified() => {}
            () = self.group.doubts.notified() => self.beat_in_doubt(),
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
        if self.user_gone_at().is_some_and(|at| at <= now) {
            self.park().await;
        }
    }

    /// When the user will have asked for nothing for too long.
    fn user_gone_at(&self) -> Option<Instant> {
        let control = self.group.control();
        let is_watched =
            self.parked.is_none() && self.machine.is_member() && control.users_waiting == 0;
        is_watched.then(|| control.last_asked + self.group.options.poll_interval_max)
    }

    fn commit_in_turn(&mut self, now: Instant) {
        self.next_commit = self.group.options.auto_commit.map(|every| now + every);
        if self.committing.is_some() {
            return;
        }
        // A member between generations commits when it is one again.
        if self.group.is_subscribed() && !self.machine.is_member() {
            return;
        }
        let (asked, progress) = self.inner.line_up(&self.group, false);
        let group = self.group.clone();
        let committing = async move { group.commit_progress(asked, progress).await };
        self.committing = Some(Abort::spawn(committing));
    }

    fn tell(&self, error: Error) {
        self.inner.state().tell(error);
        self.inner.ready.notify_waiters();
    }
}

/// What a task has come to; never, if there is none.
async fn ended<T>(task: &mut Option<Abort<Result<T>>>) -> Result<T> {
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
