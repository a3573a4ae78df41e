//! The task that sends: the accumulator's batches to their leaders, and the verdicts back.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use pelton_kafka::message;
use pelton_kafka::wire::InitProducerIdRequest;
use pelton_model::{NodeId, PartitionIndex, ProducerEpoch, ProducerId};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use super::answer::Piece;
use super::batch::Identity;
use super::lane::{Done, LaneTask};
use super::queue::{Settlement, Verdict};
use super::{ProducerOptions, Shared};
use crate::backoff::Backoff;
use crate::cluster::{Cluster, Lane, Topic};
use crate::error::{Error, Result, check};
use crate::random;

/// Answers that wait to be looked at; more wait with their lanes.
const DONE_MAX: usize = 64;

pub(super) struct Sender {
    cluster: Cluster,
    shared: Arc<Shared>,
    options: ProducerOptions,
    lane: Lane,
    brokers: BTreeMap<NodeId, Broker>,
    lanes: JoinSet<()>,
    done: (mpsc::Sender<Done>, mpsc::Receiver<Done>),
    changes: watch::Receiver<u64>,
    identity: Option<Identity>,
    asking: Asking,
}

/// A broker that something was sent to.
struct Broker {
    orders: mpsc::Sender<Vec<Piece>>,
    in_flight: usize,
}

/// Of a producer id.
enum Asking {
    Not { failures: u32 },
    Pausing { failures: u32, until: Instant },
    Waiting { failures: u32, answer: JoinHandle<Result<Identity>> },
}

/// What woke the task.
enum News {
    Something,
    Done(Done),
    Identity(Result<Identity>),
}

impl Sender {
    pub(super) fn new(
        cluster: Cluster,
        shared: Arc<Shared>,
        options: ProducerOptions,
        lane: Lane,
    ) -> Self {
        Self {
            changes: cluster.changes(),
            cluster,
            shared,
            options,
            lane,
            brokers: BTreeMap::new(),
            lanes: JoinSet::new(),
            done: mpsc::channel(DONE_MAX),
            identity: None,
            asking: Asking::Not { failures: 0 },
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            // One moment for all: what falls due between two of them would be too early for the
            // first and too late for the alarm, and never wake us.
            let now = Instant::now();
            let expired = self.shared.accumulator().expire(now);
            self.announce(expired);
            self.send_ready(now);
            match self.news(now).await {
                News::Something => {}
                News::Done(done) => self.finish(done),
                News::Identity(answer) => self.named(answer),
            }
            // Answers that are in already are looked at before anything is sent again.
            while let Ok(done) = self.done.1.try_recv() {
                self.finish(done);
            }
        }
    }

    /// Waits until something happens, or until something falls due that was not at `now`.
    async fn news(&mut self, now: Instant) -> News {
        let due = self.shared.accumulator().next_alarm(now);
        let pause = match &self.asking {
            Asking::Pausing { until, .. } if *until > now => Some(*until),
            Asking::Pausing { .. } | Asking::Not { .. } | Asking::Waiting { .. } => None,
        };
        let alarm = due.into_iter().chain(pause).min();
        let identity = async {
            match &mut self.asking {
                Asking::Waiting { answer, .. } => answer.await.unwrap_or(Err(Error::Closed)),
                Asking::Not { .. } | Asking::Pausing { .. } => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.shared.news.notified() => News::Something,
            Some(done) = self.done.1.recv() => News::Done(done),
            answer = identity => News::Identity(answer),
            Some(Err(error)) = self.lanes.join_next() => match error.try_into_panic() {
                // What it had in hand is lost: nobody may wait for that.
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => News::Something,
            },
            // Ends only with the cluster, which we hold.
            _ = self.changes.changed() => News::Something,
            () = sleep_until(alarm), if alarm.is_some() => News::Something,
        }
    }

    fn send_ready(&mut self, now: Instant) {
        loop {
            let mut plan = Plan { sender: self, requests: BTreeMap::new() };
            let (shared, identity) = (plan.sender.shared.clone(), plan.sender.identity);
            let place = |topic: &_, partition, bytes| plan.place(topic, partition, bytes);
            let is_pressed = shared.is_pressed();
            let ready = shared.accumulator().take_ready(now, is_pressed, identity, place);
            let requests = plan.requests;
            if let Some(stale) = ready.identity_wanted {
                self.want_identity(stale, now);
            }
            if ready.parcels.is_empty() {
                return;
            }
            let mut pieces: BTreeMap<NodeId, Vec<Piece>> = BTreeMap::new();
            for (node, parcel) in ready.parcels {
                let topic =
                    requests.get(&node).and_then(|request| request.topics.get(&parcel.topic));
                let Some(topic) = topic.cloned() else { continue };
                pieces.entry(node).or_default().push(Piece { topic, parcel });
            }
            for (node, pieces) in pieces {
                self.order(node, pieces);
            }
        }
    }

    fn order(&mut self, node: NodeId, pieces: Vec<Piece>) {
        let broker = match self.brokers.entry(node) {
            Entry::Occupied(broker) => broker.into_mut(),
            Entry::Vacant(vacant) => {
                let (orders, receiver) = mpsc::channel(self.options.requests_in_flight_max);
                let task = LaneTask {
                    cluster: self.cluster.clone(),
                    node,
                    lane: self.lane,
                    acks: self.options.acks,
                    done: self.done.0.clone(),
                };
                self.lanes.spawn(task.run(receiver));
                vacant.insert(Broker { orders, in_flight: 0 })
            }
        };
        broker.in_flight += 1;
        // The lane has room for all that may be in flight, and lives as long as we.
        if let Err(error) = broker.orders.try_send(pieces) {
            let pieces = error.into_inner();
            let verdict = Verdict::Refused(Error::Closed);
            let verdicts =
                pieces.into_iter().map(|piece| (piece.parcel, verdict.clone())).collect();
            self.finish(Done { node, verdicts });
        }
    }

    fn finish(&mut self, Done { node, verdicts }: Done) {
        if let Some(broker) = self.brokers.get_mut(&node) {
            broker.in_flight = broker.in_flight.saturating_sub(1);
        }
        for (parcel, verdict) in verdicts {
            if let Verdict::Refused(error) | Verdict::Unknown(error) = &verdict {
                let (topic, partition) = (&parcel.topic, parcel.partition);
                tracing::debug!(%error, %topic, %partition, "a batch was not acknowledged");
                if error.is_retriable() {
                    self.cluster.want(topic);
                }
            }
            let (now, chance) = (Instant::now(), random::chance());
            let settled = self.shared.accumulator().returned(parcel, verdict, now, chance);
            self.announce(settled);
        }
    }

    fn announce(&self, settled: impl IntoIterator<Item = Settlement>) {
        for settlement in settled {
            self.shared.room.add_permits(settlement.reserved_bytes);
            settlement.announce();
        }
    }

    /// Asks for a producer id, unless that is under way or what we have is not the stale one.
    fn want_identity(&mut self, stale: Option<Identity>, now: Instant) {
        if self.identity.is_some() && self.identity.map(|own| own.id) != stale.map(|old| old.id) {
            return;
        }
        let failures = match self.asking {
            Asking::Not { failures } => failures,
            Asking::Pausing { failures, until } if until <= now => failures,
            Asking::Pausing { .. } | Asking::Waiting { .. } => return,
        };
        let answer = tokio::spawn(ask_identity(self.cluster.clone()));
        self.asking = Asking::Waiting { failures, answer };
    }

    fn named(&mut self, answer: Result<Identity>) {
        let failures = match self.asking {
            Asking::Not { failures }
            | Asking::Pausing { failures, .. }
            | Asking::Waiting { failures, .. } => failures.saturating_add(1),
        };
        self.asking = match answer {
            Ok(identity) => {
                tracing::debug!(id = %identity.id, "producer id");
                self.identity = Some(identity);
                Asking::Not { failures: 0 }
            }
            Err(error) => {
                tracing::debug!(%error, "no producer id yet");
                if !error.is_retriable() {
                    let failed = self.shared.accumulator().fail_all(&error);
                    self.announce(failed);
                }
                let backoff: Backoff = self.cluster.options().retry_backoff();
                let until = Instant::now() + backoff.pause(failures, random::chance());
                Asking::Pausing { failures, until }
            }
        };
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.close();
        }
        self.cluster.close_lane(self.lane);
    }
}

/// Requests in the making: one per broker that may be sent one more.
struct Plan<'a> {
    sender: &'a mut Sender,
    requests: BTreeMap<NodeId, Planned>,
}

#[derive(Default)]
struct Planned {
    bytes: usize,
    topics: BTreeMap<Arc<str>, Arc<Topic>>,
}

impl Plan<'_> {
    /// The partition's leader, if it is known and may be sent so much more.
    fn place(
        &mut self,
        name: &Arc<str>,
        partition: PartitionIndex,
        bytes: usize,
    ) -> Option<NodeId> {
        let cluster = &self.sender.cluster;
        let found = cluster.known_topic(name);
        let leader = found.as_ref().and_then(|topic| cluster.leader_of(topic, partition).ok());
        let (Some(topic), Some(leader)) = (found, leader) else {
            cluster.want(name);
            return None;
        };
        let options = &self.sender.options;
        let in_flight = self.sender.brokers.get(&leader).map_or(0, |broker| broker.in_flight);
        if in_flight >= options.requests_in_flight_max {
            return None;
        }
        let request = self.requests.entry(leader).or_default();
        if request.bytes > 0 && request.bytes + bytes > options.request_bytes_max {
            return None;
        }
        request.bytes += bytes;
        request.topics.insert(name.clone(), topic);
        Some(leader)
    }
}

async fn ask_identity(cluster: Cluster) -> Result<Identity> {
    let request = message!(InitProducerIdRequest {
        transactional_id: None,
        // Means nothing without a transactional id, but must be positive for some brokers.
        transaction_timeout_ms: 60_000,
        producer_id: -1,
        producer_epoch: -1,
    });
    let answer = cluster.any_connection().await?.call(&request).await?.message;
    check(answer.error_code, None, || "producer id".into())?;
    Ok(Identity {
        id: ProducerId::new(answer.producer_id),
        epoch: ProducerEpoch::new(answer.producer_epoch),
    })
}

/// Until a moment, or for ever.
async fn sleep_until(alarm: Option<Instant>) {
    match alarm {
        Some(alarm) => tokio::time::sleep_until(alarm).await,
        None => std::future::pending().await,
    }
}
