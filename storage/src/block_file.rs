//! A file that only grows, written by direct I/O in whole blocks.

use std::io;
use std::path::Path;
use std::pin::pin;

use bytes::{Buf, Bytes};
use futures::stream::{self, StreamExt};
use pelton_model::limits::BLOCK_BYTES;

use crate::disk::{Disk, File, OpenMode};
use crate::event::yield_now;

/// The first allocation, and the largest step by which it doubles (F1).
const ALLOCATE_BYTES_MIN: u64 = 64 << 10;
const ALLOCATE_BYTES_STEP_MAX: u64 = 32 << 20;

/// One write of an append. Filling its buffer takes some 100 µs (R8), and a journal group that
/// comes behind it in the device's queue does not wait long.
pub(crate) const WRITE_BYTES_MAX: usize = 512 << 10;

/// Writes of one append that may be in flight at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WritesInFlight {
    /// Of what nobody waits for: the device is left to others.
    One,
    /// Enough to keep a device busy.
    Four,
}

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
        let block = last_block(&file, end).await?;
        let allocated = file.bytes()?;
        Ok(BlockFile { file, end, block, allocated })
    }

    /// Cuts off, durably, what is behind the first `end` bytes.
    pub async fn cut(&mut self, end: u64) -> io::Result<()> {
        let block = last_block(&self.file, end).await?;
        let is_longer = end < self.file.bytes()?;
        if is_longer {
            self.file.truncate(end).await?;
        }
        (self.end, self.block, self.allocated) = (end, block, self.file.bytes()?);
        if is_longer { self.file.sync().await } else { Ok(()) }
    }

    /// Takes room for so many bytes more, so that an append of them finds it.
    pub async fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        self.allocate((self.end + bytes).next_multiple_of(BLOCK_BYTES as u64)).await
    }

    /// Appends `pieces`; on an error nothing has changed but bytes behind the end.
    pub async fn append(
        &mut self,
        disk: &Disk,
        pieces: &[Bytes],
        in_flight: WritesInFlight,
    ) -> io::Result<()> {
        let bytes: usize = pieces.iter().map(Bytes::len).sum();
        self.reserve(bytes as u64).await?;
        let begins = self.end - self.block.len() as u64;
        let filled = self.block.len() + bytes;
        let kept = Bytes::from(std::mem::take(&mut self.block));
        let source = Source { left: kept.clone(), rest: pieces.iter() };
        let total = filled.next_multiple_of(BLOCK_BYTES);
        let file = &self.file;
        let steps = stream::unfold((0, source), |(at, mut source)| async move {
            let step = (total - at).min(WRITE_BYTES_MAX);
            if step == 0 {
                return None;
            }
            if at > 0 {
                yield_now().await;
            }
            let mut buffer = disk.allocate_buffer(step);
            source.fill(&mut buffer.as_mut_slice()[..step]);
            Some(((at, step, buffer), (at + step, source)))
        });
        let writes = steps.map(|(at, step, buffer)| async move {
            let buffer = file.write_at(buffer, step, begins + at as u64).await?;
            // Of the last one, what does not fill a block.
            let end = filled.saturating_sub(at).min(step);
            let tail = &buffer.as_slice()[end - end % BLOCK_BYTES..end];
            Ok::<_, io::Error>(if at + step == total { tail.to_vec() } else { Vec::new() })
        });
        let mut block = Vec::new();
        let mut result = Ok(());
        let mut writes = pin!(writes.buffered(in_flight.count()));
        // Not the first error but the last write ends it: none may still be in flight.
        while let Some(written) = writes.next().await {
            match written {
                Ok(tail) => block = tail,
                Err(error) => result = result.and(Err(error)),
            }
        }
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

/// The bytes before `end` of the block that holds it.
async fn last_block(file: &File, end: u64) -> io::Result<Vec<u8>> {
    let block_at = end - end % BLOCK_BYTES as u64;
    Ok(file.read_at(block_at, (end - block_at) as usize).await?.to_vec())
}

impl WritesInFlight {
    fn count(self) -> usize {
        match self {
            WritesInFlight::One => 1,
            WritesInFlight::Four => 4,
        }
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
