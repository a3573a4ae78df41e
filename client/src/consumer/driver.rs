//! The task that fetches: does what the state asks for, and brings it the answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use pelton_kafka::ErrorCode;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Inner;
use super::fetch::{Fetch, Fetched};
use super::record::TopicPartition;
use super::start::{Offsets, resolve};
use super::state::{Leader, ToFetch, ToFind};
use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::random;

pub(super) struct Driver {
    inner: Arc<Inner>,
    fetches: JoinSet<Fetched>,
    finds: JoinSet<Found>,
    changes: watch::Receiver<u64>,
}

/// What was found out about some partitions of a topic.
struct Found {
    asked: Vec<ToFind>,
    offsets: Offsets,
}

impl Driver {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        let changes = inner.cluster.changes();
        Self { inner, fetches: JoinSet::new(), finds: JoinSet::new(), changes }
    }

    /// Runs until it is aborted.
    pub(super) async fn run(mut self) {
        loop {
            // One moment for both: what falls due between two of them would never wake us.
            let now = Instant::now();
            self.start(now);
            let alarm = self.inner.state().next_alarm(now);
            // It may have found out what the user must be told.
            self.wake_user();
            tokio::select! {
                () = self.inner.news.notified() => {}
                Some(fetched) = self.fetches.join_next() => {
                    // Only a panic makes an error of it.
                    if let Ok(fetched) = fetched {
                        self.fetched(fetched);
                    }
                }
                Some(found) = self.finds.join_next() => {
                    if let Ok(found) = found {
                        self.found(found);
                    }
                }
                // Ends only with the cluster, which we hold.
                _ = self.changes.changed() => {}
                () = sleep_until(alarm), if alarm.is_some() => {}
            }
            self.wake_user();
        }
    }

    fn wake_user(&self) {
        if self.inner.state().has_something() {
            self.inner.ready.notify_waiters();
        }
    }

    fn start(&mut self, now: Instant) {
        let cluster = self.inner.cluster.clone();
        let to_find = self.inner.state().take_to_find(now, random::chance());
        let mut by_topic: BTreeMap<(Arc<str>, String), Vec<ToFind>> = BTreeMap::new();
        for find in to_find {
            let key = (find.of.topic.clone(), format!("{:?}", find.start));
            by_topic.entry(key).or_default().push(find);
        }
        for asked in by_topic.into_values() {
            self.finds.spawn(find(cluster.clone(), asked));
        }
        let chance = random::chance();
        let leader = |of: &TopicPartition| leader_of(&cluster, of);
        let (fetches, suspect) = self.inner.state().take_to_fetch(now, chance, leader);
        for of in suspect {
            cluster.want(&of.topic);
        }
        for ToFetch { node, session, told, wait } in fetches {
            let (lane, options) = (self.inner.lane, self.inner.options.clone());
            let fetch = Fetch { node, lane, session, told, wait, options };
            self.fetches.spawn(fetch.run(cluster.clone()));
        }
    }

    fn fetched(&self, Fetched { node, answer }: Fetched) {
        if let Err(error) = &answer {
            tracing::debug!(%error, %node, "a fetch failed");
        }
        let (now, chance) = (Instant::now(), random::chance());
        let suspect = self.inner.state().fetched(node, answer, now, chance);
        for of in suspect {
            self.inner.cluster.want(&of.topic);
        }
    }

    fn found(&self, Found { asked, mut offsets }: Found) {
        let mut state = self.inner.state();
        for find in asked {
            let offset = offsets.remove(&find.of.partition).unwrap_or(Ok(None));
            let offset = offset.and_then(|offset| {
                let context = || format!("offset of {}", find.of);
                offset.ok_or_else(|| Error::protocol(context(), "is missing in the answer"))
            });
            if let Err(error) = &offset {
                tracing::debug!(%error, "no place to begin");
                self.inner.cluster.want(&find.of.topic);
            }
            state.found(&find, offset, Instant::now(), random::chance());
        }
    }
}

fn leader_of(cluster: &Cluster, of: &TopicPartition) -> Result<Leader> {
    let is_unknown = || Error::broker(of.to_string(), ErrorCode::UnknownTopicOrPartition);
    let topic = cluster.known_topic(&of.topic).ok_or_else(is_unknown)?;
    let node = cluster.leader_of(&topic, of.partition)?;
    let at = usize::try_from(of.partition.get()).ok();
    let partition = at.and_then(|at| topic.partitions.get(at));
    let epoch = partition.and_then(|partition| partition.leader_epoch);
    Ok(Leader { node, epoch, topic_id: topic.id })
}

/// All of one topic and with the same start.
async fn find(cluster: Cluster, asked: Vec<ToFind>) -> Found {
    let partitions: Vec<_> = asked.iter().map(|find| find.of.partition).collect();
    let offsets = match asked.first() {
        Some(first) => resolve(&cluster, &first.of.topic, &partitions, first.start).await,
        None => Offsets::new(),
    };
    Found { asked, offsets }
}

/// Until a moment, or for ever.
async fn sleep_until(alarm: Option<Instant>) {
    match alarm {
        Some(alarm) => tokio::time::sleep_until(alarm).await,
        None => std::future::pending().await,
    }
}
