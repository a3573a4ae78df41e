//! A shard's figures: plain integers, copied when somebody scrapes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use pelton_group::GroupFigures;
use pelton_kafka::ApiKey;
use pelton_model::TimestampMs;
use pelton_model::histogram::{Latencies, Sizes};
use pelton_storage::disk::IoTimes;
use pelton_storage::{Corruptions, FenceReason, JournalStats};

use crate::runtime::TaskTimes;

/// Kinds of client software that are told apart; clients choose their names, so there is a bound.
pub const CLIENT_KINDS_MAX: usize = 50;

/// What the rest of them is called.
const OTHER_CLIENTS: (&str, &str) = ("other", "");

/// Name and version of a client's software.
pub type ClientKind = (String, String);

/// Traffic of one topic.
#[derive(Clone, Copy, Debug, Default)]
pub struct TopicTraffic {
    pub bytes_received: u64,
    pub bytes_sent: u64,
    pub records_produced: u64,
    /// Of the batches that were sent.
    pub records_fetched: u64,
}

/// Connections that are not read from, for some reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pauses {
    pub now: u64,
    /// Since the start.
    pub ever: u64,
}

impl Pauses {
    pub fn add(&mut self, other: Self) {
        self.now += other.now;
        self.ever += other.ever;
    }
}

/// Where a request's time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// From when its frame was taken off the connection until its turn came. Frames that are not
    /// taken, for want of room, are not in it.
    Queue,
    /// From then until its work is with the owners.
    Local,
    /// At the owner, until the device has what was appended.
    Durable,
    /// At another shard and on the ways there and back.
    Hop,
    /// From when its answer was ready until the socket had taken it, other answers before it
    /// included.
    Send,
}

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Phase::Queue => "queue",
            Phase::Local => "local",
            Phase::Durable => "durable",
            Phase::Hop => "hop",
            Phase::Send => "send",
        }
    }
}

/// Compaction, as one shard sees its own.
#[derive(Clone, Debug, Default)]
pub struct CompactionFigures {
    /// The dirtiest partition of each compacted topic, as of the last look.
    pub dirty_ratios: BTreeMap<String, f64>,
    /// Left alone until a restart.
    pub failed_partitions: u64,
    /// The last look after which nothing that was due was left.
    pub last_success: Option<TimestampMs>,
    /// Read and written, also by what is still under way.
    pub moved_bytes: u64,
    /// By what came to its end.
    pub written_bytes: u64,
    pub removed_records: u64,
}

/// Consumer groups whose coordinators are on one shard.
#[derive(Clone, Debug, Default)]
pub struct GroupsFigures {
    /// By kind and state, all of them.
    pub by_state: BTreeMap<(&'static str, &'static str), u64>,
    /// Of all of them, as they estimate it.
    pub state_bytes: u64,
    /// Some, one by one.
    pub shown: Vec<GroupFigures>,
    /// Since their coordinators were loaded, as the next one.
    pub offset_commits: u64,
    pub offsets_expired: u64,
    /// Those that ended with a stable group.
    pub rebalances: Latencies,
}

/// What became of the records that the broker sends itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct CanaryFigures {
    /// From a record's making until it has been read back.
    pub roundtrips: Latencies,
    /// Refused, or not found where it was acknowledged.
    pub lost: u64,
}

/// What shard 0 says for all.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClusterFigures {
    pub brokers: u64,
    pub topics: u64,
    /// The entry of the cluster log that is in force.
    pub revision: u64,
    /// Of all shards together.
    pub connections_refused: u64,
    pub connections_refused_by_ip: u64,
}

/// One partition, as its owner sees it.
#[derive(Clone, Debug)]
pub struct PartitionFigures {
    pub topic: Arc<str>,
    pub index: i32,
    pub bytes: u64,
    pub segments: u64,
    pub start: i64,
    pub high_watermark: i64,
    pub end: i64,
    /// `retention.bytes`, where the topic's old records go by it.
    pub retention_bytes: Option<u64>,
}

/// A place in a partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

/// Everything a shard counts.
#[derive(Clone, Debug, Default)]
pub struct ShardFigures {
    pub shard: u16,
    /// The data directory.
    pub dir: String,
    /// What opening the storage took at the start.
    pub recovery_time: Duration,
    /// Of shard 0 only.
    pub cluster: Option<ClusterFigures>,
    /// By API key and version.
    pub requests: BTreeMap<(i16, i16), u64>,
    /// By API key, error code.
    pub errors: BTreeMap<(i16, i16), u64>,
    /// By API key; fetches that waited for data are apart.
    pub durations: BTreeMap<(i16, bool), Latencies>,
    /// By API key.
    pub phases: BTreeMap<(i16, Phase), Latencies>,
    pub topics: BTreeMap<String, TopicTraffic>,
    /// Batches as producers sent them.
    pub batch_sizes: Sizes,
    pub batches_rejected: BTreeMap<&'static str, u64>,
    /// By the codec that they were given.
    pub batches_recompressed: BTreeMap<&'static str, u64>,
    /// What unpacking and compressing batches of Produces took of the core.
    pub recompress_time: Duration,
    pub requests_hopped: u64,
    pub connections_opened: u64,
    pub connections: u64,
    /// Open connections by name and version of the client's software.
    pub clients: BTreeMap<ClientKind, u64>,
    /// Connections that are not read from until there is memory.
    pub paused_for_budget: Pauses,
    /// Those that are not until another shard takes more.
    pub paused_for_mailbox: Pauses,
    /// By API key: requests that wait, for records or for the device.
    pub parked: BTreeMap<i16, u64>,
    /// Waits for records that other shards have parked here.
    pub parked_for_shards: u64,
    pub fetch_sessions: u64,
    pub fetch_session_evictions: u64,
    pub frames_bytes: u64,
    pub frames_budget_bytes: u64,
    /// Records in answers to fetches that clients have not taken yet.
    pub answers_bytes: u64,
    pub answers_budget_bytes: u64,
    pub partitions: u64,
    /// Of these, those that nothing can be written to or read from until a restart.
    pub partitions_offline: u64,
    pub topic_bytes: BTreeMap<String, u64>,
    /// By topic and partition, if there are groups that may be behind.
    pub high_watermarks: BTreeMap<Arc<str>, BTreeMap<i32, i64>>,
    pub groups: GroupsFigures,
    pub coordinator_loads: Latencies,
    /// Of shard 0 only, and only if it sends any.
    pub canary: Option<CanaryFigures>,
    pub producer_ids: u64,
    /// What is kept in memory beside requests and batches: of partitions, producers, indexes, groups
    /// and fetch sessions, as they estimate it.
    pub state_bytes: u64,
    pub uncarried_bytes: u64,
    pub cached_bytes: u64,
    pub journal: JournalStats,
    pub compaction: CompactionFigures,
    pub journal_used_ratio: f64,
    pub journal_live_bytes: u64,
    pub io: IoTimes,
    pub tasks: TaskTimes,
    /// Damage that was found before it was served (F2).
    pub corruptions: Corruptions,
    /// Nothing more is written until a restart.
    pub fenced: Option<FenceReason>,
    pub disk_full: bool,
    pub disk_free_bytes: u64,
    pub disk_total_bytes: u64,
    pub read_bytes_cache: u64,
    pub read_bytes_disk: u64,
}

impl ShardFigures {
    /// Most topics have been counted before, and looking a name up makes no copy of it.
    pub fn count_traffic(&mut self, topic: &str, update: impl FnOnce(&mut TopicTraffic)) {
        match self.topics.get_mut(topic) {
            Some(traffic) => update(traffic),
            None => update(self.topics.entry(topic.to_owned()).or_default()),
        }
    }

    /// A client has said what it is; returns what it is counted as.
    pub fn add_client(&mut self, name: &str, version: &str) -> ClientKind {
        let mut kind = (name.to_owned(), version.to_owned());
        if !self.clients.contains_key(&kind) && self.clients.len() >= CLIENT_KINDS_MAX {
            kind = (OTHER_CLIENTS.0.to_owned(), OTHER_CLIENTS.1.to_owned());
        }
        *self.clients.entry(kind.clone()).or_default() += 1;
        kind
    }

    /// The connection of one that was counted has ended.
    pub fn remove_client(&mut self, kind: &ClientKind) {
        if let Some(count) = self.clients.get_mut(kind) {
            *count -= 1;
            if *count == 0 {
                self.clients.remove(kind);
            }
        }
    }
}

/// The counting half of [`ShardFigures`].
#[derive(Default)]
pub struct Metrics(RefCell<ShardFigures>);

impl Metrics {
    pub fn count(&self, update: impl FnOnce(&mut ShardFigures)) {
        update(&mut self.0.borrow_mut());
    }

    pub fn phase(&self, api: ApiKey, phase: Phase, took: Duration) {
        self.0.borrow_mut().phases.entry((api.get(), phase)).or_default().record_time(took);
    }

    /// A request waits, until what is given back is dropped.
    pub fn park(self: &Rc<Self>, api: ApiKey) -> Parked {
        *self.0.borrow_mut().parked.entry(api.get()).or_default() += 1;
        Parked { metrics: self.clone(), api }
    }

    pub fn copy(&self) -> ShardFigures {
        self.0.borrow().clone()
    }
}

/// See [`Metrics::park`].
pub struct Parked {
    metrics: Rc<Metrics>,
    api: ApiKey,
}

impl Drop for Parked {
    fn drop(&mut self) {
        let mut figures = self.metrics.0.borrow_mut();
        if let Some(count) = figures.parked.get_mut(&self.api.get()) {
            *count -= 1;
        }
    }
}

#[cfg(test)]
#[path = "metrics_test.rs"]
mod metrics_test;
