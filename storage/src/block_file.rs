//! A file that only grows, written by direct I/O in whole blocks.

use std::io;
use std::path::Path;

use bytes::{Buf, Bytes};
use futures::stream::{self, StreamExt};
use pelton_model::limits::{BLOCK_BYTES, IO_BYTES_MAX};

use crate::disk::{Disk, File, OpenMode};

/// The first allocation, and the largest step by which it doubles (F1).
const ALLOCATE_BYTES_MIN: u64 = 64 << 10;
const ALLOCATE_BYTES_STEP_MAX: u64 = 32 << 20;

/// Writes of one append that are in flight at once.
const WRITES_IN_FLIGHT_MAX: usize = 4;

/// A file written in blocks whose end is kept in memory until its block is full (M1).
pub(crate) struct BlockFile {
    pub file: File,
    /// The end of what was written.
    pub end: u64,
    /// The bytes of the block that holds `end`.
    block: Vec<u8>,
    allocated: u64,
}

impl BlockFile {
    /// Opens, or makes, a file whose first `end` bytes count.
    pub async fn open(disk: &Disk, path: &Path, mode: OpenMode, end: u64) -> io::Result<BlockFile> {
        let file = disk.open(path, mode).await?;
        let block_at = end - end % BLOCK_BYTES as u64;
        let block = file.read_at(block_at, (end - block_at) as usize).await?.to_vec();
        let allocated = file.bytes()?;
        Ok(BlockFile { file, end, block, allocated })
    }

    /// Takes room for so many bytes more, so that an append of them finds it.
    pub async fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        self.allocate((self.end + bytes).next_multiple_of(BLOCK_BYTES as u64)).await
    }

    /// Appends `pieces`; on an error nothing has changed but bytes behind the end.
    pub async fn append(&mut self, disk: &Disk, pieces: &[Bytes]) -> io::Result<()> {
        let bytes: usize = pieces.iter().map(Bytes::len).sum();
        self.reserve(bytes as u64).await?;
        let begins = self.end - self.block.len() as u64;
        let filled = self.block.len() + bytes;
        let kept = Bytes::from(std::mem::take(&mut self.block));
        let mut source = Source { left: kept.clone(), rest: pieces.iter() };
        let total = filled.next_multiple_of(BLOCK_BYTES);
        let file = &self.file;
        let writes = stream::iter((0..total).step_by(IO_BYTES_MAX)).map(|at| {
            let step = (total - at).min(IO_BYTES_MAX);
            let mut buffer = disk.allocate_buffer(step);
            source.fill(&mut buffer.as_mut_slice()[..step]);
            async move {
                let buffer = file.write_at(buffer, step, begins + at as u64).await?;
                // Of the last one, what does not fill a block.
                let end = filled.saturating_sub(at).min(step);
                let tail = &buffer.as_slice()[end - end % BLOCK_BYTES..end];
                Ok::<_, io::Error>(if at + step == total { tail.to_vec() } else { Vec::new() })
            }
        });
        let mut block = Vec::new();
        let mut result = Ok(());
        let mut writes = writes.buffered(WRITES_IN_FLIGHT_MAX);
        // Not the first error but the last write ends it: none may still be in flight.
        while let Some(written) = writes.next().await {
            match written {
                Ok(tail) => block = tail,
                Err(error) => result = result.and(Err(error)),
            }
        }
        drop(writes);
        if result.is_err() {
            self.block = kept.to_vec();
            return result;
        }
        self.block = block;
        self.end += bytes as u64;
        Ok(())
    }

    async fn allocate(&mut self, end: u64) -> io::Result<()> {
        while self.allocated < end {
            let step = self.allocated.clamp(ALLOCATE_BYTES_MIN, ALLOCATE_BYTES_STEP_MAX);
            let target = (self.allocated + step).max(end).next_multiple_of(BLOCK_BYTES as u64);
            self.file.allocate(target).await?;
            self.allocated = target;
        }
        Ok(())
    }
}

/// Bytes that lie in pieces, and zeros behind them.
struct Source<'a> {
    left: Bytes,
    rest: std::slice::Iter<'a, Bytes>,
}

impl Source<'_> {
    fn fill(&mut self, mut out: &mut [u8]) {
        while !out.is_empty() {
            if self.left.is_empty() {
                match self.rest.next() {
                    Some(next) => self.left = next.clone(),
                    None => return out.fill(0),
                }
            }
            let count = self.left.len().min(out.len());
            let (now, later) = out.split_at_mut(count);
            now.copy_from_slice(&self.left[..count]);
            self.left.advance(count);
            out = later;
        }
    }
}
