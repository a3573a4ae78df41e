//! The one file of this crate with unsafe code: blocks of memory that the kernel reads and writes.
//!
//! A block belongs to the kernel from when its request is queued until its completion has been
//! taken. Nobody but [`Ring`] can reach the blocks, it starts no second request in a block that is
//! in flight, and when it is dropped it first waits for all that are.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::time::Duration;

use io_uring::squeue::Flags;
use io_uring::types::{Fd, FsyncFlags, SubmitArgs, Timespec};
use io_uring::{IoUring, opcode};

use super::{ALIGNMENT, Operation, Sync};

/// `RWF_DSYNC` of preadv2(2).
const RWF_DSYNC: i32 = 2;

// errno(3)
const EINTR: i32 = 4;
const EBUSY: i32 = 16;
const ETIME: i32 = 62;
const ECANCELED: i32 = 125;

/// Marks the completion of a write that a sync follows.
const BEFORE_SYNC: u64 = 1 << 63;

/// A file, and requests to it in flight, each with a block of its own.
pub(super) struct Ring<'a> {
    ring: IoUring,
    file: &'a File,
    blocks: Blocks,
    block_bytes: u32,
    /// Blocks that are not the kernel's.
    free: Vec<usize>,
    /// What became of the write that a sync follows, by block.
    before_sync: Vec<i32>,
}

struct Blocks {
    start: NonNull<u8>,
    layout: Layout,
}

/// A request that is done.
#[derive(Debug)]
pub(super) struct Done {
    pub slot: usize,
    pub result: io::Result<()>,
}

impl<'a> Ring<'a> {
    /// `depth` blocks of `block_bytes`, filled with bytes that no device finds equal.
    pub fn new(file: &'a File, depth: u32, block_bytes: u32) -> io::Result<Self> {
        // A write and its sync are two entries.
        let ring = IoUring::new((2 * depth).next_power_of_two())?;
        let blocks = Blocks::new(depth as usize, block_bytes as usize)?;
        Ok(Self {
            ring,
            file,
            blocks,
            block_bytes,
            free: (0..depth as usize).rev().collect(),
            before_sync: vec![0; depth as usize],
        })
    }

    pub fn has_room(&self) -> bool {
        !self.free.is_empty()
    }

    pub fn is_idle(&self) -> bool {
        self.free.len() == self.before_sync.len()
    }

    /// Queues a request at a place in the file; none if all blocks are in flight. The slot comes
    /// back in its [`Done`].
    pub fn queue(&mut self, operation: Operation, place: u64) -> io::Result<Option<usize>> {
        let Some(slot) = self.free.pop() else { return Ok(None) };
        let fd = Fd(self.file.as_raw_fd());
        let block = self.blocks.at(slot, self.block_bytes as usize);
        let token = slot as u64;
        let write = |flags| {
            opcode::Write::new(fd, block, self.block_bytes).offset(place).rw_flags(flags).build()
        };
        let entries = match operation {
            Operation::Read => {
                let read = opcode::Read::new(fd, block, self.block_bytes).offset(place).build();
                [Some(read.user_data(token)), None]
            }
            Operation::Write(Sync::None) => [Some(write(0).user_data(token)), None],
            Operation::Write(Sync::Dsync) => [Some(write(RWF_DSYNC).user_data(token)), None],
            Operation::Write(Sync::Fdatasync) => {
                let write = write(0).flags(Flags::IO_LINK).user_data(token | BEFORE_SYNC);
                let sync = opcode::Fsync::new(fd).flags(FsyncFlags::DATASYNC).build();
                [Some(write), Some(sync.user_data(token))]
            }
        };
        for entry in entries.iter().flatten() {
            // SAFETY: the file is borrowed and the block is owned for as long as this ring lives,
            // which does not end before the completion (see `drop`); the block was free, and its
            // length is `block_bytes`.
            let pushed = unsafe { self.ring.submission().push(entry) };
            pushed
                .map_err(|_| io::Error::other("the ring has no room for what it was made for"))?;
        }
        Ok(Some(slot))
    }

    /// Submits what is queued and waits for a completion, or for a time if none comes sooner.
    pub fn submit_and_wait(&mut self, at_most: Option<Duration>) -> io::Result<()> {
        let result = match at_most {
            None => self.ring.submit_and_wait(1),
            Some(at_most) => {
                let timeout = Timespec::from(at_most);
                let args = SubmitArgs::new().timespec(&timeout);
                self.ring.submitter().submit_with_args(1, &args)
            }
        };
        match result {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.raw_os_error(), Some(ETIME | EINTR | EBUSY)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The next request that is done, if one is.
    pub fn next_done(&mut self) -> Option<Done> {
        loop {
            let completion = self.ring.completion().next()?;
            let (token, result) = (completion.user_data(), completion.result());
            let slot = (token & !BEFORE_SYNC) as usize;
            if token & BEFORE_SYNC != 0 {
                self.before_sync[slot] = result;
                continue;
            }
            self.free.push(slot);
            // A write that failed or was short cancels its sync, and says why.
            let result = if result == -ECANCELED { self.before_sync[slot] } else { result };
            return Some(Done { slot, result: self.judge(result) });
        }
    }

    /// A sync answers 0; a read or write its length, and less than all of it is an error here.
    fn judge(&self, result: i32) -> io::Result<()> {
        match u32::try_from(result) {
            Err(_) => Err(io::Error::from_raw_os_error(-result)),
            Ok(bytes) if bytes == 0 || bytes == self.block_bytes => Ok(()),
            Ok(bytes) => {
                Err(io::Error::other(format!("{bytes} of {} bytes were done", self.block_bytes)))
            }
        }
    }
}

impl Drop for Ring<'_> {
    fn drop(&mut self) {
        while !self.is_idle() {
            if self.submit_and_wait(None).is_err() {
                // The kernel may still write to the blocks: they must outlive it.
                self.blocks.leak();
                return;
            }
            while self.next_done().is_some() {}
        }
    }
}

impl Blocks {
    fn new(count: usize, bytes_each: usize) -> io::Result<Self> {
        let bytes = count.checked_mul(bytes_each).filter(|&bytes| bytes > 0);
        let layout = bytes
            .and_then(|bytes| Layout::from_size_align(bytes, ALIGNMENT as usize).ok())
            .ok_or_else(|| io::Error::other("blocks without a size"))?;
        // SAFETY: the size is not zero.
        let start = unsafe { alloc_zeroed(layout) };
        let start = NonNull::new(start).ok_or(io::ErrorKind::OutOfMemory)?;
        // SAFETY: just allocated with this length, zeroed, and nobody else knows of it.
        let bytes = unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), layout.size()) };
        let mut noise = 0x9e37_79b9_7f4a_7c15u64;
        for word in bytes.chunks_exact_mut(8) {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            word.copy_from_slice(&noise.to_le_bytes());
        }
        Ok(Self { start, layout })
    }

    fn at(&self, slot: usize, bytes_each: usize) -> *mut u8 {
        assert!((slot + 1) * bytes_each <= self.layout.size());
        // SAFETY: within the allocation, by the line above.
        unsafe { self.start.as_ptr().add(slot * bytes_each) }
    }

    /// Gives up ownership; [`Drop`] then finds nothing to free.
    fn leak(&mut self) {
        self.start = NonNull::dangling();
        self.layout = Layout::new::<()>();
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        if self.layout.size() > 0 {
            // SAFETY: allocated with this layout, and the ring has waited for the kernel.
            unsafe { dealloc(self.start.as_ptr(), self.layout) };
        }
    }
}
