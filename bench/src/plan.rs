//! What to do to a broker: everything that a run depends on, resolved and checked.

use std::collections::BTreeMap;
use std::time::Duration;

use pelton_client::Acks;
use serde::Serialize;

use crate::batches::BatchShape;
use crate::error::{Error, Result};
use crate::schedule::{REQUESTS_PER_SECOND_MAX, Rate};

/// Connections in all; each has a task and buffers.
const CONNECTIONS_MAX: usize = 100_000;
const PARTITIONS_MAX: i32 = 1_000_000;
const IN_FLIGHT_MAX: usize = 10_000;
/// That are being made at once; behind so many the broker does not keep up at all.
pub(crate) const NEWCOMERS_MAX: usize = 1024;

/// What is driven and what is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// Produce; latency is from the due time to the acknowledgement.
    Produce,
    /// Fill the topic, then fetch it over and over; latency is that of a Fetch.
    Fetch,
    /// Produce, and fetch at the tail at once; latency is from when a batch was due to be sent
    /// until a consumer has it.
    EndToEnd,
    /// Fill the topic, then measure how long it takes to fetch it once. With a rate, producers go
    /// on at that rate meanwhile.
    CatchUp,
}

/// The topic of a run.
#[derive(Clone, Debug, Serialize)]
pub struct TopicPlan {
    /// Given: this topic, which is there already and stays. None: one of our own, which is created
    /// and deleted for each repeat.
    pub existing: Option<String>,
    pub partitions: i32,
    /// None: the broker's default.
    pub replication_factor: Option<i16>,
    /// Kafka's topic configs by name.
    pub configs: BTreeMap<String, String>,
    /// Leave a created topic behind.
    pub keep: bool,
}

/// How fetches are asked for; the defaults are those of Kafka's consumers.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct FetchPlan {
    pub min_bytes: i32,
    pub max_wait_ms: i32,
    pub max_bytes: i32,
    pub partition_max_bytes: i32,
    /// Whether fetches after the first name only what has changed (KIP-227), where the broker can.
    pub has_sessions: bool,
}

impl Default for FetchPlan {
    fn default() -> Self {
        Self {
            min_bytes: 1,
            max_wait_ms: 500,
            max_bytes: 50 << 20,
            partition_max_bytes: 1 << 20,
            has_sessions: true,
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    pub workload: Workload,
    /// `host:port` of one or more brokers.
    pub bootstrap: String,
    pub topic: TopicPlan,
    pub batch: BatchShape,
    /// Batches, to as many partitions, that one Produce carries.
    pub batches_per_request: usize,
    /// Who must have a batch before it is acknowledged. With none, a request is done when the
    /// operating system has it.
    #[serde(serialize_with = "acks_name")]
    pub acks: Acks,
    pub fetch: FetchPlan,
    /// That produce, also to fill a topic.
    pub connections: usize,
    /// Connections that fetch.
    pub consumers: usize,
    /// Requests in flight on each connection.
    pub in_flight: usize,
    /// None: as fast as requests are answered.
    pub rate: Option<Rate>,
    /// New connections a second beside the load, each closed again once it was told the broker's
    /// versions.
    pub newcomers_per_second: Option<f64>,
    /// How many of them are due at the same moment.
    pub newcomers_at_once: usize,
    /// What `Fetch` and `CatchUp` read, in bytes of keys and values.
    pub backlog_bytes: u64,
    /// Of batches prepared per thread, each different.
    pub pool_bytes: u64,
    #[serde(rename = "warm_up_seconds", serialize_with = "seconds")]
    pub warm_up: Duration,
    #[serde(rename = "duration_seconds", serialize_with = "seconds")]
    pub duration: Duration,
    pub repeats: u32,
    /// Threads, each with a runtime of its own.
    pub threads: usize,
    /// The broker's process, if it runs here: for its CPU, memory and I/O.
    pub server_pid: Option<u32>,
}

impl Plan {
    /// A plan for a workload, with defaults for the rest.
    pub fn new(workload: Workload, bootstrap: &str) -> Self {
        Self {
            workload,
            bootstrap: bootstrap.into(),
            topic: TopicPlan {
                existing: None,
                partitions: 8,
                replication_factor: None,
                configs: BTreeMap::new(),
                keep: false,
            },
            batch: BatchShape::default(),
            batches_per_request: 1,
            acks: Acks::All,
            fetch: FetchPlan::default(),
            connections: 8,
            consumers: 8,
            in_flight: 5,
            rate: None,
            newcomers_per_second: None,
            newcomers_at_once: 1,
            backlog_bytes: 1 << 30,
            pool_bytes: 64 << 20,
            warm_up: Duration::from_secs(3),
            duration: Duration::from_secs(20),
            repeats: 1,
            threads: 1,
            server_pid: None,
        }
    }

    /// # Errors
    /// What makes no sense, by the name of its flag.
    pub fn check(&self) -> Result<()> {
        self.batch.check()?;
        let within = |name: &str, value: u64, max: u64| match value {
            0 => Err(Error::Invalid(format!("{name} is 1 at least"))),
            _ if value > max => Err(Error::Invalid(format!("{name} is {max} at most"))),
            _ => Ok(()),
        };
        let partitions = u64::try_from(self.topic.partitions).unwrap_or(0);
        within("--partitions", partitions, PARTITIONS_MAX as u64)?;
        within("--connections", self.connections as u64, CONNECTIONS_MAX as u64)?;
        within("--consumers", self.consumers as u64, CONNECTIONS_MAX as u64)?;
        within("--in-flight", self.in_flight as u64, IN_FLIGHT_MAX as u64)?;
        within("--newcomers-at-once", self.newcomers_at_once as u64, NEWCOMERS_MAX as u64)?;
        within("--repeats", self.repeats.into(), 1000)?;
        within("--threads", self.threads as u64, 1024)?;
        within("--batches-per-request", self.batches_per_request as u64, PARTITIONS_MAX as u64)?;
        if self.duration < Duration::from_millis(10) {
            return Err(Error::Invalid("--duration is 0.01 at least".into()));
        }
        check_length("--duration", self.duration)?;
        check_length("--warm-up", self.warm_up)?;
        if let Some(Rate::BytesPerSecond(rate) | Rate::RecordsPerSecond(rate)) = self.rate
            && !(rate.is_finite() && rate > 0.0)
        {
            return Err(Error::Invalid("--rate is more than 0".into()));
        }
        // Of connections with one partition; with more, a request may carry more.
        let requests = [self.requests_per_second(1), self.fetches_per_second(1)];
        if requests.iter().flatten().any(|&rate| rate > REQUESTS_PER_SECOND_MAX) {
            let most =
                format!("--rate comes to {REQUESTS_PER_SECOND_MAX} requests a second at most");
            return Err(Error::Invalid(most));
        }
        let newcomers = self.newcomers_per_second;
        if newcomers.is_some_and(|rate| !(rate > 0.0 && rate <= REQUESTS_PER_SECOND_MAX)) {
            let range = format!("--newcomers is more than 0 and {REQUESTS_PER_SECOND_MAX} at most");
            return Err(Error::Invalid(range));
        }
        if self.request_bytes() > REQUEST_BYTES_MAX {
            return Err(Error::Invalid(format!(
                "a request would have {} bytes, and brokers take {REQUEST_BYTES_MAX} at most",
                self.request_bytes()
            )));
        }
        let fetch = &self.fetch;
        let sizes =
            [fetch.min_bytes, fetch.max_wait_ms, fetch.max_bytes, fetch.partition_max_bytes];
        if sizes.iter().any(|&size| size < 0) || fetch.max_bytes > FETCH_BYTES_MAX {
            return Err(Error::Invalid(format!(
                "a Fetch asks for {FETCH_BYTES_MAX} bytes at most, and for nothing negative"
            )));
        }
        if fetch.max_wait_ms > FETCH_WAIT_MS_MAX {
            return Err(Error::Invalid(format!(
                "--fetch-max-wait-ms is {FETCH_WAIT_MS_MAX} at most"
            )));
        }
        let needs_offsets = self.workload == Workload::EndToEnd;
        if needs_offsets && self.acks == Acks::None {
            return Err(Error::Invalid(
                "end-to-end needs acks: without an answer nobody knows which batch was seen".into(),
            ));
        }
        Ok(())
    }

    /// Makes batches as a producer with this linger would: at the plan's rate, one that is not
    /// full leaves when its first record has waited so long. A batch is due when its last record
    /// is. Without a rate every batch is full.
    pub fn linger(&mut self, linger: Duration) {
        let record_bytes = self.batch.payload_bytes() / u64::from(self.batch.records.max(1));
        let Some(rate) = self.rate else { return };
        let records_per_second = rate.requests_per_second(1, record_bytes);
        let arriving = records_per_second / self.connections.max(1) as f64 * linger.as_secs_f64();
        let partitions = usize::try_from(self.topic.partitions).unwrap_or(1);
        let batches = self.batches_of(partitions.div_ceil(self.connections.max(1)));
        let of_batch = (arriving / batches as f64).ceil();
        self.batch.records = self.batch.records.min(of_batch.max(1.0) as u32);
    }

    /// Keys and values that one Produce carries at most.
    pub fn request_bytes(&self) -> u64 {
        self.batch.payload_bytes().saturating_mul(self.batches_per_request as u64)
    }

    /// Connections that are open at once, newcomers as far as they may be.
    pub fn connections_at_once(&self) -> usize {
        let both = self.connections + self.consumers;
        // What a topic is filled by is gone before it is read.
        let in_turn = self.connections.max(self.consumers);
        let load = match self.workload {
            Workload::Produce => self.connections,
            Workload::Fetch => in_turn,
            Workload::CatchUp if self.rate.is_none() => in_turn,
            Workload::CatchUp | Workload::EndToEnd => both,
        };
        load + self.newcomers_per_second.map_or(0, |_| NEWCOMERS_MAX)
    }

    /// Batches of one Produce of a connection with so many partitions: one for each at most.
    pub fn batches_of(&self, partitions: usize) -> usize {
        self.batches_per_request.min(partitions).max(1)
    }

    /// What all connections would send together if each had so many partitions; none without a
    /// rate.
    pub fn requests_per_second(&self, partitions: usize) -> Option<f64> {
        let batches = self.batches_of(partitions) as u64;
        let records = u64::from(self.batch.records) * batches;
        Some(self.rate?.requests_per_second(records, self.batch.payload_bytes() * batches))
    }

    /// How often to fetch so that the rate comes out, if each Fetch asks for this many partitions
    /// and all have as many batches as are asked for.
    pub fn fetches_per_second(&self, partitions: usize) -> Option<f64> {
        let batch_bytes = self.batch.payload_bytes().max(1);
        let of_partition = (self.fetch.partition_max_bytes.max(0) as u64 / batch_bytes).max(1);
        let of_answer = (self.fetch.max_bytes.max(0) as u64 / batch_bytes).max(1);
        let batches = (of_partition * partitions.max(1) as u64).min(of_answer);
        let records = batches * u64::from(self.batch.records);
        Some(self.rate?.requests_per_second(records, batches * batch_bytes))
    }
}

/// # Errors
/// A time, given by this flag, that a clock could not be set forward by.
pub(crate) fn check_length(name: &str, time: Duration) -> Result<()> {
    match time <= LENGTH_MAX {
        true => Ok(()),
        false => Err(Error::Invalid(format!("{name} is {} at most: a year", LENGTH_MAX.as_secs()))),
    }
}

const LENGTH_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// What takes longer at the end is given up, and twice as long a stall.
const FETCH_WAIT_MS_MAX: i32 = 30_000;

/// A connection holds a whole answer.
const FETCH_BYTES_MAX: i32 = 64 << 20;

/// `socket.request.max.bytes` as Kafka has it.
pub(crate) const REQUEST_BYTES_MAX: u64 = 100 << 20;

fn acks_name<S: serde::Serializer>(acks: &Acks, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(match acks {
        Acks::None => "none",
        Acks::Leader => "leader",
        Acks::All => "all",
    })
}

pub(crate) fn seconds<S: serde::Serializer>(
    duration: &Duration,
    to: S,
) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_f64(duration.as_secs_f64())
}

#[cfg(test)]
#[path = "plan_test.rs"]
mod plan_test;
