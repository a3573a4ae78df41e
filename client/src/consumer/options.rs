//! How much a consumer asks for, and how patiently.

use std::time::Duration;

use pelton_model::{Offset, PartitionIndex, TimestampMs};

use crate::error::{Error, Result};
use crate::options::{STRING_BYTES_MAX, check_durations, check_name};

/// Kafka's own name of each option stands in brackets.
#[derive(Clone, Debug)]
pub struct ConsumerOptions {
    /// The broker holds a request until it has this much. Default 1. \[fetch.min.bytes]
    pub fetch_bytes_min: i32,
    /// Of one answer; a larger batch comes all the same. Default 16 MiB. \[fetch.max.bytes]
    pub fetch_bytes_max: i32,
    /// Of one partition in one answer; a larger batch comes all the same. Default 2 MiB.
    /// \[max.partition.fetch.bytes]
    pub partition_bytes_max: i32,
    /// How long the broker holds a request. Default 500 ms. \[fetch.max.wait.ms]
    pub fetch_wait: Duration,
    /// No broker is asked for more while this much, as it was sent, waits to be handed out; what
    /// was asked for before still comes, one answer per broker at most. What is paused does not
    /// count, but keeps what was fetched: up to twice `partition_bytes_max` of each partition, or one
    /// larger batch. Default 32 MiB.
    pub prefetch_bytes_max: usize,
    /// What one batch may become when decompressed; above it, the batch is an error. Default
    /// 256 MiB: a codec's best ratio is a thousand and more.
    pub batch_bytes_max: usize,
    /// Where to go on when an offset is not, or no longer, there. Default
    /// [`OffsetReset::Earliest`]: nothing that exists is skipped. \[auto.offset.reset]
    pub offset_reset: OffsetReset,
    /// The consumer group; needed to commit, and to subscribe. \[group.id]
    pub group: Option<GroupOptions>,
}

/// How a consumer takes part in its group.
#[derive(Clone, Debug)]
pub struct GroupOptions {
    /// \[group.id]
    pub id: String,
    /// A member of this name keeps its partitions when it comes back within the session timeout
    /// (KIP-345). \[group.instance.id]
    pub instance_id: Option<String>,
    /// Default [`GroupProtocol::Classic`], as Kafka's own. \[group.protocol]
    pub protocol: GroupProtocol,
    /// In order of preference; the group takes one that all of its members have. Default range and
    /// cooperative-sticky, as Kafka's own. Classic protocol only.
    /// \[partition.assignment.strategy]
    pub assignors: Vec<Assignor>,
    /// How the coordinator divides the partitions: `uniform` or `range`, or what else it offers.
    /// None: as it prefers. Protocol of KIP-848 only. \[group.remote.assignor]
    pub server_assignor: Option<String>,
    /// A member that was not heard of for this long has lost its partitions. Default 45 s. Classic
    /// protocol only: by KIP-848, the group's `consumer.session.timeout.ms` rules.
    /// \[session.timeout.ms]
    pub session_timeout: Duration,
    /// Default 3 s. Classic protocol only: by KIP-848, the coordinator tells.
    /// \[heartbeat.interval.ms]
    pub heartbeat_interval: Duration,
    /// A consumer whose user asks for no record for this long leaves the group until the next one
    /// is asked for; and how long a rebalance waits for its members. Default 300 s.
    /// \[max.poll.interval.ms]
    pub poll_interval_max: Duration,
    /// Commit what was handed out, this often, and before partitions are given away. A record
    /// counts as handed out when the next one is asked for. None: only when told. Default 5 s.
    /// \[enable.auto.commit, auto.commit.interval.ms]
    pub auto_commit: Option<Duration>,
}

/// How the members of a group come to their partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupProtocol {
    /// One of the members divides the partitions; everybody joins again whenever something changes.
    Classic,
    /// The coordinator divides them, and only who gives up or gets partitions has to do something
    /// (KIP-848). From Kafka 4.0 on; [`Consumer::next`](crate::Consumer::next) fails with
    /// [`Error::Unsupported`] or UNSUPPORTED_VERSION where the broker does not have it.
    Consumer,
    /// [`GroupProtocol::Consumer`] where the broker has it, else [`GroupProtocol::Classic`].
    Auto,
}

/// How a group's leader divides the partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignor {
    /// Each topic by itself, in ranges. \[RangeAssignor]
    Range,
    /// All partitions in turn. \[RoundRobinAssignor]
    RoundRobin,
    /// Evenly, with as few changes of hands as possible, and without a stop of what does not change
    /// hands (KIP-429). \[CooperativeStickyAssignor]
    CooperativeSticky,
}

/// Where to go on when an offset is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetReset {
    Earliest,
    Latest,
    /// [`Consumer::next`](crate::Consumer::next) fails with OFFSET_OUT_OF_RANGE, again and again
    /// until somebody has said where: [`Consumer::seek`](crate::Consumer::seek), which a
    /// [`RebalanceListener`](crate::RebalanceListener) may do before anything fails.
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

impl Default for ConsumerOptions {
    fn default() -> Self {
        Self {
            fetch_bytes_min: 1,
            fetch_bytes_max: 16 << 20,
            partition_bytes_max: 2 << 20,
            fetch_wait: Duration::from_millis(500),
            prefetch_bytes_max: 32 << 20,
            batch_bytes_max: 256 << 20,
            offset_reset: OffsetReset::Earliest,
            group: None,
        }
    }
}

impl ConsumerOptions {
    /// The defaults, in a group.
    pub fn in_group(id: &str) -> Self {
        Self { group: Some(GroupOptions::new(id)), ..Self::default() }
    }

    pub(super) fn check(&self) -> Result<()> {
        let fail = |reason: &str| Err(Error::Invalid(reason.into()));
        check_durations(&[("fetch.max.wait.ms", self.fetch_wait)])?;
        let Some(group) = &self.group else { return Ok(()) };
        check_durations(&[
            ("session.timeout.ms", group.session_timeout),
            ("heartbeat.interval.ms", group.heartbeat_interval),
            ("max.poll.interval.ms", group.poll_interval_max),
            ("auto.commit.interval.ms", group.auto_commit.unwrap_or_default()),
        ])?;
        check_name("group.id", &group.id, STRING_BYTES_MAX)?;
        let named = |name: &Option<String>| name.clone().unwrap_or_default();
        check_name("group.instance.id", &named(&group.instance_id), STRING_BYTES_MAX)?;
        check_name("group.remote.assignor", &named(&group.server_assignor), STRING_BYTES_MAX)?;
        if group.id.is_empty() {
            return fail("group.id must not be empty");
        }
        if group.server_assignor.as_ref().is_some_and(String::is_empty) {
            return fail("group.remote.assignor must not be empty");
        }
        if group.heartbeat_interval.is_zero() {
            return fail("heartbeat.interval.ms must be at least 1");
        }
        if group.protocol == GroupProtocol::Consumer {
            return Ok(());
        }
        if group.assignors.is_empty() {
            return fail("a group needs an assignor");
        }
        if group.heartbeat_interval >= group.session_timeout {
            return fail("heartbeat.interval.ms must be less than session.timeout.ms");
        }
        Ok(())
    }
}

impl GroupOptions {
    /// The defaults, for a group of this name.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.into(),
            instance_id: None,
            protocol: GroupProtocol::Classic,
            server_assignor: None,
            assignors: vec![Assignor::Range, Assignor::CooperativeSticky],
            session_timeout: Duration::from_secs(45),
            heartbeat_interval: Duration::from_secs(3),
            poll_interval_max: Duration::from_secs(300),
            auto_commit: Some(Duration::from_secs(5)),
        }
    }
}

impl Assignor {
    /// The name under which members agree on it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
            Self::CooperativeSticky => "cooperative-sticky",
        }
    }
}

#[cfg(test)]
#[path = "options_test.rs"]
mod options_test;
