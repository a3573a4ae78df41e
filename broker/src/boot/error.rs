//! Why a start was refused.

use std::io;
use std::path::Path;

use pelton_storage::OpenError;

use crate::controller::ClusterLogError;

/// Why a broker did not start; each kind has an exit code of its own.
#[derive(Debug)]
pub enum StartError {
    Config(String),
    /// Another process serves this data directory.
    Locked(String),
    /// The port is taken, or not ours to take.
    Listen(String),
    Io(String),
    /// Durable data that no crash can have made like this.
    Damaged(String),
    TooNew(String),
    Runtime(String),
    /// Shard 0 could not start, and says why itself.
    Unfounded,
}

impl StartError {
    pub fn io(path: &Path, error: io::Error) -> Self {
        StartError::Io(format!("{}: {error}", path.display()))
    }

    /// What the process exits with.
    pub fn exit_code(&self) -> u8 {
        match self {
            StartError::Config(_) => 2,
            StartError::Locked(_) => 3,
            StartError::Listen(_) => 4,
            StartError::Io(_) => 5,
            StartError::Damaged(_) => 6,
            StartError::TooNew(_) => 7,
            StartError::Runtime(_) | StartError::Unfounded => 8,
        }
    }
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StartError::Locked(data) => {
                write!(f, "{data}: another broker uses this data directory")
            }
            StartError::Unfounded => f.write_str("shard 0 could not start"),
            StartError::Config(why)
            | StartError::Listen(why)
            | StartError::Io(why)
            | StartError::Damaged(why)
            | StartError::TooNew(why)
            | StartError::Runtime(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for StartError {}

impl From<OpenError> for StartError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Io { .. } => StartError::Io(error.to_string()),
            OpenError::TooNew { .. } => StartError::TooNew(error.to_string()),
            OpenError::Damaged { .. } => StartError::Damaged(error.to_string()),
        }
    }
}

impl From<ClusterLogError> for StartError {
    fn from(error: ClusterLogError) -> Self {
        match error {
            ClusterLogError::Io { .. } => StartError::Io(error.to_string()),
            ClusterLogError::Damaged { .. } => StartError::Damaged(error.to_string()),
        }
    }
}
