//! All that one shard can ask of another (H3): one closed enum, plain data that can be sent.

use std::sync::Arc;

use bytes::Bytes;
use pelton_cluster::config::Operation;
use pelton_cluster::topics::{Assignment, DeletionTarget};
use pelton_cluster::{ClusterError, ConfigResource, Overrides, Record};
use pelton_group::Token;
use pelton_model::batch::Prepared;
use pelton_model::{
    LeaderEpoch, NodeId, Offset, PartitionId, ProducerId, ShardId, TimestampMs, TopicId,
};
use pelton_net::Accepted;

use crate::group::{GroupAnswer, GroupOutcome, GroupRequest};
use crate::loans::LoanId;

/// What travels between two shards.
pub enum Message {
    Request {
        id: u64,
        request: Request,
        /// Loans of the receiver that go home with it.
        returned: Vec<LoanId>,
    },
    Reply {
        id: u64,
        reply: Reply,
        /// The reply's slices are lent (R6).
        loan: Option<LoanId>,
    },
    /// Loans that go home by themselves.
    Returned(Vec<LoanId>),
    /// The asker no longer waits for request `id`.
    Cancel { id: u64 },
    /// A connection for this shard to serve (R7).
    Connection(Accepted),
}

/// What the owner of partitions, or shard 0, is asked.
pub enum Request {
    /// One batch for each of some partitions, appended in this order (R4).
    Append(Vec<BatchToAppend>),
    /// One read for each of some partitions, which together bring so many bytes, or one batch; never
    /// waits.
    Read { partitions: Vec<PartitionToRead>, bytes_max: usize },
    /// Resolves when there are so many bytes past the given offsets, or something has gone.
    Await { positions: Vec<(PartitionId, Offset)>, bytes_min: usize },
    /// The same question about each of some partitions.
    Look(Vec<(PartitionId, Look)>),
    /// Moves the start of some logs.
    DeleteRecords(Vec<(PartitionId, Offset)>),
    /// Which logs are there.
    Inventory,
    /// A change of metadata; answered when it is in force and durable here.
    Apply(Arc<Delta>),
    /// Of shard 0: change the cluster's metadata.
    Change(Change),
    /// Of shard 0: a block of producer ids.
    ProducerIds,
    /// Of the owners of partitions of `__consumer_offsets`: what their coordinators are asked.
    Group(Vec<GroupRequest>),
    /// Outcomes that requests of this shard's connections have been waiting for.
    GroupAnswers(Vec<(Token, GroupOutcome)>),
    /// Accept connections from now on.
    Listen,
    /// Figures of this shard.
    Metrics,
    /// Figures of each partition of this shard.
    PartitionMetrics,
    /// Stop accepting, finish what is in flight, carry everything, and stop the journal.
    Stop,
}

impl Request {
    /// Whether somebody beside the asker depends on it being done whole.
    pub fn changes_something(&self) -> bool {
        match self {
            Self::Append(_)
            | Self::DeleteRecords(_)
            | Self::Apply(_)
            | Self::Change(_)
            | Self::ProducerIds
            | Self::Group(_)
            | Self::GroupAnswers(_)
            | Self::Listen
            | Self::Stop => true,
            Self::Read { .. }
            | Self::Await { .. }
            | Self::Look(_)
            | Self::Inventory
            | Self::Metrics
            | Self::PartitionMetrics => false,
        }
    }
}

/// The answers, in the order of the questions.
pub enum Reply {
    Appended(Vec<AppendOutcome>),
    Read(Vec<ReadOutcome>),
    Looked(Vec<LookOutcome>),
    StartsAt(Vec<Result<Offset, LogFault>>),
    Inventory(Vec<(PartitionId, LeaderEpoch)>),
    Changed(ChangeOutcome),
    ProducerIds(Result<std::ops::Range<i64>, LogFault>),
    Group(Vec<GroupAnswer>),
    Metrics(Box<crate::metrics::ShardFigures>),
    PartitionMetrics(Vec<crate::metrics::PartitionFigures>),
    /// Done, or it woke.
    Done,
    /// The shard could not: its storage is fenced.
    Failed(String),
}

/// A validated batch on its way to its owner.
pub struct BatchToAppend {
    pub partition: PartitionId,
    pub prepared: Prepared,
    /// What `prepared` was made from; goes back with the answer, so that the frame's memory is
    /// freed by the core that got it (R6).
    pub input: Bytes,
}

/// What became of a [`BatchToAppend`].
pub struct AppendOutcome {
    pub result: Result<Stored, LogFault>,
    pub log_start: Offset,
    pub input: Bytes,
}

#[derive(Clone, Copy, Debug)]
pub struct Stored {
    pub base_offset: Offset,
    /// It was there already: the maximum timestamp of the batch that is.
    pub duplicate_of: Option<TimestampMs>,
}

/// What a log answered instead; each becomes one of Kafka's errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogFault {
    /// The partition is not here (any more).
    NotHere,
    OutOfRange {
        start: Offset,
        end: Offset,
    },
    OutOfOrderSequence,
    InvalidProducerEpoch,
    /// Fenced or full.
    Storage(String),
    /// Bytes on the device are not what was written (F2).
    Damaged(String),
    OlderEpoch,
    NewerEpoch,
}

#[derive(Clone, Debug)]
pub struct PartitionToRead {
    pub partition: PartitionId,
    pub offset: Offset,
    pub bytes_max: usize,
    /// -1: unchecked (KIP-320).
    pub current_epoch: i32,
    /// -1: unchecked (KIP-595).
    pub last_fetched_epoch: i32,
}

pub struct ReadOutcome {
    pub result: Result<ReadBytes, LogFault>,
}

#[derive(Default)]
pub struct ReadBytes {
    pub slices: Vec<Bytes>,
    pub bytes: usize,
    pub log_start: i64,
    pub high_watermark: i64,
    /// Where the reader's log departs from ours.
    pub diverging: Option<(i32, i64)>,
}

/// A question about a log.
#[derive(Clone, Debug)]
pub enum Look {
    /// ListOffsets with a time or one of the special timestamps.
    OffsetFor {
        timestamp: i64,
        current_epoch: i32,
    },
    EndOfEpoch {
        epoch: i32,
        current_epoch: i32,
    },
    Size,
    Producers,
    /// About when the record at an offset was written.
    TimeNear(Offset),
}

pub enum LookOutcome {
    /// `None`: there is no such record.
    Offset(Result<Option<OffsetFound>, LogFault>),
    /// Epoch and end offset; -1, -1 where the epoch is unknown.
    EndOfEpoch(Result<(i32, i64), LogFault>),
    Size(Result<LogSize, LogFault>),
    Producers(Result<Vec<ProducerFacts>, LogFault>),
    /// `None`: there is no such record, or it is not known.
    TimeNear(Option<TimestampMs>),
}

#[derive(Clone, Copy, Debug)]
pub struct OffsetFound {
    pub offset: i64,
    pub timestamp: i64,
    pub epoch: i32,
}

#[derive(Clone, Copy, Debug)]
pub struct LogSize {
    pub bytes: u64,
    pub end_offset: i64,
}

#[derive(Clone, Copy, Debug)]
pub struct ProducerFacts {
    pub id: ProducerId,
    pub epoch: i16,
    pub last_sequence: i32,
    pub last_timestamp: TimestampMs,
}

/// Metadata by revision; what is immutable is shared.
#[derive(Debug)]
pub struct Delta {
    pub revision: u64,
    pub records: Vec<Record>,
    pub placements: Vec<(PartitionId, ShardId)>,
}

/// What a client may ask to change of the cluster's metadata.
#[derive(Clone, Debug)]
pub enum Change {
    CreateTopics {
        topics: Vec<TopicToCreate>,
        validate_only: bool,
    },
    DeleteTopics {
        targets: Vec<DeletionTarget>,
    },
    CreatePartitions {
        topics: Vec<PartitionsToCreate>,
        validate_only: bool,
    },
    /// As IncrementalAlterConfigs: each alteration on its own.
    AlterConfigs {
        resources: Vec<ConfigsToAlter>,
        validate_only: bool,
    },
    /// As AlterConfigs: what is not named is reset.
    ReplaceConfigs {
        resources: Vec<ConfigsToReplace>,
        validate_only: bool,
    },
}

#[derive(Clone, Debug)]
pub struct TopicToCreate {
    pub name: String,
    pub partition_count: i32,
    pub replication_factor: i16,
    pub assignments: Vec<Assignment>,
    pub configs: Vec<(String, Option<String>)>,
}

#[derive(Clone, Debug)]
pub struct PartitionsToCreate {
    pub name: String,
    pub partition_count: i32,
    pub assignments: Option<Vec<Vec<NodeId>>>,
}

#[derive(Clone, Debug)]
pub struct ConfigsToAlter {
    pub resource: ConfigResource,
    pub alterations: Vec<(String, Operation, Option<String>)>,
}

#[derive(Clone, Debug)]
pub struct ConfigsToReplace {
    pub resource: ConfigResource,
    pub configs: Vec<(String, Option<String>)>,
}

/// One result for each thing asked, in order; DeleteTopics answers a repeated topic once.
#[derive(Debug)]
pub enum ChangeOutcome {
    TopicsCreated(Vec<Result<CreatedTopic, ClusterError>>),
    TopicsDeleted(Vec<DeletedTopic>),
    Each(Vec<Result<(), ClusterError>>),
    /// Nothing was changed: shard 0 cannot write.
    Failed(String),
}

#[derive(Clone, Debug)]
pub struct CreatedTopic {
    pub id: TopicId,
    pub partition_count: i32,
    pub replication_factor: i16,
    pub configs: Overrides,
}

#[derive(Clone, Debug)]
pub struct DeletedTopic {
    pub name: Option<String>,
    pub id: TopicId,
    pub outcome: Result<(), ClusterError>,
}
