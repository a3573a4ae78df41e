//! The producer's whole state between its callers and its sending task: a queue for each partition.
//! Pure: time and chance are arguments; who leads what, and who may be sent more, is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pelton_model::batch::{BatchFields, NewRecord};
use pelton_model::{NodeId, PartitionIndex};
use tokio::time::Instant;

use super::batch::{Batch, Identity, Parcel};
use super::partitioner::{Sticky, partition_of_key};
use super::queue::{Next, Queue, Rules, Settlement, Verdict};
use super::record::{Callback, Delivery, Promise, Told};
use crate::cluster::Topic;
use crate::error::{Error, Result};

#[derive(Debug)]
pub(super) struct Accumulator {
    rules: Rules,
    fields: BatchFields,
    topics: BTreeMap<Arc<str>, TopicQueues>,
    /// Who was served first the last time; somebody else is the next time.
    rotation: usize,
    /// Nobody sends any more.
    is_closed: bool,
}

#[derive(Debug, Default)]
struct TopicQueues {
    sticky: Sticky,
    partitions: Vec<Queue>,
}

/// Where a record is to go, and what it takes.
pub(super) struct Arrival<'a> {
    pub(super) topic: &'a Topic,
    /// If given, one of the topic's.
    pub(super) partition: Option<PartitionIndex>,
    pub(super) record: NewRecord<'a>,
    /// What the batch must give back for it.
    pub(super) reserved_bytes: usize,
    pub(super) callback: Option<Callback>,
}

/// Batches to be sent, and what keeps others.
#[derive(Debug, Default)]
pub(super) struct Ready {
    pub(super) parcels: Vec<(NodeId, Parcel)>,
    /// Something could be sent under a producer id other than this one, if there was one.
    pub(super) identity_wanted: Option<Option<Identity>>,
}

impl Accumulator {
    pub(super) fn new(rules: Rules, fields: BatchFields) -> Self {
        Self { rules, fields, topics: BTreeMap::new(), rotation: 0, is_closed: false }
    }

    /// Puts a record into its partition's open batch; and whether that changes the sender's plans. Fails
    /// with [`Error::Closed`].
    pub(super) fn append(
        &mut self,
        arrival: Arrival<'_>,
        now: Instant,
        chance: impl FnOnce() -> f64,
    ) -> Result<(Delivery, bool)> {
        if self.is_closed {
            return Err(Error::Closed);
        }
        let Arrival { topic, partition, record, reserved_bytes, callback } = arrival;
        let (rules, fields) = (&self.rules, self.fields);
        let partition_count = topic.partitions.len();
        if !self.topics.contains_key(&topic.name) {
            self.topics.insert(topic.name.clone(), TopicQueues::default());
        }
        let queues = self.topics.get_mut(&topic.name).expect("inserted above");
        let bytes = record_bytes_max(&record);
        let partition = match (partition, record.key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => partition_of_key(key, partition_count),
            (None, None) => {
                let load = |at: usize| {
                    topic.partitions.get(at)?.leader?;
                    Some(queues.partitions.get(at).map_or(0, Queue::batch_count))
                };
                queues.sticky.next(partition_count, bytes, rules.batch_bytes, chance, load)
            }
        };
        let at = usize::try_from(partition.get()).expect("a partition's index is not negative");
        for index in (0_i32..).skip(queues.partitions.len()).take_while(|&i| i as usize <= at) {
            queues.partitions.push(Queue::new(topic.name.clone(), PartitionIndex::new(index)));
        }
        let queue = &mut queues.partitions[at];
        let begin =
            |topic: &Arc<str>, partition, serial| Batch::new(topic, partition, serial, fields, now);
        let (batch, is_new) = queue.room_for(bytes, rules, begin);
        let delivery = batch.push(&record, reserved_bytes, callback);
        let is_news = is_new || queue.is_open_full(rules);
        Ok((delivery, is_news))
    }

    /// Takes one batch of every partition that has one to send and for which `place`, given its
    /// size, names a broker. While `is_pressed`, no batch waits for more records.
    pub(super) fn take_ready(
        &mut self,
        now: Instant,
        is_pressed: bool,
        identity: Option<Identity>,
        mut place: impl FnMut(&Arc<str>, PartitionIndex, usize) -> Option<NodeId>,
    ) -> Ready {
        let linger = if is_pressed { Duration::ZERO } else { self.rules.linger };
        let rules = Rules { linger, ..self.rules };
        let mut ready = Ready::default();
        let mut sendable: Vec<(&mut Queue, Next)> = Vec::new();
        for queue in self.topics.values_mut().flat_map(|topic| &mut topic.partitions) {
            match queue.next(now, &rules, identity) {
                Next::Nothing => {}
                Next::Identity(stale) => ready.identity_wanted = Some(stale),
                next => sendable.push((queue, next)),
            }
        }
        if sendable.is_empty() {
            return ready;
        }
        self.rotation = self.rotation.wrapping_add(1);
        let first = self.rotation % sendable.len();
        sendable.rotate_left(first);
        for (queue, next) in sendable {
            let bytes = queue.bytes_of(next);
            let Some(node) = place(queue.topic(), queue.partition(), bytes) else { continue };
            ready.parcels.extend(queue.take(next, &rules, identity).map(|parcel| (node, parcel)));
        }
        ready
    }

    /// When something becomes ready or late that was not at `now`, if nothing else happens. It may have
    /// become so by now, so `now` is that of the last [`Accumulator::take_ready`] and
    /// [`Accumulator::expire`].
    pub(super) fn next_alarm(&self, now: Instant) -> Option<Instant> {
        let queues = self.topics.values().flat_map(|topic| &topic.partitions);
        queues.filter_map(|queue| queue.next_alarm(now, &self.rules)).min()
    }

    /// A batch that was away is back.
    pub(super) fn returned(
        &mut self,
        parcel: Parcel,
        verdict: Verdict,
        now: Instant,
        chance: f64,
    ) -> Option<Settlement> {
        let at = usize::try_from(parcel.partition.get()).ok()?;
        let queue = self.topics.get_mut(&parcel.topic)?.partitions.get_mut(at)?;
        queue.returned(parcel.ticket, parcel.body, verdict, now, &self.rules, chance)
    }

    /// Gives up what has waited too long.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Settlement> {
        let rules = self.rules;
        self.queues().flat_map(|queue| queue.expire(now, &rules)).collect()
    }

    /// Gives up everything.
    pub(super) fn fail_all(&mut self, error: &Error) -> Vec<Settlement> {
        self.queues().flat_map(|queue| queue.fail_all(error)).collect()
    }

    /// Gives up everything, and takes nothing any more.
    pub(super) fn close(&mut self) -> Vec<Settlement> {
        self.is_closed = true;
        self.fail_all(&Error::Closed)
    }

    /// No batch waits for more records.
    pub(super) fn seal_all(&mut self) {
        self.queues().for_each(Queue::seal);
    }

    /// All batches that are not settled, for whoever waits for them.
    pub(super) fn unsettled(&self) -> Vec<Told> {
        let queues = self.topics.values().flat_map(|topic| &topic.partitions);
        queues.flat_map(Queue::promises).map(Promise::told).collect()
    }

    fn queues(&mut self) -> impl Iterator<Item = &mut Queue> {
        self.topics.values_mut().flat_map(|topic| &mut topic.partitions)
    }
}

/// What a record takes in a batch at most: six varints of a record (21 bytes of lengths, two
/// deltas, a count), and ten bytes of lengths for each header.
pub(super) fn record_bytes_max(record: &NewRecord<'_>) -> usize {
    let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
    let headers = record.headers.iter().map(|(name, value)| 10 + name.len() + length(*value));
    36 + length(record.key) + length(record.value) + headers.sum::<usize>()
}

#[cfg(test)]
#[path = "accumulator_test.rs"]
mod accumulator_test;
