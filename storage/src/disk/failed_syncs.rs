//! The directories whose sync has failed.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::is_out_of_files;

/// Nothing that is made in them from then on can be known to be durable: Linux reports a write that
/// was lost once, and a later sync succeeds. No more than there are directories.
///
/// All shards of a process share it, as they share directories: clones are the same. Its lock is taken
/// where a directory is synced, which is rare, and held for a look.
#[derive(Clone, Default)]
pub struct FailedSyncs(Arc<Mutex<BTreeMap<PathBuf, String>>>);

impl FailedSyncs {
    pub(super) fn check(&self, dir: &Path) -> io::Result<()> {
        match self.known().get(dir) {
            Some(why) => {
                let dir = dir.display();
                Err(io::Error::other(format!("an earlier sync of {dir} has failed: {why}")))
            }
            None => Ok(()),
        }
    }

    /// A directory that could not be opened, as it is not there or as too many are open, was not
    /// synced, and has lost nothing.
    pub(super) fn add(&self, dir: &Path, error: &io::Error) {
        if error.kind() != io::ErrorKind::NotFound && !is_out_of_files(error) {
            self.known().entry(dir.to_path_buf()).or_insert_with(|| error.to_string());
        }
    }

    /// It is gone with all that was in it: what is made under its name later is another one.
    pub(super) fn forget_below(&self, dir: &Path) {
        self.known().retain(|failed, _| !failed.starts_with(dir));
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<PathBuf, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "failed_syncs_test.rs"]
mod failed_syncs_test;
