//! What a process costs, as /proc tells it (proc(5)).

use std::path::PathBuf;

use serde::Serialize;

use crate::error::{Error, Result};

/// A process so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Sample {
    /// In user and kernel, of all its threads, in steps of a clock tick (10 ms).
    pub cpu_seconds: f64,
    pub resident_bytes: u64,
    /// The most that was ever resident.
    pub resident_bytes_peak: u64,
    /// That it made the devices read and write; none where /proc may not tell.
    pub io: Option<DeviceIo>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct DeviceIo {
    pub read_bytes: u64,
    pub write_bytes: u64,
}

/// What a process did between two samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Usage {
    pub cpu_seconds: f64,
    /// At the end.
    pub resident_bytes: u64,
    pub resident_bytes_peak: u64,
    pub io: Option<DeviceIo>,
}

impl Sample {
    /// # Errors
    /// There is no such process, or /proc is not what it is on Linux.
    pub fn of(pid: u32) -> Result<Sample> {
        let read = |file: &str| {
            let path = PathBuf::from(format!("/proc/{pid}/{file}"));
            std::fs::read_to_string(&path).map_err(Error::io(path.display()))
        };
        let malformed = |file: &str| Error::Invalid(format!("/proc/{pid}/{file} is malformed"));
        let status = read("status")?;
        let kib = |name| value_of(&status, name).map(|kib| kib << 10);
        Ok(Sample {
            cpu_seconds: cpu_seconds(&read("stat")?, rustix::param::clock_ticks_per_second())
                .ok_or_else(|| malformed("stat"))?,
            // A process that is ending has no memory.
            resident_bytes: kib("VmRSS").unwrap_or(0),
            resident_bytes_peak: kib("VmHWM").unwrap_or(0),
            // Other users' processes do not tell.
            io: read("io").ok().and_then(|io| {
                let read_bytes = value_of(&io, "read_bytes")?;
                let write_bytes = value_of(&io, "write_bytes")?;
                Some(DeviceIo { read_bytes, write_bytes })
            }),
        })
    }

    pub fn since(&self, before: &Sample) -> Usage {
        let io = self.io.zip(before.io).map(|(now, before)| DeviceIo {
            read_bytes: now.read_bytes.saturating_sub(before.read_bytes),
            write_bytes: now.write_bytes.saturating_sub(before.write_bytes),
        });
        Usage {
            cpu_seconds: self.cpu_seconds - before.cpu_seconds,
            resident_bytes: self.resident_bytes,
            resident_bytes_peak: self.resident_bytes_peak,
            io,
        }
    }
}

/// User and system time: fields 14 and 15 of stat. The second field, the name, may hold anything.
fn cpu_seconds(stat: &str, ticks_per_second: u64) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((ticks()? + ticks()?) as f64 / ticks_per_second as f64)
}

/// The number behind `name:`.
fn value_of(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
#[path = "process_test.rs"]
mod process_test;
