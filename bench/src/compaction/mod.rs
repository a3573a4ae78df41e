//! Compaction under load: a topic is filled, produced to at a rate, and then turned into a compacted
//! one while the load goes on. What the load notices of it, what compacting costs, and whether what
//! is left is what should be.
//!
//! The load goes to the same partitions as what is compacted. Where a figure comes from the broker's
//! metrics, brokers without them leave it out.

mod fill;
mod filling;
mod ledger;
mod scrape;
mod table;
mod verify;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use pelton_client::Cluster;
use pelton_model::Compression;
use serde::Serialize;
use tokio::sync::Notify;

use self::filling::Filling;
pub use self::ledger::Verdict;
pub use self::scrape::CompactedBytes;
pub use self::table::{to_json, write_compaction_table};
use crate::assignment::deal;
use crate::batches::BatchShape;
use crate::drive::{Books, Live, Phase, Readers, Watcher, producing};
use crate::error::{Error, Result};
use crate::failures::Failures;
use crate::plan::{Plan, TopicPlan, Workload, check_length};
use crate::process::{Sample, Usage};
use crate::schedule::Rate;
use crate::tally::{LATENCY_NS_MAX, LATENCY_NS_MIN, Tally};
use crate::topic::{self, TopicNames};

/// Of the load; longer than those of what is compacted.
const LOAD_KEY_BYTES: usize = 16;
const LOAD_POOL_BYTES: u64 = 16 << 20;
const LOAD_IN_FLIGHT: usize = 5;

/// Of a record beside its key and value, in a batch of many.
const RECORD_OVERHEAD_BYTES: u64 = 10;

/// Indexes and keys are held in memory: 9 bytes a key, and every record is drawn anew.
const RECORDS_MAX: u64 = 1 << 32;
const KEYS_MAX: u64 = 1 << 28;
/// As many as a key has room for.
const PARTITIONS_MAX: i32 = 1 << 15;

/// What is to be measured.
#[derive(Clone, Debug, Serialize)]
pub struct CompactionPlan {
    pub bootstrap: String,
    /// That the topic is filled with, in all partitions together.
    pub records: u64,
    /// Different keys, in all partitions together.
    pub keys: u64,
    pub value_bytes: usize,
    #[serde(serialize_with = "crate::batches::codec_name")]
    pub compression: Compression,
    /// Of a batch that the topic is filled with.
    pub batch_records: u64,
    pub partitions: i32,
    /// `segment.bytes` of the topic. The segment that is being written to is never compacted: the
    /// load fills one of its own first.
    pub segment_bytes: u64,
    /// The load: values of the same size in batches of so many records.
    pub load_batch_records: u32,
    pub rate: Rate,
    pub connections: usize,
    #[serde(rename = "warm_up_seconds", serialize_with = "crate::plan::seconds")]
    pub warm_up: Duration,
    /// How long the load is measured before.
    #[serde(rename = "before_seconds", serialize_with = "crate::plan::seconds")]
    pub before: Duration,
    /// Compaction is over when so long nothing was compacted.
    #[serde(rename = "settle_seconds", serialize_with = "crate::plan::seconds")]
    pub settle: Duration,
    /// The longest that is waited for it.
    #[serde(rename = "within_seconds", serialize_with = "crate::plan::seconds")]
    pub within: Duration,
    /// What the topic may take on the disk, as far as it can be told beforehand.
    pub disk_bytes_max: u64,
    pub threads: usize,
    /// The broker's process, if it runs here.
    pub server_pid: Option<u32>,
    /// `host:port` of the broker's metrics, if it is Pelton.
    pub metrics: Option<String>,
}

/// What was measured.
#[derive(Debug)]
pub struct CompactionFigures {
    pub before: LoadFigures,
    /// From when compaction began, or was switched on where nobody tells, until it was over.
    pub during: LoadFigures,
    /// From when it was switched on until the last was compacted.
    pub seconds: f64,
    /// From when it began; none if nobody tells.
    pub working_seconds: Option<f64>,
    /// Of the topic's partitions, all copies.
    pub bytes_before: u64,
    pub bytes_after: u64,
    pub compacted: Option<CompactedBytes>,
    /// The broker's, beyond what the load alone cost it in as long a time.
    pub cpu_seconds: Option<f64>,
    pub verdict: Verdict,
}

/// The load in a part of the run.
#[derive(Debug)]
pub struct LoadFigures {
    pub seconds: f64,
    /// Nanoseconds, two digits, from when a request was due.
    pub latencies: Histogram<u64>,
    /// Errors that pass, in the whole phase.
    pub retriable_errors: u64,
    /// What the broker did not do of it, in the whole phase.
    pub failures: Failures,
    /// Of the broker, in the whole phase.
    pub server: Option<Usage>,
}

impl CompactionFigures {
    /// Of the load, before and while.
    pub fn failures(&self) -> Failures {
        let mut all = self.before.failures;
        all.add(self.during.failures);
        all
    }

    /// Of the broker, for each GB that compaction read.
    pub fn cpu_seconds_per_gb_read(&self) -> Option<f64> {
        let read = self.compacted?.read as f64;
        Some(self.cpu_seconds? / (read / 1e9)).filter(|ratio| ratio.is_finite())
    }

    /// While compacting, beside before.
    pub fn ratio(&self, quantile: f64) -> f64 {
        let of = |load: &LoadFigures| load.latencies.value_at_quantile(quantile) as f64;
        of(&self.during) / of(&self.before).max(1.0)
    }
}

impl CompactionPlan {
    /// # Errors
    /// What makes no sense, or would take more room than it may.
    pub fn check(&self) -> Result<()> {
        let invalid = |reason: String| Err(Error::Invalid(reason));
        let partitions = u64::try_from(self.partitions).unwrap_or(0);
        if partitions == 0 || self.partitions > PARTITIONS_MAX {
            return invalid(format!("--partitions is from 1 to {PARTITIONS_MAX}"));
        }
        if self.keys < partitions || self.keys > KEYS_MAX {
            return invalid(format!("--keys is from one a partition to {KEYS_MAX}"));
        }
        if self.records < 2 * self.keys || self.records > RECORDS_MAX {
            return invalid(format!("--records is from twice as many as --keys to {RECORDS_MAX}"));
        }
        if self.value_bytes < filling::INDEX_BYTES {
            return invalid(format!("--record-bytes is {} at least", filling::INDEX_BYTES));
        }
        if self.batch_records == 0 || self.settle.is_zero() {
            return invalid("--batch-records and --settle are more than 0".into());
        }
        let filling = BatchShape {
            records: u32::try_from(self.batch_records).unwrap_or(u32::MAX),
            value_bytes: self.value_bytes,
            key_bytes: filling::KEY_BYTES,
            ..BatchShape::default()
        };
        filling.check()?;
        check_length("--within", self.within)?;
        check_length("--settle", self.settle)?;
        // Its times are part of what the topic may come to.
        self.load_plan("").check()?;
        let needed = self.disk_bytes();
        if needed > self.disk_bytes_max {
            return invalid(format!(
                "the topic may come to {needed} bytes, and --disk-bytes says {}: fewer --records, \
                 or a lower --rate",
                self.disk_bytes_max
            ));
        }
        Ok(())
    }

    /// What the topic may come to, uncompressed, if compaction takes all of its time: the filling,
    /// the load, what is written anew beside the old, and a segment of each partition.
    fn disk_bytes(&self) -> u64 {
        let record_bytes = self.value_bytes as u64 + RECORD_OVERHEAD_BYTES;
        let filling = self.records.saturating_mul(record_bytes + filling::KEY_BYTES as u64);
        let anew = self.keys.saturating_mul(record_bytes + filling::KEY_BYTES as u64);
        let load_record_bytes = record_bytes + LOAD_KEY_BYTES as u64;
        let per_second = match self.rate {
            Rate::BytesPerSecond(rate) => rate,
            Rate::RecordsPerSecond(rate) => rate * load_record_bytes as f64,
        };
        let loaded = 2 * self.warm_up + self.before + self.within;
        let load = (per_second * loaded.as_secs_f64()) as u64;
        let segments = self.segment_bytes.saturating_mul(self.partitions.unsigned_abs().into());
        filling.saturating_add(anew).saturating_add(load).saturating_add(segments)
    }

    fn topic_plan(&self) -> TopicPlan {
        let configs = [
            ("cleanup.policy", "delete".to_owned()),
            ("retention.ms", "-1".into()),
            ("segment.bytes", self.segment_bytes.to_string()),
            // At first all of it is dirty; what the load adds is not to begin it again.
            ("min.cleanable.dirty.ratio", "0.9".into()),
        ];
        TopicPlan {
            existing: None,
            partitions: self.partitions,
            replication_factor: None,
            configs: configs.map(|(name, value)| (name.into(), value)).into(),
            keep: false,
        }
    }

    fn load_plan(&self, topic: &str) -> Plan {
        let mut plan = Plan::new(Workload::Produce, &self.bootstrap);
        plan.topic = TopicPlan { existing: Some(topic.into()), ..self.topic_plan() };
        plan.batch = BatchShape {
            records: self.load_batch_records,
            value_bytes: self.value_bytes,
            key_bytes: LOAD_KEY_BYTES,
            keys: self.keys,
            compressibility: 0.5,
            compression: self.compression,
            ..BatchShape::default()
        };
        plan.rate = Some(self.rate);
        plan.connections = self.connections;
        plan.in_flight = LOAD_IN_FLIGHT;
        plan.pool_bytes = LOAD_POOL_BYTES;
        plan.warm_up = self.warm_up;
        plan.duration = self.before;
        plan.threads = self.threads;
        plan.server_pid = self.server_pid;
        plan
    }

    fn fillings(&self) -> Vec<Filling> {
        let partitions: u64 = self.partitions.unsigned_abs().into();
        let share =
            |of: u64, partition: u64| of / partitions + u64::from(partition < of % partitions);
        (0..self.partitions)
            .zip(0u64..)
            .map(|(partition, at)| Filling {
                partition,
                records: share(self.records, at),
                keys: share(self.keys, at),
                value_bytes: self.value_bytes,
                seed: 1,
            })
            .collect()
    }
}

/// Measures; `progress` is told what it does next.
///
/// # Errors
/// The plan makes no sense, the broker cannot be reached or refuses something, or compaction has not
/// ended within the plan's time. What is lost, or left, is no error: see [`Verdict`].
pub async fn run_compaction(
    plan: &CompactionPlan,
    progress: &mut dyn FnMut(&str),
) -> Result<CompactionFigures> {
    plan.check()?;
    if let Some(pid) = plan.server_pid {
        Sample::of(pid)?;
    }
    crate::files::make_room_for(plan.connections + plan.fillings().len())?;
    let topic_plan = plan.topic_plan();
    let measured = topic::with_topic(&plan.bootstrap, &topic_plan, async |cluster, topic| {
        let load = Arc::new(plan.load_plan(&topic.name));
        Bench { plan, load, cluster, topic }.measure(progress).await
    });
    measured.await
}

struct Bench<'a> {
    plan: &'a CompactionPlan,
    load: Arc<Plan>,
    cluster: &'a Cluster,
    topic: Arc<TopicNames>,
}

impl Bench<'_> {
    async fn measure(&self, progress: &mut dyn FnMut(&str)) -> Result<CompactionFigures> {
        let plan = self.plan;
        progress("filling the topic");
        let fillings = plan.fillings();
        let fills = fillings.iter().map(|it| fill::fill(plan, &self.load, &self.topic, it));
        futures::future::try_join_all(fills).await?;

        progress("the load alone");
        let mut meter = Meter { pid: plan.server_pid, ..Meter::default() };
        let books = self.phase(Some(plan.before), None)?.run(&mut meter).await?;
        let before = LoadFigures {
            seconds: plan.before.as_secs_f64(),
            latencies: latencies(&books.produce, None),
            retriable_errors: books.produce.retriable_errors,
            failures: books.produce.failures,
            server: meter.usage()?,
        };

        progress("compacting");
        let (books, compaction) = self.compact_under_load().await?;
        let (from, to) = (compaction.began.unwrap_or(compaction.switched_on), compaction.ended);
        let during = LoadFigures {
            seconds: (to - from).as_secs_f64(),
            latencies: latencies(&books.produce, Some((from, to))),
            retriable_errors: books.produce.retriable_errors,
            failures: books.produce.failures,
            server: compaction.server,
        };
        let seconds = (to - compaction.switched_on).as_secs_f64();
        let cpu_seconds = during.server.zip(before.server).map(|(during, before)| {
            during.cpu_seconds - before.cpu_seconds / before_seconds(plan) * seconds
        });

        progress("reading it again");
        let deadline = compaction.switched_on + plan.within;
        let verdict = verify::verify(self.cluster, &self.topic, fillings, deadline).await?;
        Ok(CompactionFigures {
            before,
            during,
            seconds,
            working_seconds: compaction.began.map(|began| (to - began).as_secs_f64()),
            bytes_before: compaction.bytes_before,
            bytes_after: compaction.bytes_after,
            compacted: compaction.compacted,
            cpu_seconds,
            verdict,
        })
    }

    async fn compact_under_load(&self) -> Result<(Books, watch::Compaction)> {
        // The load ends with the last reader, and compaction counts as one.
        let running = Arc::new(Readers::new(1));
        let mut begun = Begun::default();
        let has_begun = begun.0.clone();
        let load = self.phase(None, Some(running.clone()))?.run(&mut begun);
        let compaction = async {
            has_begun.notified().await;
            let compaction = watch::compact(self.plan, self.cluster, &self.topic).await;
            running.one_ended();
            compaction
        };
        tokio::try_join!(load, compaction)
    }

    fn phase(&self, duration: Option<Duration>, until: Option<Arc<Readers>>) -> Result<Phase> {
        let shares = deal(&self.topic.leaders, self.load.connections)?;
        let jobs = producing(&shares, true, until.is_some());
        let mut phase = Phase::new(self.load.clone(), self.topic.clone(), jobs);
        phase.warm_up = self.load.warm_up;
        phase.duration = duration;
        if let Some(until) = until {
            phase.readers = until;
        }
        Ok(phase)
    }
}

fn before_seconds(plan: &CompactionPlan) -> f64 {
    plan.before.as_secs_f64().max(1e-9)
}

/// Of the intervals that touch a time, or of all.
fn latencies(tally: &Tally, within: Option<(Instant, Instant)>) -> Histogram<u64> {
    let mut sum = Histogram::new_with_bounds(LATENCY_NS_MIN, LATENCY_NS_MAX, 2)
        .expect("the bounds are constants");
    let window = tally.window();
    for (interval, at) in tally.intervals.iter().zip(0u32..) {
        let begin = window.from + window.interval * at;
        let touches = |(from, to): (Instant, Instant)| begin < to && begin + window.interval > from;
        if within.is_none_or(touches) {
            sum.add(&interval.latencies).expect("both have the same bounds, or grow");
        }
    }
    sum
}

/// Samples the server around the measured part.
#[derive(Default)]
struct Meter {
    pid: Option<u32>,
    before: Option<Sample>,
    after: Option<Sample>,
}

impl Meter {
    fn sample(&self) -> Option<Sample> {
        self.pid.and_then(|pid| Sample::of(pid).ok())
    }

    fn usage(&self) -> Result<Option<Usage>> {
        match (self.pid, self.after.zip(self.before)) {
            (None, _) => Ok(None),
            (Some(_), Some((after, before))) => Ok(Some(after.since(&before))),
            (Some(pid), None) => Err(Error::Invalid(format!("process {pid} has ended"))),
        }
    }
}

impl Watcher for Meter {
    fn begins(&mut self) {
        self.before = self.sample();
    }

    fn goes_on(&mut self, _elapsed: Duration, _live: &[Arc<Live>]) {}

    fn ends(&mut self) {
        self.after = self.sample();
    }
}

/// Tells when the warm-up is over.
#[derive(Default)]
struct Begun(Arc<Notify>);

impl Watcher for Begun {
    fn begins(&mut self) {
        self.0.notify_one();
    }

    fn goes_on(&mut self, _elapsed: Duration, _live: &[Arc<Live>]) {}

    fn ends(&mut self) {}
}

#[cfg(test)]
#[path = "compaction_test.rs"]
mod compaction_test;
