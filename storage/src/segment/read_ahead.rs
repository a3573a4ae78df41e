//! Read-ahead: who reads a segment from front to back finds the next run of chunks read already.
//!
//! A reader is known by where it should go on. The first time that it does, the run behind is read
//! while it is busy with this one; its length is that of the run before.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use futures::future::{FutureExt, LocalBoxFuture, ready};
use pelton_model::PartitionId;
use pelton_model::limits::IO_BYTES_MAX;

use super::SegmentName;
use crate::disk::File;

/// Readers that are remembered; each may have one I/O's bytes read ahead, so this is 16 MiB of a
/// shard. The one that has not been heard of for longest makes room.
const READERS_MAX: usize = 16;

/// The readers of one shard's segments.
#[derive(Default)]
pub(crate) struct ReadAhead {
    readers: RefCell<VecDeque<Reader>>,
}

struct Reader {
    place: Place,
    next: Option<Ahead>,
}

/// Where a run begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub partition: PartitionId,
    pub segment: SegmentName,
    /// In the `.log`.
    pub position: u64,
}

/// Bytes that are being read, or have been.
pub(crate) struct Ahead {
    bytes: usize,
    read: LocalBoxFuture<'static, io::Result<Bytes>>,
}

impl Ahead {
    /// Begins to read; `None` for more than one I/O.
    pub fn begin(file: &File, position: u64, bytes: usize) -> Option<Self> {
        if bytes == 0 || bytes > IO_BYTES_MAX {
            return None;
        }
        let file = file.clone();
        let mut read = async move { file.read_at(position, bytes).await }.boxed_local();
        // An operation that was polled once goes on by itself.
        let read = match (&mut read).now_or_never() {
            Some(done) => ready(done).boxed_local(),
            None => read,
        };
        Some(Self { bytes, read })
    }

    /// The first `bytes` bytes, if they were read and nothing went wrong: then whoever needs them
    /// reads them himself, and hears of it.
    pub async fn take(self, bytes: usize) -> Option<Bytes> {
        if bytes > self.bytes {
            return None;
        }
        let content = self.read.await.ok()?;
        Some(match bytes == content.len() {
            true => content,
            // A slice would keep all of it, and nobody would know.
            false => Bytes::copy_from_slice(&content[..bytes]),
        })
    }
}

impl ReadAhead {
    /// Whether somebody was expected here, and what was read for him.
    pub fn arrive(&self, place: Place) -> Option<Option<Ahead>> {
        let mut readers = self.readers.borrow_mut();
        let at = readers.iter().position(|reader| reader.place == place)?;
        readers.remove(at).map(|reader| reader.next)
    }

    /// A reader will go on here.
    pub fn expect(&self, place: Place, next: Option<Ahead>) {
        let mut readers = self.readers.borrow_mut();
        if readers.len() == READERS_MAX {
            readers.pop_front();
        }
        readers.push_back(Reader { place, next });
    }

    /// The segment's files are to be closed.
    pub fn forget(&self, partition: PartitionId, segment: SegmentName) {
        let is_other = |reader: &Reader| {
            (reader.place.partition, reader.place.segment) != (partition, segment)
        };
        self.readers.borrow_mut().retain(is_other);
    }
}

#[cfg(test)]
#[path = "read_ahead_test.rs"]
mod read_ahead_test;
