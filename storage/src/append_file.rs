//! A small log file for those who have one of their own, such as the cluster log (F5).

use std::io;
use std::path::Path;

use bytes::Bytes;

use crate::block_file::{BlockFile, WritesInFlight};
use crate::disk::{Disk, OpenMode};

/// Whether an append is on stable storage when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurableWrites {
    Yes,
    No,
}

/// Appends whole entries; what an entry is, and where the last whole one ends, its owner knows.
pub struct AppendFile {
    disk: Disk,
    file: BlockFile,
}

impl AppendFile {
    /// Opens, or makes, the file and reads all of it. Behind the last entry there may be zeros, or
    /// the beginnings of an entry that did not become durable: [`AppendFile::cut`] says where it
    /// ends, before anything is appended.
    pub async fn open(
        disk: &Disk,
        path: &Path,
        durable: DurableWrites,
    ) -> io::Result<(AppendFile, Bytes)> {
        let mode = OpenMode { create: true, durable_writes: durable == DurableWrites::Yes };
        let file = BlockFile::open(disk, path, mode, 0).await?;
        let content = file.file.read_at(0, file.file.bytes()? as usize).await?;
        if let Some(dir) = path.parent() {
            disk.sync_dir(dir).await?;
        }
        Ok((AppendFile { disk: disk.clone(), file }, content))
    }

    /// Everything from `end` on counts no longer and is cut off, durably; the next append goes
    /// there, and never joins with what a crash left behind it. Where it fails it is unknown what is
    /// cut off, and nothing may be appended (S3).
    pub async fn cut(&mut self, end: u64) -> io::Result<()> {
        self.file.cut(end).await
    }

    /// Begins anew from the first byte.
    pub async fn restart(&mut self) -> io::Result<()> {
        self.cut(0).await
    }

    pub async fn append(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        self.file.append(&self.disk, pieces, WritesInFlight::Four).await
    }

    /// Bytes that count.
    pub fn end(&self) -> u64 {
        self.file.end
    }
}

#[cfg(test)]
#[path = "append_file_test.rs"]
mod append_file_test;
