//! The workloads that put load on a broker.

use std::time::Duration;

use clap::Args;
use pelton_bench::plan::{FetchPlan, TopicPlan};
use pelton_bench::schedule::Rate;
use pelton_bench::{Failures, Plan};

use super::outputs::OutputArgs;
use super::preset::Preset;
use super::progress::ProgressLine;
use super::quantity::{parse_bytes, parse_rate, parse_seconds};
use crate::arguments::{AcksArg, BootstrapArgs, Codec};
use crate::client::block_on;
use crate::failure::{Failure, Result};
use crate::topic::parse_assignment;

#[derive(Args, Debug)]
pub struct LoadArgs {
    #[command(flatten)]
    bootstrap: BootstrapArgs,

    /// Records of a batch; a batch goes to one partition.
    #[arg(long, value_name = "N", help_heading = "Records")]
    records: Option<u32>,
    /// Bytes of a record's value.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, help_heading = "Records")]
    record_bytes: Option<u64>,
    /// Bytes of a record's key; 0 is no key.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "0", help_heading = "Records")]
    key_bytes: u64,
    /// How many different keys there are.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, help_heading = "Records")]
    keys: u64,
    /// How much of a value a codec can leave out, from 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, help_heading = "Records")]
    compressibility: f64,
    /// Compress batches, before the clock starts.
    #[arg(
        short = 'z',
        long,
        value_name = "CODEC",
        default_value = "none",
        help_heading = "Records"
    )]
    compression: Codec,
    /// The same seed gives the same records.
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Records")]
    seed: u64,

    /// Batches, each for another partition, of one Produce.
    #[arg(long, value_name = "N", help_heading = "Load")]
    batches_per_request: Option<usize>,
    /// Who must have a batch before it is acknowledged.
    #[arg(long, default_value = "all", help_heading = "Load")]
    acks: AcksArg,
    /// Connections that produce.
    #[arg(long, value_name = "N", help_heading = "Load")]
    connections: Option<usize>,
    /// Connections that fetch; by default as many.
    #[arg(long, value_name = "N", help_heading = "Load")]
    consumers: Option<usize>,
    /// Requests in flight on each connection.
    #[arg(long, value_name = "N", help_heading = "Load")]
    in_flight: Option<usize>,
    /// Bytes (450MB/s) or records (20k) a second in all, whatever the broker does; latencies then
    /// count from when a request was due. By default as fast as requests are answered.
    #[arg(long, value_name = "RATE", value_parser = parse_rate, help_heading = "Load")]
    rate: Option<Rate>,
    /// At a rate, send a batch that is not full when its first record has waited so long, as a
    /// producer's linger.ms; by default batches are full.
    #[arg(long, value_name = "MS", help_heading = "Load")]
    linger: Option<u64>,
    /// New connections a second beside the load: how long until each was told the broker's versions.
    #[arg(long, value_name = "N", help_heading = "Load")]
    newcomers: Option<f64>,
    /// How many of them come at the same moment.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        requires = "newcomers",
        help_heading = "Load"
    )]
    newcomers_at_once: usize,
    /// Threads of the load; by default one a core.
    #[arg(long, value_name = "N", help_heading = "Load")]
    threads: Option<usize>,
    /// Memory for different batches, in each thread.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "64MiB", help_heading = "Load")]
    pool_bytes: u64,

    /// A topic that is there, and stays. By default one is created and deleted.
    #[arg(long, value_name = "NAME", help_heading = "Topic")]
    topic: Option<String>,
    /// Partitions of the topic that is created.
    #[arg(long, value_name = "N", help_heading = "Topic")]
    partitions: Option<i32>,
    /// Its replication factor; by default the broker's.
    #[arg(long, value_name = "N", help_heading = "Topic")]
    replication_factor: Option<i16>,
    /// A config of the topic that is created, as often as needed.
    #[arg(short, long = "config", value_name = "NAME=VALUE", value_parser = parse_assignment, help_heading = "Topic")]
    configs: Vec<(String, String)>,
    /// Do not delete the topic that was created.
    #[arg(long, help_heading = "Topic")]
    keep_topic: bool,

    /// What fetch and catch-up fill a topic with beforehand.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "1GB", help_heading = "Fetch")]
    backlog: u64,
    /// Of one Fetch in all, as fetch.max.bytes of a consumer.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "50MiB", help_heading = "Fetch")]
    fetch_max_bytes: u64,
    /// Of one partition, as max.partition.fetch.bytes.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "1MiB", help_heading = "Fetch")]
    fetch_partition_max_bytes: u64,
    /// As fetch.min.bytes.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "1", help_heading = "Fetch")]
    fetch_min_bytes: u64,
    /// As fetch.max.wait.ms.
    #[arg(long, value_name = "MS", default_value_t = 500, help_heading = "Fetch")]
    fetch_max_wait_ms: u32,

    /// Name all partitions in each Fetch, as clients without fetch sessions do.
    #[arg(long, help_heading = "Fetch")]
    sessionless: bool,

    /// Load that is not measured yet, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, default_value = "3", help_heading = "Run")]
    warm_up: Duration,
    /// What is measured, in seconds.
    #[arg(short, long, value_name = "SECONDS", value_parser = parse_seconds, default_value = "20", help_heading = "Run")]
    duration: Duration,
    /// How often to do it all, each time with a new topic and new connections.
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Run")]
    repeats: u32,
    /// The broker's process, if it runs here: tells its CPU, memory and I/O.
    #[arg(long, value_name = "PID", help_heading = "Run")]
    pid: Option<u32>,
    #[command(flatten)]
    output: OutputArgs,
}

pub fn run(args: LoadArgs, preset: Preset) -> Result<()> {
    let plan = plan(&args, preset);
    run_plan(plan, &args.output)
}

/// Runs a plan, shows how it goes, and writes what came out.
pub fn run_plan(plan: Plan, output: &OutputArgs) -> Result<()> {
    plan.check()?;
    let outputs = output.open()?;
    let mut line = ProgressLine::new(output.quiet);
    block_on(async move {
        let outcome = pelton_bench::run(plan, &mut |progress| line.show(progress)).await;
        line.clear();
        let outcome = outcome?;
        outputs.write(&outcome)?;
        judge(outcome.failures())
    })
}

/// Figures of a load that was not all taken are written, and are not those that were asked for.
pub fn judge(failures: Failures) -> Result<()> {
    match failures.is_none() {
        true => Ok(()),
        false => Err(Failure::Failed(format!("not all of the load was taken: {failures}"))),
    }
}

fn plan(args: &LoadArgs, preset: Preset) -> Plan {
    let mut plan = Plan::new(preset.workload, &args.bootstrap.addresses);
    let batch = &mut plan.batch;
    batch.records = args.records.unwrap_or(preset.records);
    batch.value_bytes = args.record_bytes.map_or(preset.record_bytes, saturating_usize);
    batch.key_bytes = saturating_usize(args.key_bytes);
    batch.keys = args.keys;
    batch.compressibility = args.compressibility;
    batch.compression = args.compression.into();
    batch.seed = args.seed;
    let batch_bytes = batch.payload_bytes().max(1);
    plan.topic = TopicPlan {
        existing: args.topic.clone(),
        partitions: args.partitions.unwrap_or(preset.partitions),
        replication_factor: args.replication_factor,
        configs: args.configs.iter().cloned().collect(),
        keep: args.keep_topic,
    };
    plan.connections = args.connections.unwrap_or(preset.connections);
    plan.consumers = args.consumers.unwrap_or(plan.connections);
    plan.in_flight = args.in_flight.unwrap_or(preset.in_flight);
    let fitting = usize::try_from(preset.request_bytes / batch_bytes).unwrap_or(usize::MAX);
    plan.batches_per_request = args.batches_per_request.unwrap_or(fitting.max(1));
    plan.acks = args.acks.into();
    let clipped = |bytes: u64| i32::try_from(bytes).unwrap_or(i32::MAX);
    plan.fetch = FetchPlan {
        min_bytes: clipped(args.fetch_min_bytes),
        max_wait_ms: clipped(args.fetch_max_wait_ms.into()),
        max_bytes: clipped(args.fetch_max_bytes),
        partition_max_bytes: clipped(args.fetch_partition_max_bytes),
        has_sessions: !args.sessionless,
    };
    plan.rate = args.rate;
    plan.newcomers_per_second = args.newcomers;
    plan.newcomers_at_once = args.newcomers_at_once;
    if let Some(linger_ms) = args.linger {
        plan.linger(Duration::from_millis(linger_ms));
    }
    plan.backlog_bytes = args.backlog;
    plan.pool_bytes = args.pool_bytes;
    plan.warm_up = args.warm_up;
    plan.duration = args.duration;
    plan.repeats = args.repeats;
    plan.threads = args.threads.unwrap_or_else(cores);
    plan.server_pid = args.pid;
    plan
}

pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn saturating_usize(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

#[cfg(test)]
#[path = "load_test.rs"]
mod load_test;
