//! Records of chosen partitions, from chosen offsets on.

mod decode;
mod fetch;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pelton_kafka::ErrorCode;
use pelton_model::batch::{FirstBatch, split_batch};
use pelton_model::{NodeId, Offset, PartitionIndex, TimestampMs};
use tokio::task::JoinSet;
use tokio::time::Instant;

use decode::decode_batch;
pub use decode::{ConsumerRecord, Header};
use fetch::{Asked, Fetch, Fetched, Got};

use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::offsets::{OffsetAt, list_offsets};
use crate::random;

/// How much a consumer asks for, and how patiently.
#[derive(Clone, Debug)]
pub struct ConsumerOptions {
    /// The broker holds a request until it has this much. Default 1.
    pub fetch_bytes_min: i32,
    /// Of one answer; a larger batch comes all the same. Default 16 MiB.
    pub fetch_bytes_max: i32,
    /// Of one partition in one answer; a larger batch comes all the same. Default 2 MiB.
    pub partition_bytes_max: i32,
    /// How long the broker holds a request. Default 500 ms.
    pub fetch_wait: Duration,
    /// Where to go on when an offset is not, or no longer, there. Default
    /// [`OffsetReset::Earliest`]: nothing that exists is skipped.
    pub offset_reset: OffsetReset,
}

/// Where to go on when an offset is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetReset {
    Earliest,
    Latest,
    /// [`Consumer::next`] fails with OFFSET_OUT_OF_RANGE.
    Fail,
}

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    Beginning,
    End,
    Offset(Offset),
    /// This many offsets before the end, or the beginning if there are fewer.
    BeforeEnd(i64),
    /// The first record with this timestamp or a later one, or the end if there is none.
    Timestamp(TimestampMs),
}

/// Which partitions of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Partitions {
    /// All that there are at the time of asking.
    All,
    Only(Vec<PartitionIndex>),
}

/// What a consumer meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Record(ConsumerRecord),
    /// Everything visible has been read; told again when more was read and the end reached again.
    EndOfPartition {
        topic: Arc<str>,
        partition: PartitionIndex,
        /// Of the record that will come next.
        offset: Offset,
    },
}

/// Reads partitions that the caller chooses; nothing is committed. Records of a partition come in
/// the order of their offsets. Transactions are not looked at: aborted records come too
/// (`read_uncommitted`).
///
/// Beside what [`Consumer::next`] has not handed out yet, one answer per broker is fetched ahead.
#[derive(Debug)]
pub struct Consumer {
    cluster: Cluster,
    options: ConsumerOptions,
    assigned: BTreeMap<(Arc<str>, PartitionIndex), Assigned>,
    fetches: JoinSet<Fetched>,
    /// Brokers that owe an answer.
    busy: BTreeSet<NodeId>,
    /// What was fetched and is not handed out yet, in order: `records` first, then these.
    ready: VecDeque<Ready>,
    records: VecDeque<ConsumerRecord>,
    rotation: usize,
    /// Since when fetches only fail.
    failing_since: Option<Instant>,
}

#[derive(Debug)]
struct Assigned {
    /// Of the next record to be fetched.
    position: Offset,
    /// Where the end was last reported.
    end_reported: Option<Offset>,
    /// Whether a fetch is on its way.
    is_away: bool,
    /// Whether `position` is out of range.
    needs_reset: bool,
    /// The first answer is wanted at once, also if it is empty: it tells where the end is.
    is_fresh: bool,
    failures: u32,
    not_before: Option<Instant>,
}

#[derive(Debug)]
enum Ready {
    Batches { topic: Arc<str>, partition: PartitionIndex, from: Offset, batches: Bytes },
    Event(Event),
}

impl Default for ConsumerOptions {
    fn default() -> Self {
        Self {
            fetch_bytes_min: 1,
            fetch_bytes_max: 16 << 20,
            partition_bytes_max: 2 << 20,
            fetch_wait: Duration::from_millis(500),
            offset_reset: OffsetReset::Earliest,
        }
    }
}

impl Consumer {
    pub fn new(cluster: Cluster, options: ConsumerOptions) -> Self {
        Self {
            cluster,
            options,
            assigned: BTreeMap::new(),
            fetches: JoinSet::new(),
            busy: BTreeSet::new(),
            ready: VecDeque::new(),
            records: VecDeque::new(),
            rotation: 0,
            failing_since: None,
        }
    }

    /// Adds partitions of a topic, and tells which.
    pub async fn assign(
        &mut self,
        topic: &str,
        partitions: &Partitions,
        start: StartAt,
    ) -> Result<Vec<PartitionIndex>> {
        let topic = self.cluster.topic(topic).await?;
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
        let positions = self.resolve(&topic.name, &partitions, start).await?;
        for &partition in &partitions {
            let position = positions.get(&partition).copied().unwrap_or(Offset::ZERO);
            self.assigned.insert((topic.name.clone(), partition), Assigned::at(position));
        }
        Ok(partitions)
    }

    /// The next record or end of a partition; waits for one. May be dropped and called again
    /// without loss.
    ///
    /// Fails if nothing is assigned, if a batch is damaged, if the topic is gone, and if no broker
    /// has answered for as long as the client's options allow retries. May be called again then.
    pub async fn next(&mut self) -> Result<Event> {
        loop {
            if let Some(event) = self.next_ready() {
                return event;
            }
            if self.assigned.is_empty() {
                return Err(Error::Invalid("no partition is assigned".into()));
            }
            self.reset_offsets().await?;
            self.start_fetches().await?;
            let alarm = self.next_alarm();
            tokio::select! {
                Some(fetched) = self.fetches.join_next() => {
                    let fetched = fetched.map_err(|error| {
                        Error::protocol("fetch", format!("the task is gone: {error}"))
                    })?;
                    self.accept(fetched)?;
                    // Ahead of what was just got, while the caller is busy with that.
                    self.start_fetches().await?;
                }
                () = tokio::time::sleep_until(alarm.unwrap_or_else(Instant::now)),
                    if alarm.is_some() => {}
                else => return Err(Error::Closed),
            }
        }
    }

    /// The next event that needs no waiting: what was fetched already.
    pub fn next_ready(&mut self) -> Option<Result<Event>> {
        loop {
            if let Some(record) = self.records.pop_front() {
                return Some(Ok(Event::Record(record)));
            }
            match self.ready.pop_front()? {
                Ready::Event(event) => return Some(Ok(event)),
                Ready::Batches { topic, partition, from, batches } => {
                    if let Err(error) = self.decode_next(&topic, partition, from, batches) {
                        return Some(Err(error));
                    }
                }
            }
        }
    }

    /// Decodes the first batch and puts the others back to the front.
    fn decode_next(
        &mut self,
        topic: &Arc<str>,
        partition: PartitionIndex,
        from: Offset,
        mut batches: Bytes,
    ) -> Result<()> {
        let fail = |error| Error::protocol(format!("{topic}/{partition}"), error);
        let Some(FirstBatch { header, batch, .. }) = split_batch(&batches).map_err(fail)? else {
            return Ok(());
        };
        let batch_bytes = batch.len();
        let batch = batches.split_to(batch_bytes);
        if !batches.is_empty() {
            self.ready.push_front(Ready::Batches {
                topic: topic.clone(),
                partition,
                from,
                batches,
            });
        }
        decode_batch(topic, partition, &header, &batch, from, &mut self.records)
    }

    async fn resolve(
        &self,
        topic: &str,
        partitions: &[PartitionIndex],
        start: StartAt,
    ) -> Result<BTreeMap<PartitionIndex, Offset>> {
        let at = |at| list_offsets(&self.cluster, topic, partitions, at);
        match start {
            StartAt::Offset(offset) => {
                Ok(partitions.iter().map(|&partition| (partition, offset)).collect())
            }
            StartAt::Beginning => at(OffsetAt::Earliest).await,
            StartAt::End => at(OffsetAt::Latest).await,
            StartAt::BeforeEnd(count) => {
                let mut offsets = at(OffsetAt::Latest).await?;
                for (partition, earliest) in at(OffsetAt::Earliest).await? {
                    if let Some(offset) = offsets.get_mut(&partition) {
                        *offset = offset.plus(count.max(0).saturating_neg()).max(earliest);
                    }
                }
                Ok(offsets)
            }
            StartAt::Timestamp(timestamp) => {
                let mut offsets = at(OffsetAt::Latest).await?;
                offsets.extend(at(OffsetAt::Timestamp(timestamp)).await?);
                Ok(offsets)
            }
        }
    }

    async fn reset_offsets(&mut self) -> Result<()> {
        let lost = self.assigned.iter().filter(|(_, assigned)| assigned.needs_reset);
        let lost: Vec<_> = lost.map(|(key, assigned)| (key.clone(), assigned.position)).collect();
        for ((topic, partition), position) in lost {
            let start = match self.options.offset_reset {
                OffsetReset::Earliest => StartAt::Beginning,
                OffsetReset::Latest => StartAt::End,
                OffsetReset::Fail => {
                    let context = format!("{topic}/{partition} at offset {position}");
                    return Err(Error::broker(context, ErrorCode::OffsetOutOfRange));
                }
            };
            let found = self.resolve(&topic, &[partition], start).await?;
            let found = found.get(&partition).copied().unwrap_or(Offset::ZERO);
            tracing::warn!(%topic, %partition, %position, %found, "offset out of range, going on elsewhere");
            self.assigned.insert((topic, partition), Assigned::at(found));
        }
        Ok(())
    }

    /// Asks every broker that owes nothing for the partitions that it leads.
    async fn start_fetches(&mut self) -> Result<()> {
        let now = Instant::now();
        let due = |assigned: &Assigned| {
            !assigned.is_away
                && !assigned.needs_reset
                && assigned.not_before.is_none_or(|at| at <= now)
        };
        let due = self.assigned.iter().filter(|(_, assigned)| due(assigned));
        let due: Vec<_> = due.map(|(key, _)| key.clone()).collect();
        let mut by_leader: BTreeMap<NodeId, Vec<Asked>> = BTreeMap::new();
        for key in due {
            let found = match self.cluster.known_topic(&key.0) {
                Some(topic) => Ok(topic),
                None => self.cluster.refresh(&key.0).await,
            };
            let found = found.and_then(|topic| {
                let leader = self.cluster.leader_of(&topic, key.1)?;
                Ok((leader, topic.id))
            });
            match found {
                Ok((leader, _)) if self.busy.contains(&leader) => {}
                Ok((leader, topic_id)) => {
                    let (topic, partition) = key.clone();
                    if let Some(assigned) = self.assigned.get(&key) {
                        let (position, is_fresh) = (assigned.position, assigned.is_fresh);
                        let asked = Asked { topic, topic_id, partition, position, is_fresh };
                        by_leader.entry(leader).or_default().push(asked);
                    }
                }
                Err(error) => self.fetch_failed(&key, &error)?,
            }
        }
        for (node, mut asked) in by_leader {
            for asked in &asked {
                let key = (asked.topic.clone(), asked.partition);
                if let Some(assigned) = self.assigned.get_mut(&key) {
                    assigned.is_away = true;
                }
            }
            // Each time another partition comes first, and gets the answer's bytes first.
            self.rotation = self.rotation.wrapping_add(1);
            let first = self.rotation % asked.len();
            asked.rotate_left(first);
            self.busy.insert(node);
            let fetch = Fetch { node, asked, options: self.options.clone() };
            self.fetches.spawn(fetch.run(self.cluster.clone()));
        }
        Ok(())
    }

    fn accept(&mut self, fetched: Fetched) -> Result<()> {
        self.busy.remove(&fetched.node);
        let mut result = Ok(());
        for (asked, got) in fetched.partitions {
            let key = (asked.topic, asked.partition);
            // It may have been assigned anew while the fetch was away.
            let Some(assigned) = self.assigned.get_mut(&key) else { continue };
            if assigned.position != asked.position {
                assigned.is_away = false;
                continue;
            }
            assigned.is_away = false;
            // All answers are taken in before the first error is told.
            let accepted = match got {
                Ok(got) => self.accept_partition(&key, got),
                Err(error) => self.fetch_failed(&key, &error),
            };
            result = result.and(accepted);
        }
        result
    }

    fn accept_partition(&mut self, key: &(Arc<str>, PartitionIndex), got: Got) -> Result<()> {
        let Some(assigned) = self.assigned.get_mut(key) else { return Ok(()) };
        self.failing_since = None;
        assigned.failures = 0;
        assigned.not_before = None;
        assigned.is_fresh = false;
        let from = assigned.position;
        let mut rest: &[u8] = &got.records;
        let fail = |error| Error::protocol(format!("{}/{}", key.0, key.1), error);
        while let Some(FirstBatch { header, rest: behind, .. }) = split_batch(rest).map_err(fail)? {
            assigned.position = assigned.position.max(header.next_offset());
            rest = behind;
        }
        let whole_bytes = got.records.len() - rest.len();
        let (topic, partition) = key.clone();
        if whole_bytes > 0 {
            let batches = got.records.slice(..whole_bytes);
            self.ready.push_back(Ready::Batches { topic: topic.clone(), partition, from, batches });
        }
        let offset = assigned.position;
        if offset >= got.high_watermark && assigned.end_reported != Some(offset) {
            assigned.end_reported = Some(offset);
            self.ready.push_back(Ready::Event(Event::EndOfPartition { topic, partition, offset }));
        }
        Ok(())
    }

    /// Has the partition asked for again later, unless that is of no use.
    fn fetch_failed(&mut self, key: &(Arc<str>, PartitionIndex), error: &Error) -> Result<()> {
        let Some(assigned) = self.assigned.get_mut(key) else { return Ok(()) };
        if error.code() == Some(ErrorCode::OffsetOutOfRange) {
            assigned.needs_reset = true;
            return Ok(());
        }
        let now = Instant::now();
        let since = *self.failing_since.get_or_insert(now);
        if !error.is_retriable() || now - since > self.cluster.options().retry_timeout {
            return Err(error.clone());
        }
        tracing::debug!(%error, topic = %key.0, partition = %key.1, "will fetch again");
        assigned.failures += 1;
        assigned.not_before = Some(
            now + self.cluster.options().retry_backoff().pause(assigned.failures, random::chance()),
        );
        self.cluster.forget(&key.0);
        Ok(())
    }

    fn next_alarm(&self) -> Option<Instant> {
        self.assigned
            .values()
            .filter(|assigned| !assigned.is_away)
            .filter_map(|assigned| assigned.not_before)
            .filter(|&at| at > Instant::now() || self.busy.is_empty())
            .min()
    }
}

impl Assigned {
    fn at(position: Offset) -> Self {
        Self {
            position,
            end_reported: None,
            is_away: false,
            needs_reset: false,
            is_fresh: true,
            failures: 0,
            not_before: None,
        }
    }
}
