//! The data directory of a stopped broker, for commands that look at its files.

use std::path::{Path, PathBuf};

use pelton_broker::{DataLock, StartError};
use pelton_model::PartitionId;
use pelton_storage::OpenError;
use pelton_storage::inspect::{Finding, Findings, Weight};
use serde_json::{Value, json};

use crate::failure::{Failure, Result};

/// What damage exits with, as a start that is refused for it does.
pub const DAMAGED: u8 = 6;

/// What an I/O error exits with, as with `pelton start`.
const UNREACHABLE: u8 = 5;

/// An absolute path to what is there.
///
/// # Errors
/// With the exit code of a start that cannot have its data directory.
pub fn existing(path: &Path) -> Result<PathBuf> {
    let failed = |error| Failure::Exit(UNREACHABLE, format!("{}: {error}", path.display()));
    path.canonicalize().map_err(failed)
}

/// A data directory, and the right to look at it; held for as long as the command runs.
pub struct StoppedBroker {
    pub path: PathBuf,
    _lock: Option<DataLock>,
}

impl StoppedBroker {
    /// Fails when a broker uses it, or when it is no data directory at all.
    pub fn open(path: &Path) -> Result<StoppedBroker> {
        let path = existing(path)?;
        if !path.join("shard").is_dir() {
            let why = format!("{}: not a data directory: it has no folder `shard`", path.display());
            return Err(Failure::Exit(UNREACHABLE, why));
        }
        let lock = DataLock::take_to_look(&path).map_err(|error| match error {
            StartError::Locked(_) => Failure::Exit(
                error.exit_code(),
                format!("{}: a broker uses this data directory: stop it first", path.display()),
            ),
            error => Failure::Exit(error.exit_code(), error.to_string()),
        })?;
        Ok(StoppedBroker { path, _lock: lock })
    }
}

/// What a command says of storage that cannot even be looked at.
pub fn unreadable(error: OpenError) -> Failure {
    let error = StartError::from(error);
    Failure::Exit(error.exit_code(), error.to_string())
}

pub fn partition_json(partition: Option<PartitionId>) -> Value {
    partition.map_or(
        Value::Null,
        |id| json!({ "topic_id": id.topic.to_string(), "partition": id.index.get() }),
    )
}

pub fn findings_json(findings: &Findings) -> Value {
    let found = findings.listed.iter().map(|finding| {
        json!({
            "weight": weight(finding),
            "path": finding.path,
            "partition": partition_json(finding.partition),
            "what": finding.what,
        })
    });
    found.collect()
}

/// A line for people.
pub fn finding_line(finding: &Finding) -> String {
    format!("{}  {}: {}", weight(finding), finding.path.display(), finding.what)
}

fn weight(finding: &Finding) -> &'static str {
    match finding.weight {
        Weight::Damage => "damage",
        Weight::Note => "note",
    }
}

/// The command fails if anything is damaged.
pub fn judge(findings: &Findings) -> Result<()> {
    match findings.damage_count {
        0 => Ok(()),
        1 => Err(Failure::Exit(DAMAGED, "one place is damaged".into())),
        count => Err(Failure::Exit(DAMAGED, format!("{count} places are damaged"))),
    }
}

/// Work on a plain disk never waits.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    futures::executor::block_on(work)
}
