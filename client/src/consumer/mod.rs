//! Records of partitions, chosen by hand or by a group.
//!
//! `state` and `session`, and `group::membership`, `group::reconciliation` and `group::assign`, decide
//! and are pure; `driver` and `group::driver` perform what they decide, each in a task of its own.

mod decode;
mod driver;
mod fetch;
mod group;
mod options;
mod record;
mod session;
mod start;
mod state;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, Shared};
use futures::stream::{BoxStream, StreamExt};
use pelton_kafka::ErrorCode;
use pelton_model::{Offset, PartitionIndex};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinHandle};

use driver::Driver;
pub use group::RebalanceListener;
use group::{AskedFor, Group, GroupTask, Listener, Subscription, committable};
pub use options::{
    Assignor, ConsumerOptions, GroupOptions, GroupProtocol, OffsetReset, Partitions, StartAt,
};
pub use record::{ConsumerRecord, Event, Header, TopicPartition};
use state::{Progress, Rules, State};

use crate::cluster::{Cluster, Lane};
use crate::error::{Error, Result};
use crate::group::offsets::Committed;
use crate::options::{STRING_BYTES_MAX, check_name};
use crate::random;

/// A user that does not wait for its commits asks for no more than so many.
const COMMITS_IN_LINE_MAX: usize = 1000;

/// Reads partitions that the caller chooses ([`Consumer::assign`]) or that a group gives it
/// ([`Consumer::subscribe`]). Records of a partition come in the order of their offsets.
/// Transactions are not looked at: aborted records come too (`read_uncommitted`).
///
/// A handle; clones are the same consumer. What is fetched ahead is bounded
/// ([`ConsumerOptions::prefetch_bytes_max`]).
///
/// `examples/consume.rs`, partitions chosen by hand:
/// ```no_run
#[doc = include_str!("../../examples/consume.rs")]
/// ```
///
/// `examples/consume_in_group.rs`:
/// ```no_run
#[doc = include_str!("../../examples/consume_in_group.rs")]
/// ```
#[derive(Clone, Debug)]
pub struct Consumer(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    inner: Arc<Inner>,
    driver: JoinHandle<()>,
    member: Option<Member>,
}

/// The task that takes part in the group.
#[derive(Debug)]
struct Member {
    /// Whether it has come to its end by itself; for everybody who closes.
    ended: Shared<BoxFuture<'static, bool>>,
    abort: AbortHandle,
}

/// What the user's side and the tasks share.
#[derive(Debug)]
struct Inner {
    cluster: Cluster,
    options: ConsumerOptions,
    lane: Lane,
    state: Mutex<State>,
    /// For the task that fetches.
    news: Notify,
    /// For whoever waits for the next event.
    ready: Notify,
    group: Option<Arc<Group>>,
}

impl Consumer {
    /// Starts the task that fetches. Fails with [`Error::Invalid`] if the options contradict each
    /// other; must be called within a tokio runtime.
    pub fn new(cluster: Cluster, options: ConsumerOptions) -> Result<Consumer> {
        options.check()?;
        let state = State::new(Rules {
            prefetch_bytes_max: options.prefetch_bytes_max,
            partition_bytes_max: usize::try_from(options.partition_bytes_max).unwrap_or(1).max(1),
            batch_bytes_max: options.batch_bytes_max,
            offset_reset: options.offset_reset,
            fetch_wait: options.fetch_wait,
            backoff: cluster.options().retry_backoff(),
            retry_timeout: cluster.options().retry_timeout,
        });
        let group = options.group.clone().map(|group| Arc::new(Group::new(cluster.clone(), group)));
        let inner = Arc::new(Inner {
            group: group.clone(),
            cluster,
            options,
            lane: Lane::Fetch(random::number()),
            state: Mutex::new(state),
            news: Notify::new(),
            ready: Notify::new(),
        });
        let driver = tokio::spawn(Driver::new(inner.clone()).run());
        let handle = Arc::new_cyclic(|handle| {
            let member = group.map(|group| {
                Member::spawn(GroupTask::new(handle.clone(), inner.clone(), group).run())
            });
            Handle { inner, driver, member }
        });
        Ok(Consumer(handle))
    }

    /// Adds partitions of a topic, or begins with them anew, and tells which.
    ///
    /// Fails with UNKNOWN_TOPIC_OR_PARTITION if there is none such.
    pub async fn assign(
        &self,
        topic: &str,
        partitions: &Partitions,
        start: StartAt,
    ) -> Result<Vec<PartitionIndex>> {
        if self.0.inner.group.as_ref().is_some_and(|group| group.is_subscribed()) {
            let reason = "topics are subscribed to: that excludes partitions assigned by hand";
            return Err(Error::Invalid(reason.into()));
        }
        let topic = self.cluster().topic(topic).await?;
        let partitions: Vec<_> = match partitions {
            Partitions::All => topic.partitions.iter().map(|partition| partition.index).collect(),
            Partitions::Only(partitions) => partitions.clone(),
        };
        let exists = |index: &PartitionIndex| {
            usize::try_from(index.get()).is_ok_and(|index| index < topic.partitions.len())
        };
        if let Some(missing) = partitions.iter().find(|partition| !exists(partition)) {
            let context = format!("{}/{missing}", topic.name);
            return Err(Error::broker(context, ErrorCode::UnknownTopicOrPartition));
        }
        for &partition in &partitions {
            let of = TopicPartition { topic: topic.name.clone(), partition };
            self.state().assign(of, start);
        }
        self.0.inner.news.notify_one();
        Ok(partitions)
    }

    /// Takes part in the group, for these topics; they replace those subscribed to before. Which
    /// partitions are read, and from where, is then the group's decision.
    ///
    /// Fails with [`Error::Invalid`] without a group ([`ConsumerOptions::group`]), beside partitions
    /// assigned by hand, or for a name of more than 249 bytes. What goes wrong later is told by [`Consumer::next`].
    pub fn subscribe(&self, topics: &[&str]) -> Result<()> {
        self.subscribe_to(named(topics), None)
    }

    /// [`Consumer::subscribe`] with somebody who is told what comes and goes.
    pub fn subscribe_with(
        &self,
        topics: &[&str],
        listener: Arc<dyn RebalanceListener>,
    ) -> Result<()> {
        self.subscribe_to(named(topics), Some(listener))
    }

    /// [`Consumer::subscribe`] to all topics whose whole name matches a regular expression, also to
    /// those that will be created. The broker reads it: RE2/J's syntax in Kafka, that of Rust's
    /// `regex` in Pelton.
    ///
    /// Only by the protocol of KIP-848: fails with [`Error::Invalid`] with
    /// [`GroupProtocol::Classic`]. [`Consumer::next`] tells INVALID_REGULAR_EXPRESSION.
    pub fn subscribe_pattern(&self, pattern: &str) -> Result<()> {
        self.subscribe_to(Subscription::Pattern(pattern.into()), None)
    }

    /// [`Consumer::subscribe_pattern`] with somebody who is told what comes and goes.
    pub fn subscribe_pattern_with(
        &self,
        pattern: &str,
        listener: Arc<dyn RebalanceListener>,
    ) -> Result<()> {
        self.subscribe_to(Subscription::Pattern(pattern.into()), Some(listener))
    }

    fn subscribe_to(&self, subscription: Subscription, listener: Listener) -> Result<()> {
        let group = self.group()?;
        if let Subscription::Topics(topics) = &subscription {
            let mut topics = topics.iter();
            topics.try_for_each(|topic| check_name("a topic", topic, TOPIC_BYTES_MAX))?;
        }
        if let Subscription::Pattern(pattern) = &subscription {
            check_name("a regular expression", pattern, STRING_BYTES_MAX)?;
            if group.options.protocol == GroupProtocol::Classic {
                let reason = "a regular expression needs the group protocol of KIP-848";
                return Err(Error::Invalid(reason.into()));
            }
            if pattern.is_empty() {
                return Err(Error::Invalid("an empty regular expression matches nothing".into()));
            }
        }
        if !group.is_subscribed() && !self.state().assignment().is_empty() {
            let reason = "partitions are assigned by hand: a subscription excludes that";
            return Err(Error::Invalid(reason.into()));
        }
        group.subscribe(subscription, listener);
        Ok(())
    }

    /// Lets go of partitions. Those that a group gave are read no more, but are kept from its other
    /// members until the group gives them again or to somebody else: [`Consumer::pause`] is for
    /// partitions that are not wanted for a while.
    pub fn unassign(&self, partitions: &[TopicPartition]) {
        let mut state = self.state();
        partitions.iter().for_each(|of| state.unassign(of));
    }

    /// The partitions that are read.
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.state().assignment()
    }

    /// Goes on elsewhere. What was fetched of the partitions is dropped.
    ///
    /// Fails with [`Error::Invalid`] if one of them is not assigned.
    pub fn seek(&self, partitions: &[TopicPartition], start: StartAt) -> Result<()> {
        let mut state = self.state();
        partitions.iter().try_for_each(|of| state.seek(of, start))?;
        self.0.inner.news.notify_one();
        Ok(())
    }

    /// Hands out nothing of these partitions until [`Consumer::resume`]. Fails as
    /// [`Consumer::seek`] does.
    pub fn pause(&self, partitions: &[TopicPartition]) -> Result<()> {
        let mut state = self.state();
        partitions.iter().try_for_each(|of| state.pause(of, true))
    }

    /// Undoes [`Consumer::pause`].
    pub fn resume(&self, partitions: &[TopicPartition]) -> Result<()> {
        let mut state = self.state();
        partitions.iter().try_for_each(|of| state.pause(of, false))?;
        drop(state);
        self.0.inner.news.notify_one();
        self.0.inner.ready.notify_waiters();
        Ok(())
    }

    /// The offset of the next record to be handed out; None for a partition that is not assigned,
    /// or whose place to begin is still being found out.
    pub fn position(&self, partition: &TopicPartition) -> Option<Offset> {
        self.state().position(partition)
    }

    /// How many offsets there are between the position and the end that the broker told last; None
    /// while either is not known.
    pub fn lag(&self, partition: &TopicPartition) -> Option<i64> {
        self.state().lag(partition)
    }

    /// The next record or end of a partition; waits for one. May be dropped and called again
    /// without loss.
    ///
    /// Fails if a batch is damaged, if a topic is gone, and if no broker has answered for as long
    /// as the client's options allow retries. May be called again then.
    pub async fn next(&self) -> Result<Event> {
        let _waiting = self.0.inner.group.as_ref().map(|group| group.user_waits());
        // Before anything is taken: who finds a record every time must let the others run too.
        tokio::task::consume_budget().await;
        loop {
            let ready = self.0.inner.ready.notified();
            tokio::pin!(ready);
            // Before looking, so that nothing that comes in between is missed.
            ready.as_mut().enable();
            if let Some(event) = self.next_ready() {
                return event;
            }
            ready.await;
        }
    }

    /// The next event that needs no waiting: what was fetched already.
    pub fn next_ready(&self) -> Option<Result<Event>> {
        let mut state = self.state();
        let event = state.next();
        let (is_held, has_made_room) = (state.is_held(), state.take_has_made_room());
        drop(state);
        if has_made_room || matches!(event, Some(Err(_))) {
            self.0.inner.news.notify_one();
        }
        if let Some(group) = &self.0.inner.group {
            group.user_asked(is_held);
        }
        event
    }

    /// Commits how far all partitions are: every record that was handed out counts as done.
    /// Returns when the group's coordinator has it.
    ///
    /// Fails with [`Error::NotAMember`] if the group has gone on without us: the records will be
    /// read again by somebody. With [`Error::Invalid`] without a group.
    pub async fn commit(&self) -> Result<()> {
        let group = self.group()?;
        let (asked, progress) = self.0.inner.line_up(group, true);
        group.commit(asked, &committable(progress)).await
    }

    /// Commits these offsets, each that of the next record to be read. Otherwise as
    /// [`Consumer::commit`].
    pub async fn commit_offsets(
        &self,
        offsets: &BTreeMap<TopicPartition, Committed>,
    ) -> Result<()> {
        let group = self.group()?;
        let asked = {
            let mut state = self.state();
            offsets.iter().for_each(|(of, committed)| state.is_done_up_to(of, committed.offset));
            group.line_up()
        };
        group.commit(asked, offsets).await
    }

    /// [`Consumer::commit`] without waiting; `callback` is told how that went. What was handed out
    /// when this is called counts; commits go in the order of their calls. Fails with
    /// [`Error::Invalid`] while a thousand wait.
    pub fn commit_async(&self, callback: impl FnOnce(Result<()>) + Send + 'static) -> Result<()> {
        let group = self.group()?.clone();
        if group.commits_in_line() >= COMMITS_IN_LINE_MAX {
            let reason = format!("{COMMITS_IN_LINE_MAX} commits wait already");
            return Err(Error::Invalid(reason.into()));
        }
        let (asked, progress) = self.0.inner.line_up(&group, true);
        tokio::spawn(async move { callback(group.commit(asked, &committable(progress)).await) });
        Ok(())
    }

    /// What the group has committed of these partitions; where it has nothing, nothing. Fails with
    /// [`Error::Invalid`] without a group.
    pub async fn committed(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, Committed>> {
        self.group()?.committed(partitions).await
    }

    /// Commits, if that is done by itself, leaves the group, and reads no more: every record that was
    /// handed out counts as done, and a rebalance does not wait for it. A consumer that is dropped
    /// instead is missed by its group only when its session times out.
    ///
    /// Fails with [`Error::TimedOut`] if that takes too long; it is closed all the same. Who closes
    /// at the same time as another, or again after it was dropped, waits for the same leave, and fails
    /// with [`Error::Closed`] if that has not come to its end.
    pub async fn close(&self, timeout: Duration) -> Result<()> {
        if let Some(group) = &self.0.inner.group {
            group.close();
        }
        let left = match &self.0.member {
            Some(member) => member.end_within(timeout).await,
            None => Ok(()),
        };
        self.0.driver.abort();
        self.state().close();
        self.0.inner.ready.notify_waiters();
        left
    }

    fn group(&self) -> Result<&Arc<Group>> {
        let group = self.0.inner.group.as_ref();
        group.ok_or_else(|| Error::Invalid("the consumer has no group.id".into()))
    }

    /// All records from here on, without the ends of partitions. An error does not end it.
    pub fn stream(&self) -> BoxStream<'_, Result<ConsumerRecord>> {
        let records = futures::stream::unfold(self, |consumer| async move {
            loop {
                match consumer.next().await {
                    Ok(Event::Record(record)) => return Some((Ok(record), consumer)),
                    Ok(Event::EndOfPartition { .. }) => {}
                    Err(Error::Closed) => return None,
                    Err(error) => return Some((Err(error), consumer)),
                }
            }
        });
        records.boxed()
    }

    fn cluster(&self) -> &Cluster {
        &self.0.inner.cluster
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.inner.state()
    }
}

/// Longer ones exist in no cluster: a topic's name is that of a directory.
const TOPIC_BYTES_MAX: usize = 249;

fn named(topics: &[&str]) -> Subscription {
    Subscription::Topics(topics.iter().map(|topic| Arc::from(*topic)).collect())
}

impl Inner {
    /// Never held across an await.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far all partitions are ([`State::progress`]), and the place of that among the commits.
    /// Both as of one moment, so that who is further comes later.
    fn line_up(
        &self,
        group: &Group,
        with_in_hand: bool,
    ) -> (AskedFor, BTreeMap<TopicPartition, Progress>) {
        let mut state = self.state();
        let progress = state.progress(with_in_hand);
        if with_in_hand {
            progress.iter().for_each(|(of, progress)| state.is_done_up_to(of, progress.position));
        }
        (group.line_up(), progress)
    }
}

impl Member {
    fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Self {
        let task = tokio::spawn(task);
        let abort = task.abort_handle();
        Self { ended: task.map(|ended| ended.is_ok()).boxed().shared(), abort }
    }

    async fn end_within(&self, timeout: Duration) -> Result<()> {
        let ended = tokio::time::timeout(timeout, self.ended.clone()).await;
        self.abort.abort();
        match ended {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::Closed),
            Err(_) => Err(Error::TimedOut { context: "leaving the group".into() }),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.driver.abort();
        if let Some(member) = &self.member {
            member.abort.abort();
        }
        self.inner.cluster.close_lane(self.inner.lane);
        if let Some(group) = &self.inner.group {
            self.inner.cluster.close_lane(group.lane());
        }
    }
}
