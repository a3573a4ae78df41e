//! Records gathered into batches, and which batches may be sent. Pure: time is an argument.
//!
//! At most one batch of a partition is away at a time. Records therefore keep their order and an
//! idempotent producer its sequence, whatever fails; while a batch is away the next one fills, so
//! batches grow with the broker's latency.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use pelton_model::batch::NewRecord;
use pelton_model::{Compression, PartitionIndex};
use tokio::sync::watch;
use tokio::time::Instant;

use super::batch::{Batch, Outcome, sequence_after};
use super::partitioner::{Sticky, partition_of_key};

/// What decides when a batch is full or old enough.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) compression: Compression,
    pub(super) batch_bytes: usize,
    pub(super) linger: Duration,
    pub(super) is_idempotent: bool,
}

#[derive(Debug)]
pub(super) struct Accumulator {
    limits: Limits,
    topics: BTreeMap<Arc<str>, TopicQueues>,
}

#[derive(Debug, Default)]
struct TopicQueues {
    sticky: Sticky,
    partitions: Vec<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    /// The batch that is away, if one is.
    away: Option<watch::Receiver<Option<Outcome>>>,
    sealed: VecDeque<Batch>,
    open: Option<Batch>,
    next_sequence: i32,
}

/// Where a record was put.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) partition: PartitionIndex,
    pub(super) index_in_batch: i32,
    pub(super) outcome: watch::Receiver<Option<Outcome>>,
    /// Whether the sender's plans have changed: a batch was begun or is full.
    pub(super) is_news: bool,
}

impl Accumulator {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, topics: BTreeMap::new() }
    }

    /// Puts a record into its partition's open batch. `partition` must be one of the topic's;
    /// `reserved_bytes` is what the batch must give back for it.
    pub(super) fn append(
        &mut self,
        topic: &Arc<str>,
        partition_count: usize,
        partition: Option<PartitionIndex>,
        record: &NewRecord<'_>,
        reserved_bytes: usize,
        now: Instant,
    ) -> Placed {
        let limits = self.limits;
        if !self.topics.contains_key(topic) {
            self.topics.insert(topic.clone(), TopicQueues::default());
        }
        let queues = self.topics.get_mut(topic).expect("inserted above");
        let bytes = record_bytes_max(record);
        let partition = match (partition, record.key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => partition_of_key(key, partition_count),
            (None, None) => queues.sticky.next(partition_count, bytes, limits.batch_bytes),
        };
        let at = usize::try_from(partition.get()).expect("a partition's index is not negative");
        if queues.partitions.len() <= at {
            queues.partitions.resize_with(at + 1, Queue::default);
        }
        let queue = &mut queues.partitions[at];

        let mut is_news = false;
        if let Some(open) = &queue.open
            && open.uncompressed_bytes() + bytes > limits.batch_bytes
        {
            queue.sealed.extend(queue.open.take());
            is_news = true;
        }
        is_news |= queue.open.is_none();
        let open = queue
            .open
            .get_or_insert_with(|| Batch::new(topic.clone(), partition, limits.compression, now));
        let index_in_batch = open.push(record, reserved_bytes);
        Placed { partition, index_in_batch, outcome: open.outcome.subscribe(), is_news }
    }

    /// Takes one batch of every partition that has one to send and nothing away, and for which
    /// `may_send`; gives it its sequence.
    pub(super) fn take_ready(
        &mut self,
        now: Instant,
        mut may_send: impl FnMut(&Arc<str>, PartitionIndex) -> bool,
    ) -> Vec<Batch> {
        let limits = self.limits;
        let mut ready = Vec::new();
        for queue in self.queues() {
            let Some(head) = queue.head() else { continue };
            let is_due = queue.due(&limits).is_some_and(|due| due <= now);
            if !is_due || !may_send(&head.topic, head.partition) {
                continue;
            }
            let Some(mut batch) = queue.sealed.pop_front().or_else(|| queue.open.take()) else {
                continue;
            };
            if limits.is_idempotent && batch.base_sequence.is_none() {
                batch.base_sequence = Some(queue.next_sequence);
                queue.next_sequence = sequence_after(queue.next_sequence, batch.record_count);
            }
            queue.away = Some(batch.outcome.subscribe());
            ready.push(batch);
        }
        ready
    }

    /// Whether [`Accumulator::take_ready`] would give something to a sender that may send all.
    pub(super) fn has_ready(&mut self, now: Instant) -> bool {
        let limits = self.limits;
        self.queues().any(|queue| queue.due(&limits).is_some_and(|due| due <= now))
    }

    /// When something becomes ready that is not yet, if nothing else happens.
    pub(super) fn next_due(&mut self, now: Instant) -> Option<Instant> {
        let limits = self.limits;
        self.queues().filter_map(|queue| queue.due(&limits)).filter(|&due| due > now).min()
    }

    /// A batch that was away must be sent again.
    pub(super) fn give_back(&mut self, batch: Batch) {
        if let Some(queue) = self.queue(&batch.topic, batch.partition) {
            queue.away = None;
            queue.sealed.push_front(batch);
        }
    }

    /// A batch that was away is settled.
    pub(super) fn arrived(&mut self, topic: &str, partition: PartitionIndex) {
        if let Some(queue) = self.queue(topic, partition) {
            queue.away = None;
        }
    }

    /// A batch that was not appended, for certain, gives its sequence to the next one.
    pub(super) fn rewind(&mut self, batch: &Batch) {
        if let (Some(base_sequence), Some(queue)) =
            (batch.base_sequence, self.queue(&batch.topic, batch.partition))
        {
            queue.next_sequence = base_sequence;
        }
    }

    /// All sequences begin again, for a new identity. Nothing must be away.
    pub(super) fn restart_sequences(&mut self) {
        for queue in self.queues() {
            queue.next_sequence = 0;
            for batch in &mut queue.sealed {
                batch.base_sequence = None;
            }
        }
    }

    /// Takes what waits and was begun at or before `created_max`.
    pub(super) fn take_expired(&mut self, created_max: Instant) -> Vec<Batch> {
        let mut expired = Vec::new();
        for queue in self.queues() {
            while queue.sealed.front().is_some_and(|batch| batch.created <= created_max) {
                expired.extend(queue.sealed.pop_front());
            }
            if queue.sealed.is_empty()
                && queue.open.as_ref().is_some_and(|batch| batch.created <= created_max)
            {
                expired.extend(queue.open.take());
            }
        }
        expired
    }

    /// Seals all open batches, and tells the outcomes of everything that is not settled.
    pub(super) fn seal_all(&mut self) -> Vec<watch::Receiver<Option<Outcome>>> {
        let mut outcomes = Vec::new();
        for queue in self.queues() {
            queue.sealed.extend(queue.open.take());
            outcomes.extend(queue.away.clone());
            outcomes.extend(queue.sealed.iter().map(|batch| batch.outcome.subscribe()));
        }
        outcomes
    }

    fn queues(&mut self) -> impl Iterator<Item = &mut Queue> {
        self.topics.values_mut().flat_map(|topic| &mut topic.partitions)
    }

    fn queue(&mut self, topic: &str, partition: PartitionIndex) -> Option<&mut Queue> {
        let at = usize::try_from(partition.get()).ok()?;
        self.topics.get_mut(topic)?.partitions.get_mut(at)
    }
}

impl Queue {
    /// The batch to be sent next.
    fn head(&self) -> Option<&Batch> {
        self.sealed.front().or(self.open.as_ref())
    }

    /// When the head may be sent; never while another one is away.
    fn due(&self, limits: &Limits) -> Option<Instant> {
        if self.away.is_some() {
            return None;
        }
        match self.sealed.front() {
            Some(sealed) => Some(sealed.not_before.unwrap_or(sealed.created)),
            None => self.open.as_ref().map(|open| open.created + limits.linger),
        }
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
