//! The cluster log's files (F5): `cluster/log` and, before it, `cluster/snapshot`.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use pelton_cluster::log_format::{
    EntryTooLarge, ScanEnd, Snapshot, decode_snapshot, encode_entry, encode_snapshot, scan,
};
use pelton_cluster::{ClusterState, Record};
use pelton_storage::disk::Disk;
use pelton_storage::{AppendFile, DurableWrites};

/// There is one voter and one term until there is a quorum.
const TERM: u64 = 1;

/// Beyond this the log is replaced by a snapshot.
const LOG_BYTES_MAX: u64 = 4 << 20;

/// A file larger than this was not written by us.
const FILE_BYTES_MAX: usize = 1 << 30;

/// Why the metadata cannot be read.
#[derive(Debug)]
pub enum ClusterLogError {
    Io {
        path: PathBuf,
        error: io::Error,
    },
    /// Rot: nothing is cut, the start is refused.
    Damaged {
        path: PathBuf,
        what: String,
    },
}

impl std::fmt::Display for ClusterLogError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Damaged { path, what } => write!(f, "{} is damaged: {what}", path.display()),
        }
    }
}

impl std::error::Error for ClusterLogError {}

/// The open log.
pub struct ClusterLog {
    disk: Disk,
    dir: PathBuf,
    file: AppendFile,
}

impl ClusterLog {
    /// Reads the snapshot and the log behind it; cuts a torn end.
    pub async fn open(
        disk: &Disk,
        data: &Path,
    ) -> Result<(ClusterLog, ClusterState), ClusterLogError> {
        let dir = data.join("cluster");
        let io_of = |path: &Path| {
            let path = path.to_path_buf();
            move |error| ClusterLogError::Io { path, error }
        };
        disk.create_dir_all(&dir).await.map_err(io_of(&dir))?;
        disk.sync_dir(data).await.map_err(io_of(data))?;
        let mut state = ClusterState::default();
        let path = dir.join("snapshot");
        match disk.read_file(&path, FILE_BYTES_MAX).await {
            Ok(content) => {
                let damaged = |what: String| ClusterLogError::Damaged { path: path.clone(), what };
                let snapshot =
                    decode_snapshot(&content).map_err(|error| damaged(error.to_string()))?;
                state = ClusterState::restore(snapshot.index, &snapshot.records)
                    .map_err(|error| damaged(error.to_string()))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_of(&path)(error)),
        }
        let path = dir.join("log");
        let (mut file, content) =
            AppendFile::open(disk, &path, DurableWrites::Yes).await.map_err(io_of(&path))?;
        let damaged = |what: String| ClusterLogError::Damaged { path: path.clone(), what };
        let scanned = scan(&content);
        match &scanned.end {
            ScanEnd::Clean => {}
            ScanEnd::Torn { at } => {
                tracing::warn!(at, "the cluster log's last entry had not become durable: cut");
            }
            ScanEnd::Damaged { at, why } => return Err(damaged(format!("at byte {at}: {why}"))),
        }
        for entry in &scanned.entries {
            // After a crash between snapshot and a new log the old entries are still there.
            if entry.index <= state.revision() {
                continue;
            }
            let records = entry.records().map_err(|error| damaged(error.to_string()))?;
            state.apply(entry.index, &records).map_err(|error| damaged(error.to_string()))?;
        }
        file.cut(scanned.end_bytes as u64).await.map_err(io_of(&path))?;
        Ok((ClusterLog { disk: disk.clone(), dir, file }, state))
    }

    /// What [`ClusterLog::append`] is to write.
    ///
    /// # Errors
    /// If the records take more than an entry holds.
    pub fn entry(revision: u64, records: &[Record]) -> Result<Bytes, EntryTooLarge> {
        let mut entry = Vec::new();
        encode_entry(TERM, revision, records, &mut entry)?;
        Ok(entry.into())
    }

    /// Durable when it returns.
    pub async fn append(&mut self, entry: Bytes) -> io::Result<()> {
        self.file.append(&[entry]).await
    }

    pub fn wants_snapshot(&self) -> bool {
        self.file.end() > LOG_BYTES_MAX
    }

    /// Replaces the log by a snapshot of what it says.
    pub async fn snapshot(&mut self, index: u64, records: Vec<Record>) -> Result<(), NoSnapshot> {
        let content = encode_snapshot(&Snapshot { index, term: TERM, records });
        let path = self.dir.join("snapshot");
        self.disk.write_file_durably(&path, &content).await.map_err(NoSnapshot::NotWritten)?;
        self.file.restart().await.map_err(NoSnapshot::LogNotCut)
    }
}

/// What became of a snapshot that failed.
#[derive(Debug)]
pub enum NoSnapshot {
    /// The log says all of it still.
    NotWritten(io::Error),
    /// It is unknown how much of the log is left: nothing may be written behind it (S3).
    LogNotCut(io::Error),
}
