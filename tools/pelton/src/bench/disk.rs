//! The device by itself.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use pelton_bench::disk::{DiskPlan, DiskTest, disk_json, run_disk, write_disk_table};
use pelton_bench::schedule::Rate;

use super::outputs::{create, write_to};
use super::quantity::{parse_bytes, parse_rate, parse_seconds};
use crate::failure::{Failure, Result};
use crate::output::stdout;

#[derive(Args, Debug)]
pub struct DiskArgs {
    /// A directory on the device that is meant.
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// The test file's size, of which whole MiB are used; twice that must be free. It is gone afterwards.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "1GiB")]
    size: u64,
    /// What one request of a throughput test reads or writes.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "512KiB")]
    block: u64,
    /// Requests in flight of a throughput test.
    #[arg(long, value_name = "N", default_value_t = 4)]
    depth: u32,
    /// Of each test; one that fills the file is over sooner.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, default_value = "3")]
    seconds: Duration,
    /// Bytes a second of a throughput test; latencies then count from when a request was due. By
    /// default as fast as the device goes.
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    rate: Option<Rate>,
    /// These tests only, by name.
    #[arg(long, value_name = "TEST,...", value_delimiter = ',')]
    only: Vec<String>,
    /// Write all figures as JSON; units are in the names.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// No progress on the terminal.
    #[arg(short, long)]
    quiet: bool,
}

pub fn run(args: DiskArgs) -> Result<()> {
    let plan = plan(&args)?;
    plan.check()?;
    let json = create(&args.json)?;
    let is_drawn = !args.quiet && io::stderr().is_terminal();
    let progress = |text: &str| {
        if is_drawn {
            // Stderr may be gone; then nobody watches.
            let _ = write!(io::stderr(), "\r{text}\x1b[K");
        }
    };
    progress("writing the file through");
    let figures = run_disk(&plan, &mut |figure| {
        let megabytes = figure.bytes_per_second() / 1e6;
        progress(&format!("{}: {megabytes:.0} MB/s", figure.test.name));
    });
    progress("");
    let figures = figures?;
    let mut output = stdout();
    write_disk_table(&figures, &mut output)?;
    output.flush()?;
    write_to(json, |file| {
        serde_json::to_writer_pretty(&mut *file, &disk_json(&plan, &figures))?;
        writeln!(file)
    })
}

fn plan(args: &DiskArgs) -> Result<DiskPlan> {
    let bytes_per_second = match args.rate {
        None => None,
        Some(Rate::BytesPerSecond(rate)) => Some(rate),
        Some(Rate::RecordsPerSecond(_)) => {
            return Err(Failure::Usage("--rate of a disk is in bytes, as 450MB/s".into()));
        }
    };
    let mut tests = DiskTest::all(args.block, args.depth);
    let names: Vec<&str> = tests.iter().map(|test| test.name).collect();
    if let Some(unknown) = args.only.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(Failure::Usage(format!(
            "there is no disk test {unknown}; there are {}",
            names.join(", ")
        )));
    }
    if !args.only.is_empty() {
        tests.retain(|test| args.only.iter().any(|name| name == test.name));
    } else if bytes_per_second.is_some() {
        // The others have no rate.
        tests.retain(|test| !test.is_latency);
    }
    Ok(DiskPlan {
        directory: args.dir.clone(),
        file_bytes: args.size,
        seconds: args.seconds.as_secs_f64(),
        bytes_per_second,
        tests,
    })
}

#[cfg(test)]
#[path = "disk_test.rs"]
mod disk_test;
