//! An open file.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use futures::future::LocalBoxFuture;
use pelton_model::limits::BLOCK_BYTES;

use super::{IoBuf, is_disk_full, past_the_end};
use crate::planted::{Bug, is_planted};

/// What an open file has to do for [`File`], whose methods carry the contracts.
pub trait FileBackend {
    /// `bytes` and `position` are multiples of [`BLOCK_BYTES`], `bytes` is positive and within
    /// the buffer's capacity.
    fn write_at(
        &self,
        buffer: IoBuf,
        bytes: usize,
        position: u64,
    ) -> LocalBoxFuture<'_, io::Result<IoBuf>>;
    /// `bytes` is positive and the range lay within the file when the call was made.
    fn read_at(&self, position: u64, bytes: usize) -> LocalBoxFuture<'_, io::Result<Bytes>>;
    fn sync(&self) -> LocalBoxFuture<'_, io::Result<()>>;
    fn allocate(&self, total_bytes: u64) -> LocalBoxFuture<'_, io::Result<()>>;
    fn truncate(&self, bytes: u64) -> LocalBoxFuture<'_, io::Result<()>>;
    fn bytes(&self) -> io::Result<u64>;
    fn close(&self) -> LocalBoxFuture<'_, io::Result<()>>;
}

/// An open file; clones are the same open file.
///
/// After a failed write, sync or truncate the file is not trusted again: every later one gets the
/// same error at once, and none reaches the disk. Linux reports a lost write once, and a sync
/// that is retried succeeds although the bytes are gone. Reads go on. A full disk is not such a
/// failure, except for a sync, after which it is unknown what is durable.
#[derive(Clone)]
pub struct File(Rc<OpenFile>);

struct OpenFile {
    backend: Box<dyn FileBackend>,
    failure: Cell<Option<Failure>>,
}

#[derive(Clone, Copy)]
struct Failure {
    errno: Option<i32>,
    kind: io::ErrorKind,
}

impl File {
    pub(super) fn new(backend: Box<dyn FileBackend>) -> Self {
        Self(Rc::new(OpenFile { backend, failure: Cell::new(None) }))
    }

    /// Writes the first `bytes` of the buffer at `position` and gives the buffer back, unchanged.
    /// A write that the disk cuts short is an error. What a failed write left in its range is
    /// unknown.
    ///
    /// # Panics
    /// If `bytes` or `position` is no multiple of [`BLOCK_BYTES`], or `bytes` exceeds the
    /// buffer's capacity.
    pub async fn write_at(&self, buffer: IoBuf, bytes: usize, position: u64) -> io::Result<IoBuf> {
        assert!(bytes.is_multiple_of(BLOCK_BYTES), "write of {bytes} bytes");
        assert!(position.is_multiple_of(BLOCK_BYTES as u64), "write at {position}");
        assert!(bytes <= buffer.capacity(), "write of {bytes} bytes of {}", buffer.capacity());
        self.check()?;
        if bytes == 0 {
            return Ok(buffer);
        }
        self.latch(self.0.backend.write_at(buffer, bytes, position).await)
    }

    /// Exactly `bytes` from `position`, at any alignment. `UnexpectedEof` if the file ends before.
    pub async fn read_at(&self, position: u64, bytes: usize) -> io::Result<Bytes> {
        // Checked before memory is taken: a length that was itself read from a disk may lie.
        let file_bytes = self.bytes()?;
        if position.checked_add(bytes as u64).is_none_or(|end| end > file_bytes) {
            return Err(past_the_end(position, bytes, file_bytes));
        }
        if bytes == 0 {
            return Ok(Bytes::new());
        }
        self.0.backend.read_at(position, bytes).await
    }

    /// Makes every write, allocation and truncation durable that had returned before this began.
    pub async fn sync(&self) -> io::Result<()> {
        self.check()?;
        let mut result = self.0.backend.sync().await;
        if result.is_err() && is_planted(Bug::RetryAFailedSync) {
            result = self.0.backend.sync().await;
        }
        if let Err(error) = &result {
            self.fail(error);
        }
        result
    }

    /// Takes room for the first `total_bytes` and makes the file at least that long; what was not
    /// written reads as zeros. Durable with the next sync.
    pub async fn allocate(&self, total_bytes: u64) -> io::Result<()> {
        self.check()?;
        if total_bytes == 0 {
            return Ok(());
        }
        self.0.backend.allocate(total_bytes).await
    }

    /// Cuts or extends the file to `bytes`. Durable with the next sync.
    pub async fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.check()?;
        self.latch(self.0.backend.truncate(bytes).await)
    }

    /// The file's size.
    pub fn bytes(&self) -> io::Result<u64> {
        self.0.backend.bytes()
    }

    /// Waits for what is in flight and closes the descriptor; operations of other clones fail
    /// with `EBADF` from here on. A file that is merely dropped is closed a little later, and
    /// until then a removed one keeps its room.
    pub async fn close(self) -> io::Result<()> {
        self.0.backend.close().await
    }

    fn check(&self) -> io::Result<()> {
        match self.0.failure.get() {
            None => Ok(()),
            Some(Failure { errno: Some(errno), .. }) => Err(io::Error::from_raw_os_error(errno)),
            Some(Failure { kind, .. }) => {
                Err(io::Error::new(kind, "an earlier write or sync of this file failed"))
            }
        }
    }

    fn latch<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && !is_disk_full(error)
        {
            self.fail(error);
        }
        result
    }

    fn fail(&self, error: &io::Error) {
        self.0.failure.set(Some(Failure { errno: error.raw_os_error(), kind: error.kind() }));
    }
}
