//! Compaction under load.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use pelton_bench::compaction::{
    CompactionPlan, Verdict, run_compaction, to_json, write_compaction_table,
};
use pelton_bench::schedule::Rate;

use super::load::{self, cores};
use super::outputs::{create, write_to};
use super::quantity::{parse_bytes, parse_rate, parse_seconds};
use crate::arguments::{BootstrapArgs, Codec};
use crate::client::block_on;
use crate::failure::{Failure, Result};
use crate::output::stdout;

#[derive(Args, Debug)]
pub struct CompactionArgs {
    #[command(flatten)]
    bootstrap: BootstrapArgs,
    /// Records that the topic is filled with.
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    records: u64,
    /// How many different keys they have.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    keys: u64,
    /// Bytes of a value, also of the load's.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "100")]
    record_bytes: u64,
    /// Compress batches, also the load's.
    #[arg(short = 'z', long, value_name = "CODEC", default_value = "none")]
    compression: Codec,
    /// Records of a batch that the topic is filled with.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    batch_records: u64,
    /// Partitions of the topic that is created, filled, produced to, and deleted.
    #[arg(long, value_name = "N", default_value_t = 4)]
    partitions: i32,
    /// segment.bytes of the topic.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "32MiB")]
    segment_bytes: u64,
    /// Of the load: bytes (5MB/s) or records (20k) a second.
    #[arg(long, value_name = "RATE", value_parser = parse_rate, default_value = "5MB/s")]
    rate: Rate,
    /// Of the load: records of a batch.
    #[arg(long, value_name = "N", default_value_t = 50)]
    load_batch_records: u32,
    /// Connections of the load.
    #[arg(long, value_name = "N", default_value_t = 8)]
    connections: usize,
    /// Load that is not measured yet, in seconds, before each of both parts.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, default_value = "3")]
    warm_up: Duration,
    /// How long the load is measured before compaction, in seconds.
    #[arg(short, long, value_name = "SECONDS", value_parser = parse_seconds, default_value = "20")]
    duration: Duration,
    /// Compaction is over when for so many seconds nothing was compacted.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, default_value = "5")]
    settle: Duration,
    /// Give up when compaction is not over after so many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, default_value = "120")]
    within: Duration,
    /// Refuse to begin if the topic may take more than this.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "3GB")]
    disk_bytes: u64,
    /// Threads of the load; by default one a core.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// The broker's process, if it runs here: tells its CPU.
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Where the broker serves Pelton's metrics: tells how much was read and written.
    #[arg(long, value_name = "HOST:PORT")]
    metrics: Option<String>,
    /// Write all figures as JSON; units are in the names.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// No progress on the terminal.
    #[arg(short, long)]
    quiet: bool,
}

pub fn run(args: CompactionArgs) -> Result<()> {
    let plan = plan(&args);
    plan.check()?;
    let json = create(&args.json)?;
    let is_drawn = !args.quiet && io::stderr().is_terminal();
    // Stderr may be gone; then nobody watches.
    let draw = |part: &str| drop(write!(io::stderr(), "\r{part}\x1b[K"));
    block_on(async move {
        let figures = run_compaction(&plan, &mut |part| {
            if is_drawn {
                draw(part);
            }
        })
        .await;
        if is_drawn {
            draw("");
        }
        let figures = figures?;
        let mut output = stdout();
        write_compaction_table(&plan, &figures, &mut output)?;
        output.flush()?;
        write_to(json, |file| {
            serde_json::to_writer_pretty(&mut *file, &to_json(&plan, &figures))?;
            writeln!(file)
        })?;
        judge(&figures.verdict)?;
        load::judge(figures.failures())
    })
}

/// A broker that loses records is not one to be measured.
fn judge(verdict: &Verdict) -> Result<()> {
    if !verdict.is_sound() {
        return Err(Failure::Failed("compaction has lost or changed records".into()));
    }
    if !verdict.is_compacted() {
        return Err(Failure::Failed("compaction has left records that newer ones replace".into()));
    }
    Ok(())
}

fn plan(args: &CompactionArgs) -> CompactionPlan {
    CompactionPlan {
        bootstrap: args.bootstrap.addresses.clone(),
        records: args.records,
        keys: args.keys,
        value_bytes: usize::try_from(args.record_bytes).unwrap_or(usize::MAX),
        compression: args.compression.into(),
        batch_records: args.batch_records,
        partitions: args.partitions,
        segment_bytes: args.segment_bytes,
        load_batch_records: args.load_batch_records,
        rate: args.rate,
        connections: args.connections,
        warm_up: args.warm_up,
        before: args.duration,
        settle: args.settle,
        within: args.within,
        disk_bytes_max: args.disk_bytes,
        threads: args.threads.unwrap_or_else(cores),
        server_pid: args.pid,
        metrics: args.metrics.clone(),
    }
}
