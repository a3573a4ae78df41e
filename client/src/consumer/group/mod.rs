//! A consumer's part in its group, by the classic protocol or by that of KIP-848.

pub(super) mod assign;
mod commit_order;
mod consumer_heartbeat;
mod driver;
mod holdings;
mod listener;
mod machine;
mod membership;
mod payload;
mod reconciliation;
mod requests;
mod standing;
mod step;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pelton_kafka::ErrorCode;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use commit_order::{CommitOrder, Place};
pub(super) use driver::GroupTask;
use holdings::{Held, Holdings};
pub(super) use listener::Listener;
pub use listener::RebalanceListener;
use standing::Standing;

use super::options::GroupOptions;
use super::record::TopicPartition;
use super::state::Progress;
use crate::cluster::{Cluster, Lane};
use crate::error::{Error, Result};
use crate::group::coordinator::Coordinator;
use crate::group::offsets::{self, Committed, Identity};
use crate::random;

/// What the user's side and the task share.
pub(super) struct Group {
    pub(super) options: GroupOptions,
    coordinator: Coordinator,
    lane: Lane,
    control: Mutex<Control>,
    /// For the task.
    news: Notify,
    /// Somebody who asked as a member was told that it is none, or not any more what it was.
    doubts: Notify,
    /// As whom others ask.
    identity: watch::Sender<Identity>,
    commit_order: CommitOrder,
}

/// What is wanted of the task, and what it lets others know.
struct Control {
    /// What is to be subscribed to.
    subscription: Option<(Subscription, Listener)>,
    is_subscribed: bool,
    is_closing: bool,
    /// Users that wait for the next event.
    users_waiting: usize,
    last_asked: Instant,
    committed: BTreeMap<TopicPartition, Committed>,
    holdings: Holdings,
}

/// What a commit needs from the moment at which it was asked for.
pub(super) struct AskedFor {
    place: Place,
    held: Held,
}

/// What a member wants to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subscription {
    Topics(BTreeSet<Arc<str>>),
    /// Topics whose whole names match a regular expression, as the broker reads it (KIP-848).
    Pattern(Arc<str>),
}

/// Somebody waits for the next event, until this is dropped.
pub(super) struct UserWaits<'a>(&'a Group);

impl Group {
    pub(super) fn new(cluster: Cluster, options: GroupOptions) -> Self {
        let id: Arc<str> = options.id.as_str().into();
        Self {
            options,
            coordinator: Coordinator::new(cluster, id),
            lane: Lane::Group(random::number()),
            control: Mutex::new(Control {
                subscription: None,
                is_subscribed: false,
                is_closing: false,
                users_waiting: 0,
                last_asked: Instant::now(),
                committed: BTreeMap::new(),
                holdings: Holdings::default(),
            }),
            news: Notify::new(),
            doubts: Notify::new(),
            identity: watch::Sender::default(),
            commit_order: CommitOrder::default(),
        }
    }

    pub(super) fn lane(&self) -> Lane {
        self.lane
    }

    pub(super) fn subscribe(&self, subscription: Subscription, listener: Listener) {
        let mut control = self.control();
        control.subscription = Some((subscription, listener));
        control.is_subscribed = true;
        drop(control);
        self.news.notify_one();
    }

    pub(super) fn is_subscribed(&self) -> bool {
        self.control().is_subscribed
    }

    pub(super) fn close(&self) {
        self.control().is_closing = true;
        self.news.notify_one();
    }

    /// The user has asked for the next event; `is_held` if it got none for the group's sake.
    pub(super) fn user_asked(&self, is_held: bool) {
        self.control().last_asked = Instant::now();
        if is_held {
            self.news.notify_one();
        }
    }

    pub(super) fn user_waits(&self) -> UserWaits<'_> {
        self.control().users_waiting += 1;
        UserWaits(self)
    }

    /// Whether the user has asked for the next event since, or waits for it still.
    fn has_asked_since(&self, since: Instant) -> bool {
        let control = self.control();
        control.users_waiting > 0 || control.last_asked > since
    }

    /// A commit that is asked for now.
    pub(super) fn line_up(&self) -> AskedFor {
        AskedFor { place: self.commit_order.line_up(), held: self.control().holdings.now() }
    }

    /// Returns when every commit that was asked for before is done.
    async fn commits_before(&self) {
        drop(self.commit_order.line_up().turn().await);
    }

    pub(super) fn commits_in_line(&self) -> usize {
        self.commit_order.len()
    }

    /// Commits as what we are when it is our turn; not what was given up since it was asked for, which
    /// is an error once all else is committed.
    pub(super) async fn commit(
        &self,
        AskedFor { place, held }: AskedFor,
        offsets: &BTreeMap<TopicPartition, Committed>,
    ) -> Result<()> {
        let _turn = place.turn().await;
        let mut standing = Standing::new(self);
        loop {
            let identity = standing.identity();
            let (own, given_up) = self.divide(&held, offsets);
            self.check_commit(&identity, &own)?;
            match offsets::commit(&self.coordinator, &self.options.id, &identity, &own).await {
                Ok(()) => {
                    self.control().committed.extend(own.into_owned());
                    let Some(of) = given_up else { return Ok(()) };
                    let reason = format!("{of} was given up before its offset was committed");
                    return Err(self.not_a_member(reason));
                }
                Err(error) => standing.after(error).await?,
            }
        }
    }

    /// What of `offsets` may be committed, and a partition that was given up since.
    fn divide<'a>(
        &self,
        held: &Held,
        offsets: &'a BTreeMap<TopicPartition, Committed>,
    ) -> (Cow<'a, BTreeMap<TopicPartition, Committed>>, Option<&'a TopicPartition>) {
        let control = self.control();
        let is_given_up = |of: &TopicPartition| control.holdings.is_given_up_since(held, of);
        let given_up = offsets.keys().find(|of| is_given_up(of));
        if given_up.is_none() {
            return (Cow::Borrowed(offsets), None);
        }
        let own = offsets.iter().filter(|(of, _)| !is_given_up(of));
        (Cow::Owned(own.map(|(of, committed)| (of.clone(), committed.clone())).collect()), given_up)
    }

    /// A group without members takes commits of anybody.
    fn check_commit(
        &self,
        identity: &Identity,
        offsets: &BTreeMap<TopicPartition, Committed>,
    ) -> Result<()> {
        match self.is_subscribed() && identity.term.is_none() && !offsets.is_empty() {
            true => Err(self.not_a_member(ErrorCode::UnknownMemberId.name())),
            false => Ok(()),
        }
    }

    fn not_a_member(&self, reason: impl Into<Arc<str>>) -> Error {
        Error::NotAMember { group: self.options.id.as_str().into(), reason: reason.into() }
    }

    /// Commits what has changed since the last commit.
    async fn commit_progress(
        &self,
        asked: AskedFor,
        progress: BTreeMap<TopicPartition, Progress>,
    ) -> Result<()> {
        let changed = {
            let control = self.control();
            let progress = committable(progress).into_iter();
            progress.filter(|(of, new)| control.committed.get(of) != Some(new)).collect()
        };
        self.commit(asked, &changed).await
    }

    pub(super) async fn committed(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, Committed>> {
        let mut standing = Standing::new(self);
        let (coordinator, id) = (&self.coordinator, &self.options.id);
        loop {
            let identity = standing.identity();
            match offsets::committed(coordinator, id, &identity, Some(partitions)).await {
                Ok(committed) => return Ok(committed),
                Err(error) => standing.after(error).await?,
            }
        }
    }

    fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far partitions are, as it is committed.
pub(super) fn committable(
    progress: BTreeMap<TopicPartition, Progress>,
) -> BTreeMap<TopicPartition, Committed> {
    let committed = progress.into_iter().map(|(of, Progress { position, leader_epoch })| {
        (of, Committed { offset: position, leader_epoch, metadata: String::new() })
    });
    committed.collect()
}

impl Drop for UserWaits<'_> {
    fn drop(&mut self) {
        let mut control = self.0.control();
        control.users_waiting -= 1;
        control.last_asked = Instant::now();
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("id", &self.options.id).finish_non_exhaustive()
    }
}
