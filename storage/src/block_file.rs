//! A file that only grows, written by direct I/O in whole blocks.

use std::io;
use std::path::Path;

use bytes::Bytes;
use pelton_model::limits::BLOCK_BYTES;

use crate::disk::{Disk, File, OpenMode};

/// The first allocation, and the largest step by which it doubles (F1).
const ALLOCATE_BYTES_MIN: u64 = 64 << 10;
const ALLOCATE_BYTES_STEP_MAX: u64 = 32 << 20;

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

    /// Appends `pieces`; on an error nothing has changed but bytes behind the end.
    pub async fn append(&mut self, disk: &Disk, pieces: &[Bytes]) -> io::Result<()> {
        let bytes: usize = pieces.iter().map(Bytes::len).sum();
        let filled = self.block.len() + bytes;
        let total = filled.next_multiple_of(BLOCK_BYTES);
        let block_at = self.end - self.block.len() as u64;
        self.allocate(block_at + total as u64).await?;
        let mut buffer = disk.allocate_buffer(total);
        let out = buffer.as_mut_slice();
        out[..self.block.len()].copy_from_slice(&self.block);
        let mut at = self.block.len();
        for piece in pieces {
            out[at..at + piece.len()].copy_from_slice(piece);
            at += piece.len();
        }
        out[at..total].fill(0);
        let buffer = self.file.write_at(buffer, total, block_at).await?;
        let last_block = filled - filled % BLOCK_BYTES;
        self.block.clear();
        self.block.extend_from_slice(&buffer.as_slice()[last_block..filled]);
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
