//! What can go wrong, by what the caller does about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use pelton_model::{Offset, PartitionId};

use crate::disk::{is_disk_full, is_out_of_files};

/// What made a shard write no more until a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FenceReason {
    /// A write or sync of the journal failed.
    Journal,
    /// A write or sync of the state file failed.
    StateFile,
    /// A fenced partition cannot be carried, and what it needs fills the journal.
    Partition,
    /// A stop could not carry everything, and the shard ends.
    Stop,
}

impl FenceReason {
    pub const ALL: [FenceReason; 4] =
        [FenceReason::Journal, FenceReason::StateFile, FenceReason::Partition, FenceReason::Stop];

    /// As labels of metrics say it.
    pub const fn name(self) -> &'static str {
        match self {
            FenceReason::Journal => "journal",
            FenceReason::StateFile => "state_file",
            FenceReason::Partition => "partition",
            FenceReason::Stop => "stop",
        }
    }
}

/// The shard's storage cannot do what was asked. `Fenced` stays until a restart (S3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageError {
    /// A write or a sync failed earlier, or just now: nothing more is acknowledged.
    Fenced(String),
    /// There is no room now; it passes by itself when there is (S9).
    Full,
    /// The process, or the machine, has as many files open as it may, connections included. It passes by
    /// itself when some are closed.
    TooManyFiles,
    /// Bytes that were durable do not match their checksum (S6, F2).
    Damaged { partition: PartitionId, what: String },
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StorageError::Fenced(why) => write!(f, "storage is fenced: {why}"),
            StorageError::Full => f.write_str("the disk is full"),
            StorageError::TooManyFiles => f.write_str("too many files are open"),
            StorageError::Damaged { partition, what } => {
                write!(f, "{partition} is damaged: {what}")
            }
        }
    }
}

impl std::error::Error for StorageError {}

impl StorageError {
    /// Of an operation that failed for want of something that will be there again, and that says
    /// nothing about the health of the medium: it is tried again later, and fences nothing.
    pub(crate) fn of_passing(error: &io::Error) -> Option<StorageError> {
        match () {
            () if is_disk_full(error) => Some(StorageError::Full),
            () if is_out_of_files(error) => Some(StorageError::TooManyFiles),
            () => None,
        }
    }

    /// Of a file that cannot be read; one that cannot be opened now is not damaged.
    pub(crate) fn of_reading(partition: PartitionId, path: &Path, error: &io::Error) -> Self {
        StorageError::of_passing(error).unwrap_or_else(|| StorageError::Damaged {
            partition,
            what: format!("{}: {error}", path.display()),
        })
    }

    /// Whether it passes by itself.
    pub fn is_passing(&self) -> bool {
        match self {
            StorageError::Full | StorageError::TooManyFiles => true,
            StorageError::Fenced(_) | StorageError::Damaged { .. } => false,
        }
    }
}

/// Why an append was refused; nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendError {
    Storage(StorageError),
    /// The partition was dropped meanwhile.
    Dropped,
}

/// Why a read gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// Outside of [start, commit point].
    OutOfRange {
        start: Offset,
        end: Offset,
    },
    Storage(StorageError),
    Dropped,
}

impl From<StorageError> for ReadError {
    fn from(error: StorageError) -> Self {
        ReadError::Storage(error)
    }
}

/// Why a shard's directory could not be opened.
#[derive(Debug)]
pub enum OpenError {
    Io {
        path: PathBuf,
        error: io::Error,
    },
    /// A file was written by a newer Pelton.
    TooNew {
        path: PathBuf,
        format: u16,
    },
    /// Durable bytes that no crash can have made like this (S6).
    Damaged {
        path: PathBuf,
        what: String,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Io { path, error } => write!(f, "{}: {error}", path.display()),
            OpenError::TooNew { path, format } => {
                write!(f, "{}: format {format} is newer than this program", path.display())
            }
            OpenError::Damaged { path, what } => write!(f, "{} is damaged: {what}", path.display()),
        }
    }
}

impl std::error::Error for OpenError {}
