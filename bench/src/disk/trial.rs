//! One test: blocks in turn, as fast as the device answers or when they are due.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FallocateFlags, OFlags, fallocate, fdatasync};

use super::ring::Ring;
use super::{DiskTest, FileState, Operation, Sync};
use crate::clock;
use crate::error::{Error, Result};
use crate::process::Sample;
use crate::schedule::{Schedule, Until};
use crate::tally::{Counts, GivenUp, Tally, Window};

/// To write a file through before it is measured.
pub(super) const FILL_BLOCK_BYTES: u64 = 1 << 20;
const FILL_DEPTH: u32 = 4;

/// At a rate, requests that are so late at the end are given up.
const DRAIN: Duration = Duration::from_secs(10);

/// A file without a name: nobody needs to remove it.
pub(super) struct TestFile {
    file: File,
    bytes: u64,
}

impl TestFile {
    /// Of a size that is a multiple of [`FILL_BLOCK_BYTES`]: all of it is written.
    pub fn overwritten(directory: &Path, bytes: u64) -> Result<Self> {
        let created = Self::allocated(directory, bytes)?;
        let fill = DiskTest {
            name: "fill",
            operation: Operation::Write(Sync::None),
            file: FileState::Growing,
            block_bytes: FILL_BLOCK_BYTES,
            depth: FILL_DEPTH,
            is_latency: false,
        };
        run(&fill, &created, Duration::from_secs(3600), None)?;
        fdatasync(&created.file).map_err(|error| created.failed(directory, error.into()))?;
        Ok(created)
    }

    pub fn allocated(directory: &Path, bytes: u64) -> Result<Self> {
        let created = Self::growing(directory, bytes)?;
        fallocate(&created.file, FallocateFlags::empty(), 0, bytes)
            .map_err(|error| created.failed(directory, error.into()))?;
        fdatasync(&created.file).map_err(|error| created.failed(directory, error.into()))?;
        Ok(created)
    }

    pub fn growing(directory: &Path, bytes: u64) -> Result<Self> {
        let path = directory.join(format!(".pelton-bench-disk-{}", std::process::id()));
        let opened = OpenOptions::new()
            .create_new(true)
            .read(true)
            .write(true)
            .custom_flags(OFlags::DIRECT.bits() as i32)
            .open(&path);
        // On a file system without direct I/O the file is there although it could not be opened.
        let removed = std::fs::remove_file(&path);
        match opened {
            Ok(file) => {
                removed.map_err(Error::io(path.display()))?;
                Ok(Self { file, bytes })
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Err(Error::Invalid(
                format!("{} is on a file system without direct I/O", directory.display()),
            )),
            Err(error) => Err(Error::io(path.display())(error)),
        }
    }

    fn failed(&self, directory: &Path, error: io::Error) -> Error {
        Error::io(format!("the test file in {}", directory.display()))(error)
    }
}

/// What was counted, and from the first request to the last completion.
pub(super) struct Trial {
    pub tally: Tally,
    pub elapsed: Duration,
    /// Of this process in that time, user and system.
    pub cpu_seconds: f64,
}

/// Goes through the file from its start, over and over unless it is growing. All that was due
/// within the duration counts, however late it is done: even a slow device has a figure.
pub(super) fn run(
    test: &DiskTest,
    file: &TestFile,
    duration: Duration,
    bytes_per_second: Option<f64>,
) -> Result<Trial> {
    let failed = |error| Error::io(format!("disk test {}", test.name))(error);
    let block_bytes = u32::try_from(test.block_bytes)
        .map_err(|_| Error::Invalid("a block of more than 4 GiB".into()))?;
    let mut ring = Ring::new(&file.file, test.depth, block_bytes).map_err(failed)?;
    // The ring's memory is filled by now.
    let before = Sample::of(std::process::id())?;
    let begin = clock::now();
    let window = Window::new(begin, duration);
    let until = Until::Time(window.end());
    let in_last_interval = window.end() - Duration::from_nanos(1);
    let mut schedule = match bytes_per_second {
        Some(rate) => Schedule::at_rate(rate / test.block_bytes as f64, 0, 1, begin, until),
        None => Schedule::as_fast_as_answered(until),
    };
    let mut places = Places::new(test, file.bytes);
    let mut tally = Tally::new(window);
    let mut due_of = vec![begin; test.depth as usize];
    let mut last = begin;
    loop {
        let now = clock::now();
        if now >= window.end() + DRAIN {
            give_up(&mut schedule, &mut tally, now);
        }
        let mut next_due = None;
        while ring.has_room()
            && let Some(due) = schedule.next_due(now)
        {
            if due > now {
                next_due = Some(due);
                break;
            }
            let Some(place) = places.next() else { break };
            if let Some(slot) = ring.queue(test.operation, place).map_err(failed)? {
                due_of[slot] = due;
                schedule.take();
            }
        }
        let is_over = places.is_over() || schedule.next_due(now).is_none();
        if is_over && ring.is_idle() {
            let cpu_seconds = Sample::of(std::process::id())?.since(&before).cpu_seconds;
            return Ok(Trial { tally, elapsed: last - begin, cpu_seconds });
        }
        let at_most = next_due.filter(|_| !is_over).map(|due| due - now);
        ring.submit_and_wait(at_most).map_err(failed)?;
        let now = clock::now();
        while let Some(done) = ring.next_done() {
            done.result.map_err(failed)?;
            tally.time(due_of[done.slot], now);
            last = now;
            tally.count(
                now.min(in_last_interval),
                Counts { requests: 1, records: 0, bytes: test.block_bytes },
            );
        }
    }
}

fn give_up(schedule: &mut Schedule, tally: &mut Tally, now: Instant) {
    while let Some(due) = schedule.next_due(now) {
        tally.give_up(due, now, GivenUp::Unsent);
        schedule.take();
    }
}

/// Where blocks go.
struct Places {
    block_bytes: u64,
    blocks: u64,
    taken: u64,
    ends: bool,
}

impl Places {
    fn new(test: &DiskTest, file_bytes: u64) -> Self {
        Self {
            block_bytes: test.block_bytes,
            blocks: file_bytes / test.block_bytes,
            taken: 0,
            // What is written twice is neither fresh nor growing.
            ends: test.file != FileState::Overwritten,
        }
    }

    fn is_over(&self) -> bool {
        self.ends && self.taken >= self.blocks
    }

    fn next(&mut self) -> Option<u64> {
        if self.is_over() {
            return None;
        }
        let place = self.taken % self.blocks * self.block_bytes;
        self.taken += 1;
        Some(place)
    }
}
