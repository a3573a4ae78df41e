//! What the device can do, by io_uring alone: the figure that a broker's stands beside.
//!
//! Reads and writes are sequential, direct (`O_DIRECT`) and aligned, in one file of bounded size,
//! which has no name while it is used, so that it is gone whatever happens. Where a sync is part of
//! the test, a write counts as done when it is on stable storage.

mod ring;
mod table;
mod trial;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

pub use table::write_disk_table;

use crate::error::{Error, Result};
use crate::report::latencies_json;
use crate::run::Machine;
use crate::schedule::REQUESTS_PER_SECOND_MAX;
use crate::tally::Tally;
use trial::{FILL_BLOCK_BYTES, TestFile};

/// What `O_DIRECT` wants of lengths and places on every device that we know.
pub const ALIGNMENT: u64 = 4096;
/// A ring's entries; each has a block of memory.
const DEPTH_MAX: u32 = 1024;
const BLOCK_BYTES_MAX: u64 = 64 << 20;
/// All blocks of a ring.
const BUFFERS_BYTES_MAX: u64 = 1 << 30;
/// A day: no device needs longer to show what it does.
const SECONDS_MAX: f64 = 86_400.0;
/// Is left to others on the file system.
const SPARE_BYTES: u64 = 256 << 20;

/// When a write counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sync {
    /// The device has it, perhaps in a volatile cache.
    None,
    /// Each write is durable by itself (`RWF_DSYNC`).
    Dsync,
    /// Each write is followed by an fdatasync, linked behind it.
    Fdatasync,
}

/// What the file is before it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    /// Written through before: a write changes data only.
    Overwritten,
    /// Allocated and never written: a write marks its extent as written.
    Allocated,
    /// Empty: a write allocates and grows it. The test ends when it is full.
    Growing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    Write(Sync),
    Read,
}

/// One measurement of the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiskTest {
    pub name: &'static str,
    pub operation: Operation,
    pub file: FileState,
    pub block_bytes: u64,
    /// Requests in flight.
    pub depth: u32,
    /// Whether it is about how long one request takes, and not about how many there can be.
    pub is_latency: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct DiskPlan {
    /// On the file system that is meant.
    pub directory: PathBuf,
    /// Whole MiB are used of it.
    pub file_bytes: u64,
    /// Of each test; one that fills a file may be over sooner.
    pub seconds: f64,
    /// None: as fast as the device goes. Else requests have times at which they are due.
    pub bytes_per_second: Option<f64>,
    pub tests: Vec<DiskTest>,
}

/// One test's figures.
#[derive(Clone, Debug)]
pub struct DiskFigure {
    pub test: DiskTest,
    pub seconds: f64,
    pub tally: Tally,
    /// Of this process, user and system.
    pub cpu_seconds: f64,
}

impl DiskFigure {
    pub fn bytes_per_second(&self) -> f64 {
        self.tally.counts.bytes as f64 / self.seconds.max(1e-9)
    }
}

impl DiskTest {
    /// All that there are, throughput in blocks and depth as given.
    pub fn all(block_bytes: u64, depth: u32) -> Vec<DiskTest> {
        use FileState::{Allocated, Growing, Overwritten};
        use Operation::{Read, Write};
        let many = |name, operation, file| DiskTest {
            name,
            operation,
            file,
            block_bytes,
            depth,
            is_latency: false,
        };
        let single = |name, operation, file| DiskTest {
            name,
            operation,
            file,
            block_bytes: ALIGNMENT,
            depth: 1,
            is_latency: true,
        };
        vec![
            many("write", Write(Sync::None), Overwritten),
            many("write-dsync", Write(Sync::Dsync), Overwritten),
            many("write-fdatasync", Write(Sync::Fdatasync), Overwritten),
            many("write-allocated", Write(Sync::None), Allocated),
            many("write-allocated-dsync", Write(Sync::Dsync), Allocated),
            many("write-growing", Write(Sync::None), Growing),
            many("write-growing-dsync", Write(Sync::Dsync), Growing),
            many("read", Read, Overwritten),
            single("latency-dsync", Write(Sync::Dsync), Overwritten),
            single("latency-fdatasync", Write(Sync::Fdatasync), Overwritten),
            single("latency-growing-fdatasync", Write(Sync::Fdatasync), Growing),
        ]
    }
}

impl DiskPlan {
    /// # Errors
    /// What makes no sense, or what the device has no room for.
    pub fn check(&self) -> Result<()> {
        let invalid = |reason: String| Err(Error::Invalid(reason));
        let file_bytes = self.whole_file_bytes();
        if file_bytes == 0 {
            return invalid("the file has 1 MiB at least".into());
        }
        for test in &self.tests {
            if test.block_bytes == 0
                || test.block_bytes % ALIGNMENT != 0
                || test.block_bytes > BLOCK_BYTES_MAX
            {
                return invalid(format!(
                    "a block is a multiple of {ALIGNMENT}, {BLOCK_BYTES_MAX} at most"
                ));
            }
            if test.depth == 0 || test.depth > DEPTH_MAX {
                return invalid(format!("the depth is from 1 to {DEPTH_MAX}"));
            }
            if u64::from(test.depth) * test.block_bytes > BUFFERS_BYTES_MAX {
                return invalid(format!(
                    "depth times block is {BUFFERS_BYTES_MAX} bytes of memory at most"
                ));
            }
            if file_bytes < test.block_bytes * u64::from(test.depth) {
                return invalid("the file has room for all requests in flight at least".into());
            }
            let requests = self.bytes_per_second.map(|rate| rate / test.block_bytes as f64);
            if requests.is_some_and(|rate| !(rate > 0.0 && rate <= REQUESTS_PER_SECOND_MAX)) {
                return invalid(format!(
                    "a rate is more than 0, and {REQUESTS_PER_SECOND_MAX} blocks a second at most"
                ));
            }
        }
        if !(self.seconds > 0.0 && self.seconds <= SECONDS_MAX) {
            return invalid(format!("a test takes more than no time, and {SECONDS_MAX} s at most"));
        }
        let free = free_bytes(&self.directory)?;
        // What is overwritten stays while a fresh file grows.
        let needed = file_bytes.saturating_mul(2).saturating_add(SPARE_BYTES);
        if free < needed {
            return invalid(format!(
                "{} has {free} bytes free, and {needed} are needed: take a smaller file",
                self.directory.display()
            ));
        }
        Ok(())
    }

    /// What is to be overwritten or read is written through before, in blocks of this size.
    fn whole_file_bytes(&self) -> u64 {
        self.file_bytes / FILL_BLOCK_BYTES * FILL_BLOCK_BYTES
    }
}

/// Runs the tests one by one; `done` hears of each, for those who watch.
///
/// # Errors
/// The first that fails.
pub fn run_disk(plan: &DiskPlan, done: &mut dyn FnMut(&DiskFigure)) -> Result<Vec<DiskFigure>> {
    plan.check()?;
    let file_bytes = plan.whole_file_bytes();
    let mut overwritten = None;
    let mut figures = Vec::new();
    for test in &plan.tests {
        let fresh;
        let file = match test.file {
            FileState::Overwritten => {
                if overwritten.is_none() {
                    overwritten = Some(TestFile::overwritten(&plan.directory, file_bytes)?);
                }
                overwritten.as_ref()
            }
            FileState::Allocated => {
                fresh = TestFile::allocated(&plan.directory, file_bytes)?;
                Some(&fresh)
            }
            FileState::Growing => {
                fresh = TestFile::growing(&plan.directory, file_bytes)?;
                Some(&fresh)
            }
        };
        let Some(file) = file else { continue };
        let trial = trial::run(
            test,
            file,
            Duration::from_secs_f64(plan.seconds),
            // One request at a time has no rate but its own.
            plan.bytes_per_second.filter(|_| !test.is_latency),
        )?;
        let figure = DiskFigure {
            test: test.clone(),
            seconds: trial.elapsed.as_secs_f64(),
            cpu_seconds: trial.cpu_seconds,
            tally: trial.tally,
        };
        done(&figure);
        figures.push(figure);
    }
    Ok(figures)
}

/// All figures, for programs. Units are in the names.
pub fn disk_json(plan: &DiskPlan, figures: &[DiskFigure]) -> Value {
    let figures: Vec<Value> = figures
        .iter()
        .map(|figure| {
            json!({
                "test": figure.test,
                "seconds": figure.seconds,
                "bytes_per_second": figure.bytes_per_second(),
                "requests": figure.tally.counts.requests,
                "latency_ns": latencies_json(&figure.tally.latencies),
                "unsent": figure.tally.failures.unsent,
                "cpu_seconds": figure.cpu_seconds,
            })
        })
        .collect();
    json!({
        "format": crate::report::FORMAT,
        "version": env!("CARGO_PKG_VERSION"),
        "plan": plan,
        "machine": Machine::this(),
        "figures": figures,
    })
}

fn free_bytes(directory: &Path) -> Result<u64> {
    let context = directory.display().to_string();
    let found = rustix::fs::statvfs(directory)
        .map_err(|error| Error::Io { context, error: error.into() })?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(test)]
#[path = "disk_test.rs"]
mod disk_test;
