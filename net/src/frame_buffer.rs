//! Memory of one frame while it is received.
//!
//! A length is a claim: 100 MiB announced and 10 bytes sent must not cost 100 MiB. So a frame above
//! 64 KiB starts with 64 KiB and doubles as bytes really arrive. Large blocks are kept and reused,
//! because touching fresh pages costs more than receiving into them (R6); a kept block of the
//! whole size is taken at once, it costs nothing new.

use std::cell::RefCell;

use bytes::Bytes;
use pelton_model::limits::SMALL_FRAME_BYTES;

/// Blocks are powers of two from 64 KiB (2^16) to 16 MiB (2^24); larger ones are not kept.
const BLOCK_LOG2_MIN: u32 = SMALL_FRAME_BYTES.trailing_zeros();
const BLOCK_LOG2_MAX: u32 = 24;
const CLASS_COUNT: usize = (BLOCK_LOG2_MAX - BLOCK_LOG2_MIN + 1) as usize;

/// What a shard keeps of blocks that nobody uses. It is beside the budget, so it is small: enough
/// for the frames of a few dozen busy connections.
const KEPT_BYTES_MAX: usize = 32 << 20;

const _: () = assert!(SMALL_FRAME_BYTES.is_power_of_two());
const _: () = assert!(1usize << BLOCK_LOG2_MAX <= KEPT_BYTES_MAX);

/// A frame in the making.
pub(crate) struct FrameBuffer {
    memory: Memory,
    filled: usize,
    total: usize,
}

enum Memory {
    /// Exactly the frame's size.
    Small(Vec<u8>),
    Large(Block),
}

impl FrameBuffer {
    /// Room for `total` bytes, of which `first` have been received.
    pub(crate) fn new(total: usize, first: &[u8]) -> Self {
        debug_assert!(first.len() <= total);
        let mut memory = if total <= SMALL_FRAME_BYTES {
            Memory::Small(vec![0; total])
        } else {
            Memory::Large(
                Block::kept(total)
                    .unwrap_or_else(|| Block::new(first.len().max(SMALL_FRAME_BYTES))),
            )
        };
        let filled = first.len().min(total);
        if let (Some(to), Some(from)) = (memory.bytes_mut().get_mut(..filled), first.get(..filled))
        {
            to.copy_from_slice(from);
        }
        Self { memory, filled, total }
    }

    /// Bytes received.
    pub(crate) fn filled(&self) -> usize {
        self.filled
    }

    pub(crate) fn is_full(&self) -> bool {
        self.filled == self.total
    }

    /// Where the next bytes go; not empty unless the frame is full.
    pub(crate) fn unfilled(&mut self) -> &mut [u8] {
        let (filled, total) = (self.filled, self.total);
        if let Memory::Large(block) = &mut self.memory
            && filled == block.0.len()
            && filled < total
        {
            let target = (filled * 2).min(total);
            let mut larger = Block::kept(total).unwrap_or_else(|| Block::new(target));
            if let Some(start) = larger.0.get_mut(..filled) {
                start.copy_from_slice(&block.0);
            }
            *block = larger;
        }
        let bytes = self.memory.bytes_mut();
        let end = bytes.len().min(total);
        bytes.get_mut(filled..end).unwrap_or_default()
    }

    /// `bytes` of what [`FrameBuffer::unfilled`] gave have been filled.
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.filled = (self.filled + bytes).min(self.total);
    }

    /// The bytes received, without a copy.
    pub(crate) fn freeze(self) -> Bytes {
        let bytes = match self.memory {
            Memory::Small(bytes) => Bytes::from(bytes),
            Memory::Large(block) => Bytes::from_owner(block),
        };
        bytes.slice(..self.filled.min(bytes.len()))
    }

    #[cfg(test)]
    fn allocated_bytes(&self) -> usize {
        match &self.memory {
            Memory::Small(bytes) => bytes.len(),
            Memory::Large(block) => block.0.len(),
        }
    }
}

impl Memory {
    fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Memory::Small(bytes) => bytes,
            Memory::Large(block) => &mut block.0,
        }
    }
}

/// Memory that goes to the thread's kept blocks when its last user drops it. A frame's bytes come
/// back to their shard with the reply, so that is the shard that allocated it (R6).
struct Block(Vec<u8>);

impl Block {
    /// At least `bytes`, rounded up to a class if it has one.
    fn new(bytes: usize) -> Self {
        let rounded = match class_of(bytes) {
            Some(class) => 1 << (class as u32 + BLOCK_LOG2_MIN),
            None => bytes,
        };
        KEPT.with_borrow_mut(|kept| kept.take(rounded)).map_or_else(|| Self(vec![0; rounded]), Self)
    }

    /// A block that has room for `bytes` and is there already.
    fn kept(bytes: usize) -> Option<Self> {
        KEPT.with_borrow_mut(|kept| kept.take(bytes)).map(Self)
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.0);
        // At the thread's end the store may be gone; then the block is simply freed.
        let _ = KEPT.try_with(|kept| kept.borrow_mut().put(bytes));
    }
}

thread_local! {
    static KEPT: RefCell<Kept> = const { RefCell::new(Kept::new()) };
}

struct Kept {
    classes: [Vec<Vec<u8>>; CLASS_COUNT],
    bytes: usize,
}

impl Kept {
    const fn new() -> Self {
        Self { classes: [const { Vec::new() }; CLASS_COUNT], bytes: 0 }
    }

    fn take(&mut self, bytes: usize) -> Option<Vec<u8>> {
        let block = self.classes.get_mut(class_of(bytes)?)?.pop()?;
        self.bytes -= block.len();
        Some(block)
    }

    fn put(&mut self, block: Vec<u8>) {
        if !block.len().is_power_of_two() || self.bytes + block.len() > KEPT_BYTES_MAX {
            return;
        }
        if let Some(class) = class_of(block.len()).and_then(|class| self.classes.get_mut(class)) {
            self.bytes += block.len();
            class.push(block);
        }
    }
}

/// The smallest class whose blocks hold `bytes`.
fn class_of(bytes: usize) -> Option<usize> {
    let log2 = bytes.checked_next_power_of_two()?.trailing_zeros().max(BLOCK_LOG2_MIN);
    (log2 <= BLOCK_LOG2_MAX).then_some((log2 - BLOCK_LOG2_MIN) as usize)
}

#[cfg(test)]
#[path = "frame_buffer_test.rs"]
mod frame_buffer_test;
