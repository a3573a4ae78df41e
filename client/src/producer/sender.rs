//! The task that sends batches, and what becomes of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pelton_kafka::wire::produce_request::{PartitionProduceData, TopicProduceData};
use pelton_kafka::wire::{InitProducerIdRequest, ProduceRequest, ProduceResponse};
use pelton_kafka::{ErrorCode, message, topic_id_of, uuid_of};
use pelton_model::{NodeId, Offset, PartitionIndex, ProducerEpoch, ProducerId, TopicId};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::batch::{Batch, Identity};
use super::{Acks, ProducerOptions, Shared};
use crate::cluster::{Cluster, Topic};
use crate::connection::Answer;
use crate::error::{Error, Result, check};
use crate::retry::backoff;

/// A request ends before the batch that takes it beyond this; more go into the next one.
const REQUEST_BYTES: usize = 4 << 20;

pub(super) struct Sender {
    cluster: Cluster,
    shared: Arc<Shared>,
    options: ProducerOptions,
    identity: Option<Identity>,
    /// Attempts to get an identity that failed in a row, and when the next is due.
    identity_attempts: u32,
    identity_not_before: Option<Instant>,
    requests: JoinSet<Finished>,
    in_flight: BTreeMap<NodeId, usize>,
}

/// Batches that one request carries.
struct Outgoing {
    node: NodeId,
    batches: Vec<(Batch, Arc<Topic>)>,
}

/// A request that has ended one way or the other.
struct Finished {
    outgoing: Outgoing,
    /// None where no answer is sent.
    answer: Result<Option<ProduceResponse>>,
}

impl Sender {
    pub(super) fn new(cluster: Cluster, shared: Arc<Shared>, options: ProducerOptions) -> Self {
        Self {
            cluster,
            shared,
            options,
            identity: None,
            identity_attempts: 0,
            identity_not_before: None,
            requests: JoinSet::new(),
            in_flight: BTreeMap::new(),
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            self.give_up_expired();
            self.send_ready().await;
            let alarm = self.next_alarm();
            tokio::select! {
                () = self.shared.news.notified() => {}
                Some(finished) = self.requests.join_next() => match finished {
                    Ok(finished) => self.finish(finished),
                    // Only a panic: the process is about to go, or the batches are lost and say so.
                    Err(error) => tracing::error!(%error, "a produce request was lost"),
                },
                () = sleep_until(alarm), if alarm.is_some() => {}
            }
        }
    }

    fn next_alarm(&self) -> Option<Instant> {
        let now = Instant::now();
        let due = self.shared.accumulator().next_due(now);
        let identity = self.identity_not_before.filter(|&at| at > now);
        due.into_iter().chain(identity).min()
    }

    fn give_up_expired(&mut self) {
        let Some(created_max) = Instant::now().checked_sub(self.options.delivery_timeout) else {
            return;
        };
        let expired = self.shared.accumulator().take_expired(created_max);
        for batch in expired {
            let context = format!("produce to {}/{}", batch.topic, batch.partition);
            self.give_up(batch, Error::TimedOut { context: context.into() });
        }
    }

    async fn send_ready(&mut self) {
        if self.options.is_idempotent && self.identity.is_none() && !self.renew_identity().await {
            return;
        }
        let (cluster, in_flight) = (&self.cluster, &self.in_flight);
        let in_flight_max = self.options.requests_in_flight_max;
        let ready = self.shared.accumulator().take_ready(Instant::now(), |topic, partition| {
            // Where the leader is not known, the batch is taken to have it found out.
            let Some(topic) = cluster.known_topic(topic) else { return true };
            let Ok(leader) = cluster.leader_of(&topic, partition) else { return true };
            in_flight.get(&leader).is_none_or(|&count| count < in_flight_max)
        });
        let mut by_leader: BTreeMap<NodeId, Vec<(Batch, Arc<Topic>)>> = BTreeMap::new();
        for batch in ready {
            match self.find_leader(&batch).await {
                Ok((leader, topic)) => by_leader.entry(leader).or_default().push((batch, topic)),
                Err(error) => self.try_again(batch, error),
            }
        }
        for (node, batches) in by_leader {
            for batches in split_into_requests(batches) {
                self.start(Outgoing { node, batches });
            }
        }
    }

    async fn find_leader(&self, batch: &Batch) -> Result<(NodeId, Arc<Topic>)> {
        let topic = match self.cluster.known_topic(&batch.topic) {
            Some(topic) => topic,
            None => self.cluster.refresh(&batch.topic).await?,
        };
        Ok((self.cluster.leader_of(&topic, batch.partition)?, topic))
    }

    /// Whether there is an identity now. One is asked for only when something waits to be sent and
    /// nothing is away: what is away still uses the old one's sequences.
    async fn renew_identity(&mut self) -> bool {
        let now = Instant::now();
        if !self.requests.is_empty()
            || self.identity_not_before.is_some_and(|at| at > now)
            || !self.shared.accumulator().has_ready(now)
        {
            return false;
        }
        match self.ask_identity().await {
            Ok(identity) => {
                tracing::debug!(id = %identity.id, "producer id");
                self.identity = Some(identity);
                self.identity_attempts = 0;
                self.identity_not_before = None;
                self.shared.accumulator().restart_sequences();
                true
            }
            Err(error) if error.is_retriable() => {
                tracing::debug!(%error, "no producer id yet");
                self.identity_attempts += 1;
                let pause = backoff(self.cluster.options(), self.identity_attempts);
                self.identity_not_before = Some(Instant::now() + pause);
                false
            }
            Err(error) => {
                let batches = self.shared.accumulator().take_ready(Instant::now(), |_, _| true);
                for batch in batches {
                    self.give_up(batch, error.clone());
                }
                false
            }
        }
    }

    async fn ask_identity(&self) -> Result<Identity> {
        let request = message!(InitProducerIdRequest {
            transactional_id: None,
            // Means nothing without a transactional id, but must be positive for some brokers.
            transaction_timeout_ms: 60_000,
            producer_id: -1,
            producer_epoch: -1,
        });
        let answer = self.cluster.any_connection().await?.call(&request).await?.message;
        check(answer.error_code, None, || "producer id".into())?;
        Ok(Identity {
            id: ProducerId::new(answer.producer_id),
            epoch: ProducerEpoch::new(answer.producer_epoch),
        })
    }

    fn start(&mut self, mut outgoing: Outgoing) {
        let (identity, acks) = (self.identity, self.options.acks);
        let request = request(&mut outgoing.batches, identity, acks, self.timeout_ms());
        let (cluster, node) = (self.cluster.clone(), outgoing.node);
        *self.in_flight.entry(node).or_default() += 1;
        self.requests.spawn(async move {
            let attempt = async {
                let connection = cluster.connection(node).await?;
                if acks == Acks::None {
                    return connection.tell(&request).await.map(|()| None);
                }
                let Answer { message, .. } = connection.call(&request).await?;
                Ok(Some(message))
            };
            let answer = attempt.await;
            Finished { outgoing, answer }
        });
    }

    fn finish(&mut self, Finished { outgoing, answer }: Finished) {
        if let Some(count) = self.in_flight.get_mut(&outgoing.node) {
            *count = count.saturating_sub(1);
        }
        let results = match answer {
            Ok(Some(answer)) => Ok(Some(results(&answer))),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        for (batch, topic) in outgoing.batches {
            let context = || format!("produce to {}/{}", batch.topic, batch.partition);
            let result = match &results {
                Ok(None) => Ok(None),
                Ok(Some(results)) => results.find(&topic, batch.partition, context),
                Err(error) => Err(error.clone()),
            };
            match result {
                Ok(base_offset) => self.settle(batch, Ok(base_offset)),
                Err(error) if error.code() == Some(ErrorCode::DuplicateSequenceNumber) => {
                    self.settle(batch, Ok(None));
                }
                Err(error) => self.try_again(batch, error),
            }
        }
    }

    /// Sends a batch once more after a pause, or gives it up.
    fn try_again(&mut self, mut batch: Batch, error: Error) {
        batch.may_be_appended |= error.is_outcome_unknown();
        let may_reappear = match error.code() {
            // The broker has forgotten us, or never knew: under a new identity it is a first
            // attempt, unless an earlier one may have succeeded.
            Some(
                ErrorCode::UnknownProducerId
                | ErrorCode::OutOfOrderSequenceNumber
                | ErrorCode::InvalidProducerEpoch,
            ) => {
                self.identity = None;
                !batch.may_be_appended
            }
            _ => error.is_retriable(),
        };
        let now = Instant::now();
        batch.attempts += 1;
        let pause = backoff(self.cluster.options(), batch.attempts);
        if !may_reappear || now + pause > batch.created + self.options.delivery_timeout {
            return self.give_up(batch, error);
        }
        tracing::debug!(%error, attempts = batch.attempts, "will produce again");
        self.cluster.forget(&batch.topic);
        batch.not_before = Some(now + pause);
        self.shared.accumulator().give_back(batch);
    }

    fn give_up(&mut self, batch: Batch, error: Error) {
        if batch.base_sequence.is_some() {
            if batch.may_be_appended {
                // Whether the next sequence follows this batch's or takes its place is not known.
                self.identity = None;
            } else {
                self.shared.accumulator().rewind(&batch);
            }
        }
        self.settle(batch, Err(error));
    }

    fn settle(&self, batch: Batch, outcome: Result<Option<Offset>>) {
        self.shared.accumulator().arrived(&batch.topic, batch.partition);
        self.shared.room.add_permits(batch.reserved_bytes);
        batch.settle(outcome);
    }

    /// How long the broker may wait for other replicas; less than we wait for the broker.
    fn timeout_ms(&self) -> i32 {
        let timeout: Duration = self.cluster.options().request_timeout / 2;
        i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX)
    }
}

/// Until a moment, or for ever.
async fn sleep_until(alarm: Option<Instant>) {
    match alarm {
        Some(alarm) => tokio::time::sleep_until(alarm).await,
        None => std::future::pending().await,
    }
}

fn split_into_requests(batches: Vec<(Batch, Arc<Topic>)>) -> Vec<Vec<(Batch, Arc<Topic>)>> {
    let mut requests = Vec::new();
    let mut bytes = usize::MAX;
    for batch in batches {
        let batch_bytes = batch.0.uncompressed_bytes();
        if bytes.saturating_add(batch_bytes) > REQUEST_BYTES {
            requests.push(Vec::new());
            bytes = 0;
        }
        bytes += batch_bytes;
        if let Some(request) = requests.last_mut() {
            request.push(batch);
        }
    }
    requests
}

fn request(
    batches: &mut [(Batch, Arc<Topic>)],
    identity: Option<Identity>,
    acks: Acks,
    timeout_ms: i32,
) -> ProduceRequest {
    let mut topics: BTreeMap<Arc<str>, TopicProduceData> = BTreeMap::new();
    for (batch, topic) in batches {
        // The name for older versions, the id for newer ones.
        let data = topics.entry(batch.topic.clone()).or_insert_with(|| {
            message!(TopicProduceData { name: (*topic.name).into(), topic_id: uuid_of(topic.id) })
        });
        data.partition_data.push(message!(PartitionProduceData {
            index: batch.partition.get(),
            records: Some(batch.encode(identity)),
        }));
    }
    message!(ProduceRequest {
        transactional_id: None,
        acks: match acks {
            Acks::None => 0,
            Acks::Leader => 1,
            Acks::All => -1,
        },
        timeout_ms: timeout_ms,
        topic_data: topics.into_values().collect(),
    })
}

/// What an answer says of each partition; topics by name or by id, as the version has it.
struct Results {
    by_name: BTreeMap<(String, PartitionIndex), PartitionResult>,
    by_id: BTreeMap<(TopicId, PartitionIndex), PartitionResult>,
}

#[derive(Clone)]
struct PartitionResult {
    code: i16,
    message: Option<String>,
    base_offset: Offset,
}

fn results(answer: &ProduceResponse) -> Results {
    let mut results = Results { by_name: BTreeMap::new(), by_id: BTreeMap::new() };
    for topic in &answer.responses {
        let id = topic_id_of(topic.topic_id);
        for partition in &topic.partition_responses {
            let index = PartitionIndex::new(partition.index);
            let result = PartitionResult {
                code: partition.error_code,
                message: partition.error_message.as_ref().map(|message| message.to_string()),
                base_offset: Offset::new(partition.base_offset),
            };
            if id == TopicId::ZERO {
                results.by_name.insert((topic.name.to_string(), index), result);
            } else {
                results.by_id.insert((id, index), result);
            }
        }
    }
    results
}

impl Results {
    fn find(
        &self,
        topic: &Topic,
        partition: PartitionIndex,
        context: impl Fn() -> String,
    ) -> Result<Option<Offset>> {
        let found = self
            .by_id
            .get(&(topic.id, partition))
            .or_else(|| self.by_name.get(&(topic.name.to_string(), partition)))
            .ok_or_else(|| Error::protocol(context(), "is missing in the answer"))?;
        check(found.code, found.message.as_deref(), context)?;
        Ok((found.base_offset >= Offset::ZERO).then_some(found.base_offset))
    }
}
