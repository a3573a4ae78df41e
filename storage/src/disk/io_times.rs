//! What the device took, by kind of file.

use std::path::Path;
use std::time::Duration;

use pelton_model::histogram::Latencies;

/// Files of one purpose, whose I/O is of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileClass {
    Journal,
    /// Logs and their indexes.
    Segment,
    State,
    /// The cluster log, and what is read once at a start.
    Other,
}

impl FileClass {
    pub const ALL: [FileClass; 4] =
        [FileClass::Journal, FileClass::Segment, FileClass::State, FileClass::Other];

    /// By the file's name, as the data directory's layout has it.
    pub fn of(path: &Path) -> FileClass {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("journal.") {
            FileClass::Journal
        } else if name.ends_with(".log") || name.ends_with(".idx") {
            FileClass::Segment
        } else if name.starts_with("state.") {
            FileClass::State
        } else {
            FileClass::Other
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            FileClass::Journal => "journal",
            FileClass::Segment => "segment",
            FileClass::State => "state",
            FileClass::Other => "other",
        }
    }
}

/// I/O on the files of one class. A write to a file of durable writes is a sync as well and is
/// counted as a write.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClassTimes {
    pub reads: Latencies,
    pub writes: Latencies,
    pub syncs: Latencies,
    pub bytes_read: u64,
    pub bytes_written: u64,
}

/// One executor's I/O since its start.
#[derive(Clone, Copy, Debug, Default)]
pub struct IoTimes([ClassTimes; FileClass::ALL.len()]);

impl IoTimes {
    pub fn class(&self, class: FileClass) -> &ClassTimes {
        &self.0[class as usize]
    }

    pub fn merge(&mut self, other: &IoTimes) {
        for (ours, theirs) in self.0.iter_mut().zip(&other.0) {
            ours.reads.merge(&theirs.reads);
            ours.writes.merge(&theirs.writes);
            ours.syncs.merge(&theirs.syncs);
            ours.bytes_read += theirs.bytes_read;
            ours.bytes_written += theirs.bytes_written;
        }
    }

    pub(super) fn note_read(&mut self, class: FileClass, bytes: usize, took: Duration) {
        let times = &mut self.0[class as usize];
        times.reads.record_time(took);
        times.bytes_read += bytes as u64;
    }

    pub(super) fn note_write(&mut self, class: FileClass, bytes: usize, took: Duration) {
        let times = &mut self.0[class as usize];
        times.writes.record_time(took);
        times.bytes_written += bytes as u64;
    }

    pub(super) fn note_sync(&mut self, class: FileClass, took: Duration) {
        self.0[class as usize].syncs.record_time(took);
    }
}

#[cfg(test)]
#[path = "io_times_test.rs"]
mod io_times_test;
