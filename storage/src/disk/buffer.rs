//! Memory that a disk writes from.

use std::any::Any;
use std::collections::BTreeMap;

/// What a backend's memory has to offer to stand in an [`IoBuf`].
pub trait BufferMemory: Any {
    fn as_slice(&self) -> &[u8];
    fn as_mut_slice(&mut self) -> &mut [u8];
}

/// A buffer of whole blocks, aligned as the disk that made it needs it, to be written by that
/// disk's files only. A write takes it and gives it back, so nobody can change bytes that the
/// kernel is reading. Dropped, it returns to the pool that it came from.
pub struct IoBuf(Box<dyn BufferMemory>);

impl IoBuf {
    pub fn new(memory: impl BufferMemory) -> Self {
        Self(Box::new(memory))
    }

    /// Bytes; a multiple of [`BLOCK_BYTES`](pelton_model::limits::BLOCK_BYTES).
    pub fn capacity(&self) -> usize {
        self.as_slice().len()
    }

    pub fn as_slice(&self) -> &[u8] {
        self.0.as_slice()
    }

    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        self.0.as_mut_slice()
    }

    /// The backend's own memory again.
    ///
    /// # Panics
    /// If another kind of backend made it.
    pub(super) fn into_memory<M: BufferMemory>(self) -> Box<M> {
        let memory: Box<dyn Any> = self.0;
        memory.downcast().expect("a buffer is written by the disk that made it")
    }
}

/// Free buffers by their exact size, bounded in bytes.
///
/// Sizes are exact because a `DmaBuffer` is always written whole. A full pool gives up what it
/// holds of other sizes, turn by turn, so that sizes which are no longer asked for fade out.
pub(super) struct BufferPool<B> {
    free: BTreeMap<usize, Vec<B>>,
    bytes: usize,
    bytes_max: usize,
    /// The size after which the next buffer is given up.
    hand: usize,
}

impl<B> BufferPool<B> {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { free: BTreeMap::new(), bytes: 0, bytes_max, hand: 0 }
    }

    pub(super) fn take(&mut self, size: usize) -> Option<B> {
        let buffer = self.free.get_mut(&size)?.pop()?;
        self.bytes -= size;
        Some(buffer)
    }

    pub(super) fn put(&mut self, size: usize, buffer: B) {
        if size > self.bytes_max {
            return;
        }
        while self.bytes + size > self.bytes_max {
            self.give_one_up();
        }
        self.bytes += size;
        self.free.entry(size).or_default().push(buffer);
    }

    fn give_one_up(&mut self) {
        self.free.retain(|_, buffers| !buffers.is_empty());
        let next = self.free.range(self.hand + 1..).next().or_else(|| self.free.iter().next());
        let Some((&size, _)) = next else { return };
        self.hand = size;
        self.take(size);
    }
}

#[cfg(test)]
#[path = "buffer_test.rs"]
mod buffer_test;
