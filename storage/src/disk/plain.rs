//! The disk of a tool: ordinary blocking calls, no executor. For commands that look at the files
//! of a stopped broker; a broker that used it would stand still at every read.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use bytes::Bytes;
use futures::future::{FutureExt, LocalBoxFuture};

use super::{
    BufferMemory, DirEntry, Disk, DiskBackend, FileBackend, IoBuf, OpenMode, Space, closed,
    list_entries, past_the_end, sys,
};

/// Whether the files may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything that would change a file or a name fails with `EROFS`.
    ReadOnly,
    ReadWrite,
}

/// See the module.
pub struct PlainDisk(Access);

impl PlainDisk {
    pub fn disk(access: Access) -> Disk {
        Disk::new(PlainDisk(access))
    }

    /// The calls do not wait, so the future is ready when it is made.
    fn change<'a, T: 'a>(
        &self,
        call: impl FnOnce() -> io::Result<T>,
    ) -> LocalBoxFuture<'a, io::Result<T>> {
        at_once(check(self.0).and_then(|()| call()))
    }
}

fn check(access: Access) -> io::Result<()> {
    match access {
        Access::ReadWrite => Ok(()),
        Access::ReadOnly => Err(io::Error::from_raw_os_error(libc::EROFS)),
    }
}

fn at_once<'a, T: 'a>(result: io::Result<T>) -> LocalBoxFuture<'a, io::Result<T>> {
    futures::future::ready(result).boxed_local()
}

impl DiskBackend for PlainDisk {
    fn open<'a>(
        &'a self,
        path: &'a Path,
        mode: OpenMode,
    ) -> LocalBoxFuture<'a, io::Result<Box<dyn FileBackend>>> {
        let is_writable = self.0 == Access::ReadWrite;
        let mut options = fs::OpenOptions::new();
        options.read(true).write(is_writable).create(is_writable && mode.create);
        if mode.durable_writes && is_writable {
            options.custom_flags(libc::O_DSYNC);
        }
        let opened = options.open(path).map(|file| {
            let file = PlainFile { file: RefCell::new(Some(file)), access: self.0 };
            Box::new(file) as Box<dyn FileBackend>
        });
        at_once(opened)
    }

    fn create_dir_all<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>> {
        self.change(|| fs::create_dir_all(path))
    }

    fn sync_dir<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>> {
        self.change(|| fs::File::open(path)?.sync_all())
    }

    fn remove_file<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>> {
        self.change(|| fs::remove_file(path))
    }

    fn remove_dir<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>> {
        self.change(|| fs::remove_dir(path))
    }

    fn remove_dir_all<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>> {
        self.change(|| fs::remove_dir_all(path))
    }

    fn rename<'a>(&'a self, from: &'a Path, to: &'a Path) -> LocalBoxFuture<'a, io::Result<()>> {
        self.change(|| fs::rename(from, to))
    }

    fn list_dir<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<Vec<DirEntry>>> {
        at_once(list_entries(path))
    }

    fn space<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<Space>> {
        at_once(sys::path_space(path))
    }

    fn allocate_buffer(&self, bytes: usize) -> IoBuf {
        IoBuf::new(HeapMemory(vec![0; bytes]))
    }

    fn shut_down(&self) -> LocalBoxFuture<'_, ()> {
        futures::future::ready(()).boxed_local()
    }
}

struct HeapMemory(Vec<u8>);

impl BufferMemory for HeapMemory {
    fn as_slice(&self) -> &[u8] {
        &self.0
    }

    fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

struct PlainFile {
    /// `None` once closed.
    file: RefCell<Option<fs::File>>,
    access: Access,
}

impl PlainFile {
    fn with<T>(&self, call: impl FnOnce(&fs::File) -> io::Result<T>) -> io::Result<T> {
        self.file.borrow().as_ref().map_or_else(|| Err(closed()), call)
    }

    fn change<'a, T: 'a>(
        &self,
        call: impl FnOnce(&fs::File) -> io::Result<T>,
    ) -> LocalBoxFuture<'a, io::Result<T>> {
        at_once(check(self.access).and_then(|()| self.with(call)))
    }
}

impl FileBackend for PlainFile {
    fn write_at(
        &self,
        buffer: IoBuf,
        bytes: usize,
        position: u64,
    ) -> LocalBoxFuture<'_, io::Result<IoBuf>> {
        self.change(|file| {
            file.write_all_at(&buffer.as_slice()[..bytes], position)?;
            Ok(buffer)
        })
    }

    fn read_at(&self, position: u64, bytes: usize) -> LocalBoxFuture<'_, io::Result<Bytes>> {
        at_once(self.with(|file| {
            let mut content = vec![0; bytes];
            file.read_exact_at(&mut content, position).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => {
                    past_the_end(position, bytes, sys::file_bytes(file.as_raw_fd()).unwrap_or(0))
                }
                _ => error,
            })?;
            Ok(Bytes::from(content))
        }))
    }

    fn sync(&self) -> LocalBoxFuture<'_, io::Result<()>> {
        self.change(fs::File::sync_data)
    }

    fn allocate(&self, total_bytes: u64) -> LocalBoxFuture<'_, io::Result<()>> {
        self.change(|file| match file.metadata()?.len() < total_bytes {
            true => file.set_len(total_bytes),
            false => Ok(()),
        })
    }

    fn truncate(&self, bytes: u64) -> LocalBoxFuture<'_, io::Result<()>> {
        self.change(|file| file.set_len(bytes))
    }

    fn bytes(&self) -> io::Result<u64> {
        self.with(|file| sys::file_bytes(file.as_raw_fd()))
    }

    fn close(&self) -> LocalBoxFuture<'_, io::Result<()>> {
        at_once(self.file.borrow_mut().take().map(drop).ok_or_else(closed))
    }
}

#[cfg(test)]
#[path = "plain_test.rs"]
mod plain_test;
