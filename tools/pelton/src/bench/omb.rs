//! OpenMessaging Benchmark's files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use pelton_bench::omb::{OmbDriver, OmbWorkload, Overrides, translate};
use pelton_bench::schedule::Rate;

use super::load::{cores, run_plan};
use super::outputs::OutputArgs;
use super::quantity::{parse_bytes, parse_rate, parse_seconds};
use crate::failure::{Failure, Result};

#[derive(Args, Debug)]
pub struct OmbArgs {
    /// A workload file.
    workload: PathBuf,
    /// A driver file of Kafka's driver.
    #[arg(long, value_name = "FILE")]
    driver: PathBuf,
    /// Instead of the driver's bootstrap.servers.
    #[arg(short, long, value_name = "HOST:PORT,...", env = "PELTON_BOOTSTRAP")]
    bootstrap: Option<String>,
    /// Instead of the driver's replicationFactor: 1 for a broker that is alone.
    #[arg(long, value_name = "N")]
    replication_factor: Option<i16>,
    /// Instead of producerRate.
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    rate: Option<Rate>,
    /// Instead of consumerBacklogSizeGB.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    backlog: Option<u64>,
    /// Instead of warmupDurationMinutes, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    warm_up: Option<Duration>,
    /// Instead of testDurationMinutes, in seconds.
    #[arg(short, long, value_name = "SECONDS", value_parser = parse_seconds)]
    duration: Option<Duration>,
    /// Threads of the load; by default one a core.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// The broker's process, if it runs here: tells its CPU, memory and I/O.
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    #[command(flatten)]
    output: OutputArgs,
}

pub fn run(args: OmbArgs) -> Result<()> {
    let workload = OmbWorkload::parse(&read(&args.workload)?)?;
    let driver = OmbDriver::parse(&read(&args.driver)?)?;
    let overrides = Overrides {
        bootstrap: args.bootstrap,
        replication_factor: args.replication_factor,
        rate: args.rate,
        warm_up: args.warm_up,
        duration: args.duration,
        backlog_bytes: args.backlog,
    };
    let translation = translate(&workload, &driver, &overrides)?;
    for note in &translation.notes {
        eprintln!("pelton: {note}");
    }
    let mut plan = translation.plan;
    plan.threads = args.threads.unwrap_or_else(cores);
    plan.server_pid = args.pid;
    run_plan(plan, &args.output)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))
}
