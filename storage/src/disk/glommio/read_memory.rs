//! What was read stays where the device has put it: a reader gets the very memory, and copies
//! nothing.

use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use ::glommio::io::ReadResult;
use bytes::Bytes;

/// The thread of a disk, where the memory of its reads is freed: glommio counts who holds it
/// without locks. Slices may travel, and by R6 they come home; one whose last clone is dropped
/// elsewhere all the same (shards stop one after the other) is kept here until home looks.
#[derive(Clone)]
pub(super) struct Home(Arc<Shared>);

struct Shared {
    thread: ThreadId,
    strays: Mutex<Vec<Stray>>,
}

/// Never dropped but at home. What is here when the last read of a thread is gone stays allocated
/// until the process ends.
struct Stray(ManuallyDrop<ReadResult>);

// SAFETY: a stray is made of a read that nobody holds, and only `Home::take_in` looks into it,
// which runs on the thread that the read belongs to.
unsafe impl Send for Stray {}

impl Home {
    /// The calling thread.
    pub(super) fn here() -> Self {
        let thread = thread::current().id();
        Self(Arc::new(Shared { thread, strays: Mutex::default() }))
    }

    /// A part of a read, as bytes that keep all of it.
    ///
    /// # Panics
    /// Where the part is not within the read, or this is another thread.
    pub(super) fn bytes_of(&self, read: ReadResult, skip: usize, take: usize) -> Bytes {
        assert_eq!(thread::current().id(), self.0.thread, "a disk is used on its thread only");
        self.take_in();
        let memory = ReadMemory { read: ManuallyDrop::new(read), home: self.clone() };
        Bytes::from_owner(memory).slice(skip..skip + take)
    }

    /// Frees what was dropped elsewhere; on the home thread only.
    fn take_in(&self) {
        for Stray(read) in self.strays().drain(..) {
            drop(ManuallyDrop::into_inner(read));
        }
    }

    fn strays(&self) -> MutexGuard<'_, Vec<Stray>> {
        self.0.strays.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A read, and where it may be freed.
struct ReadMemory {
    read: ManuallyDrop<ReadResult>,
    home: Home,
}

// SAFETY: another thread may look at the bytes, which nobody writes any more and which stay where
// they are, and may drop this, which does not touch what glommio counts without locks.
unsafe impl Send for ReadMemory {}

impl AsRef<[u8]> for ReadMemory {
    fn as_ref(&self) -> &[u8] {
        &self.read
    }
}

impl Drop for ReadMemory {
    fn drop(&mut self) {
        // SAFETY: `read` is not used again.
        let read = unsafe { ManuallyDrop::take(&mut self.read) };
        let stray = Stray(ManuallyDrop::new(read));
        if thread::current().id() == self.home.0.thread {
            drop(ManuallyDrop::into_inner(stray.0));
        } else {
            self.home.strays().push(stray);
        }
    }
}

#[cfg(test)]
#[path = "read_memory_test.rs"]
mod read_memory_test;
