//! Where the storage engine ends and a disk begins.
//!
//! Everything above works on [`Disk`], [`File`] and [`IoBuf`] and does not know what is below:
//! [`GlommioDisk`] (io_uring, direct I/O) in a broker, [`sim::SimDisk`] in tests and in the
//! simulator, [`PlainDisk`] in commands for a stopped broker. Handles belong to one thread. Paths are absolute.
//!
//! **Durability.** A write is durable when a [`File::sync`] that was *started after the write
//! completed* has returned, or, for a file opened with [`OpenMode::durable_writes`], when the
//! write itself has returned. A name (created, renamed, removed) is durable when
//! [`Disk::sync_dir`] of the directory that holds it has returned; the same goes for that
//! directory's own name in its parent. A sync that failed is never made good by a later one (S3).
//!
//! **Dropped futures.** Once polled, an operation runs to its end even if its future is dropped;
//! its memory and its descriptor stay until the kernel is done with them. What it did is then
//! unknown to the caller.

mod buffer;
mod failed_syncs;
mod file;
mod glommio;
mod io_times;
mod path_locks;
mod plain;
pub mod sim;
mod sys;

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use futures::future::LocalBoxFuture;
use pelton_model::limits::{BLOCK_BYTES, IO_BYTES_MAX};

pub use self::buffer::{BufferMemory, IoBuf};
pub use self::failed_syncs::FailedSyncs;
pub use self::file::{File, FileBackend};
pub use self::glommio::GlommioDisk;
pub use self::io_times::{ClassTimes, FileClass, IoTimes};
pub use self::plain::{Access, PlainDisk};

/// How [`Disk::open`] opens. Files are always readable and writable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenMode {
    /// Create the file, empty, if there is none; otherwise its absence is `NotFound`.
    pub create: bool,
    /// A write returns only when it is on stable storage (`O_DSYNC` of open(2)).
    pub durable_writes: bool,
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// The last component of its path; bytes that are not UTF-8 are replaced.
    pub name: String,
    pub is_dir: bool,
    /// Size of a file; without meaning for a directory.
    pub bytes: u64,
}

/// The room of the file system that holds a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What an unprivileged process may still allocate (`f_bavail` of statvfs(3)).
    pub free_bytes: u64,
    pub total_bytes: u64,
}

/// What a disk has to do for [`Disk`], whose methods carry the contracts. Paths arrive absolute.
pub trait DiskBackend {
    fn open<'a>(
        &'a self,
        path: &'a Path,
        mode: OpenMode,
    ) -> LocalBoxFuture<'a, io::Result<Box<dyn FileBackend>>>;
    fn create_dir_all<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>>;
    fn sync_dir<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>>;
    fn remove_file<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>>;
    fn remove_dir<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>>;
    fn remove_dir_all<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>>;
    fn rename<'a>(&'a self, from: &'a Path, to: &'a Path) -> LocalBoxFuture<'a, io::Result<()>>;
    fn list_dir<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<Vec<DirEntry>>>;
    fn space<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<Space>>;
    /// `bytes` is a positive multiple of [`BLOCK_BYTES`].
    fn allocate_buffer(&self, bytes: usize) -> IoBuf;
    fn shut_down(&self) -> LocalBoxFuture<'_, ()>;
    /// What the device took so far; nothing where there is none.
    fn io_times(&self) -> IoTimes {
        IoTimes::default()
    }
}

/// A shard's way to its files. Clones are the same disk.
#[derive(Clone)]
pub struct Disk {
    backend: Rc<dyn DiskBackend>,
    failed_syncs: FailedSyncs,
}

impl Disk {
    pub fn new(backend: impl DiskBackend + 'static) -> Self {
        Self { backend: Rc::new(backend), failed_syncs: FailedSyncs::default() }
    }

    /// The same disk, which shares with those of other shards of this process which syncs have failed.
    pub fn sharing(self, failed_syncs: FailedSyncs) -> Self {
        Self { failed_syncs, ..self }
    }

    /// Opens a file, or creates it where `mode` says so. `NotFound` if it, or its directory, is
    /// absent.
    ///
    /// Within one `Disk`, an open and a remove or rename of the same path wait for one another.
    /// *Between* shards nothing does: a file that another shard removes while this open is in
    /// flight takes the process down (glommio 0.9 unwraps a `statfs` of the path), so a path has
    /// one owner.
    pub async fn open(&self, path: &Path, mode: OpenMode) -> io::Result<File> {
        Ok(File::new(self.backend.open(absolute(path)?, mode).await?))
    }

    /// Creates a directory and its missing parents. None of the names is durable before
    /// [`Disk::sync_dir`] of each directory above.
    pub async fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.backend.create_dir_all(absolute(path)?).await
    }

    /// Makes the names in a directory durable. Where that fails, those are perhaps lost that were
    /// not durable, and the kernel says so once: all later syncs of this directory fail, too (S3).
    pub async fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let path = absolute(path)?;
        self.failed_syncs.check(path)?;
        match self.backend.sync_dir(path).await {
            // Another one that was for the same names may have failed meanwhile.
            Ok(()) => self.failed_syncs.check(path),
            Err(error) => {
                self.failed_syncs.add(path, &error);
                Err(error)
            }
        }
    }

    /// Removes a file's name; its bytes go when its last open [`File`] is closed.
    pub async fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.backend.remove_file(absolute(path)?).await
    }

    /// Removes a directory; `DirectoryNotEmpty` if there is anything in it.
    pub async fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let path = absolute(path)?;
        self.backend.remove_dir(path).await?;
        self.failed_syncs.forget_below(path);
        Ok(())
    }

    /// Removes a directory with everything in it; not atomic.
    pub async fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let path = absolute(path)?;
        self.backend.remove_dir_all(path).await?;
        self.failed_syncs.forget_below(path);
        Ok(())
    }

    /// Renames atomically; a file that has the name `to` is replaced.
    pub async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.backend.rename(absolute(from)?, absolute(to)?).await
    }

    /// The entries of a directory, sorted by name; `NotFound` if it is absent.
    pub async fn list_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = self.backend.list_dir(absolute(path)?).await?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// The names of the directories in a directory, sorted; none if it is absent.
    pub async fn dirs_in(&self, path: &Path) -> io::Result<Vec<String>> {
        match self.list_dir(path).await {
            Ok(entries) => {
                Ok(entries.into_iter().filter(|it| it.is_dir).map(|it| it.name).collect())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    pub async fn space(&self, path: &Path) -> io::Result<Space> {
        self.backend.space(absolute(path)?).await
    }

    /// A buffer of `bytes` rounded up to a multiple of [`BLOCK_BYTES`], at least one block, with
    /// unspecified content. Ask for what will be written: a write of a whole buffer of at most
    /// [`IO_BYTES_MAX`](pelton_model::limits::IO_BYTES_MAX) goes out from where it lies, any
    /// other costs a copy.
    pub fn allocate_buffer(&self, bytes: usize) -> IoBuf {
        self.backend.allocate_buffer(bytes.max(1).next_multiple_of(BLOCK_BYTES))
    }

    /// A whole small file. `NotFound` if it is absent; `InvalidData` if it is larger than
    /// `bytes_max`.
    pub async fn read_file(&self, path: &Path, bytes_max: usize) -> io::Result<bytes::Bytes> {
        let file = self.open(path, OpenMode::default()).await?;
        let content = read_bounded(&file, bytes_max).await;
        file.close().await?;
        content
    }

    /// Replaces a small file: after a crash it holds the old content or the new, and when this
    /// has returned, the new. The content passes through `<path>.tmp`, which a crash may leave
    /// behind. One call per path at a time.
    pub async fn write_file_durably(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.write_pieces_durably(path, &[content]).await
    }

    /// As [`Disk::write_file_durably`], of a content that lies in pieces.
    pub async fn write_pieces_durably(
        &self,
        path: &Path,
        content: &[impl AsRef<[u8]>],
    ) -> io::Result<()> {
        let directory = path.parent().ok_or_else(|| invalid_input("a path without directory"))?;
        let mut scratch = path.as_os_str().to_owned();
        scratch.push(".tmp");
        let scratch = PathBuf::from(scratch);
        if let Err(error) = self.write_new_file(&scratch, content).await {
            // On a full disk the scratch file must not keep the room; whether it can be removed
            // changes nothing about the error.
            let _ = self.remove_file(&scratch).await;
            return Err(error);
        }
        self.rename(&scratch, path).await?;
        self.sync_dir(directory).await
    }

    /// Refuses new operations and waits for those in flight. An executor that ends before frees
    /// memory which the kernel still uses.
    pub async fn shut_down(&self) {
        self.backend.shut_down().await;
    }

    pub fn io_times(&self) -> IoTimes {
        self.backend.io_times()
    }

    async fn write_new_file(&self, path: &Path, content: &[impl AsRef<[u8]>]) -> io::Result<()> {
        let file = self.open(path, OpenMode { create: true, durable_writes: false }).await?;
        let written = self.fill_file(&file, content).await;
        file.close().await?;
        written
    }

    async fn fill_file(&self, file: &File, content: &[impl AsRef<[u8]>]) -> io::Result<()> {
        let bytes: usize = content.iter().map(|piece| piece.as_ref().len()).sum();
        let mut rest = content.iter().flat_map(|piece| piece.as_ref().chunks(BLOCK_BYTES));
        let mut left: &[u8] = &[];
        let mut at = 0;
        // One I/O at a time: a large file neither holds the core nor much memory (R8).
        while at < bytes {
            let step = (bytes - at).min(IO_BYTES_MAX);
            let mut buffer = self.allocate_buffer(step);
            let (head, padding) = buffer.as_mut_slice().split_at_mut(step);
            let mut filled = 0;
            while filled < step {
                if left.is_empty() {
                    left = rest.next().unwrap_or_default();
                }
                let (now, later) = left.split_at(left.len().min(step - filled));
                head[filled..filled + now.len()].copy_from_slice(now);
                (filled, left) = (filled + now.len(), later);
            }
            padding.fill(0);
            let whole = buffer.capacity();
            file.write_at(buffer, whole, at as u64).await?;
            at += step;
        }
        file.truncate(bytes as u64).await?;
        file.sync().await
    }
}

/// Whether an operation failed for want of room: a condition that passes, and that says nothing
/// about the health of the medium.
pub fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT))
        || matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Whether a file or a directory could not be opened because too many are (`EMFILE`, `ENFILE` of open(2)).
/// Only an open fails so, and nothing was asked of the medium by then. `ENOMEM` is not among them: a
/// write or a sync may give it, too, and then it is unknown what became of the bytes.
pub(crate) fn is_out_of_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

async fn read_bounded(file: &File, bytes_max: usize) -> io::Result<bytes::Bytes> {
    let bytes = usize::try_from(file.bytes()?).unwrap_or(usize::MAX);
    if bytes > bytes_max {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a file of {bytes} bytes where at most {bytes_max} were expected"),
        ));
    }
    file.read_at(0, bytes).await
}

/// The entries of a directory of the real file system.
fn list_entries(path: &Path) -> io::Result<Vec<DirEntry>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let metadata = match entry.metadata() {
            // Removed since the directory was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            metadata => metadata?,
        };
        entries.push(DirEntry {
            name: entry.file_name().to_string_lossy().into_owned(),
            is_dir: metadata.is_dir(),
            bytes: metadata.len(),
        });
    }
    Ok(entries)
}

fn absolute(path: &Path) -> io::Result<&Path> {
    if path.is_absolute() { Ok(path) } else { Err(invalid_input("a path that is not absolute")) }
}

fn invalid_input(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// What an operation on a closed handle gets.
fn closed() -> io::Error {
    io::Error::from_raw_os_error(libc::EBADF)
}

/// What a read past the end gets.
fn past_the_end(position: u64, bytes: usize, file_bytes: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        format!("{bytes} bytes at {position} of a file of {file_bytes}"),
    )
}

#[cfg(test)]
#[path = "conformance_test.rs"]
mod conformance_test;
