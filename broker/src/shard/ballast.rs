//! S9: room to free room. A file of nothing but room, which a disk without any other gets back, so
//! that what makes room — deletions, retention, the metadata that says so — can be written.

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};

use pelton_storage::disk::{Disk, OpenMode, Space};

/// Of the whole broker; less on a small file system.
const BALLAST_BYTES_MAX: u64 = 64 << 20;
const SHARE_OF_DISK: u64 = 256;

/// Shard 0 keeps it.
pub struct Ballast {
    path: PathBuf,
    is_there: Cell<bool>,
}

impl Ballast {
    pub fn new(data_dir: &Path) -> Self {
        Self { path: data_dir.join("ballast"), is_there: Cell::new(false) }
    }

    fn bytes(space: &Space) -> u64 {
        BALLAST_BYTES_MAX.min(space.total_bytes / SHARE_OF_DISK)
    }

    /// Drops the ballast when there is next to no room without it, and takes it aboard again when
    /// there is plenty: when `is_full` no longer holds.
    pub async fn trim(&self, disk: &Disk, space: &Space, is_full: bool) {
        let done = if space.free_bytes < Self::bytes(space) / 4 {
            self.drop_it(disk).await
        } else if !is_full && !self.is_there.get() {
            self.take_it(disk, Self::bytes(space)).await
        } else {
            Ok(())
        };
        if let Err(error) = done {
            // Without it the broker runs as well; only a full disk is harder to get out of.
            tracing::debug!(%error, "the ballast file is as it was");
        }
    }

    async fn drop_it(&self, disk: &Disk) -> io::Result<()> {
        self.is_there.set(false);
        match disk.remove_file(&self.path).await {
            Ok(()) => {
                tracing::warn!("no room at all: the ballast file is given up");
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn take_it(&self, disk: &Disk, bytes: u64) -> io::Result<()> {
        let mode = OpenMode { create: true, durable_writes: false };
        let file = disk.open(&self.path, mode).await?;
        let taken = match file.bytes() {
            Ok(there) if there >= bytes => Ok(()),
            _ => file.allocate(bytes).await,
        };
        file.close().await?;
        self.is_there.set(taken.is_ok());
        taken
    }
}

#[cfg(test)]
#[path = "ballast_test.rs"]
mod ballast_test;
