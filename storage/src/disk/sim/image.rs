//! The bytes of one file, and what of them is durable.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use pelton_model::limits::BLOCK_BYTES;

use super::fault::CrashChoice;

/// What a power cut does not tear (M1 of the design).
pub(super) const SECTOR_BYTES: usize = 512;

const BLOCK: u64 = BLOCK_BYTES as u64;

type Block = Rc<[u8; BLOCK_BYTES]>;

/// Sparse content: an absent block reads as zeros, and nothing lies past the end.
#[derive(Clone, Default)]
pub(super) struct Image {
    bytes: u64,
    blocks: BTreeMap<u64, Block>,
}

impl Image {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// `None` if the range does not lie within the file.
    pub(super) fn read(&self, position: u64, bytes: usize) -> Option<Vec<u8>> {
        let end = position.checked_add(bytes as u64).filter(|end| *end <= self.bytes)?;
        let mut content = vec![0; bytes];
        if bytes == 0 {
            return Some(content);
        }
        for (&index, block) in self.blocks.range(position / BLOCK..end.div_ceil(BLOCK)) {
            let from = (index * BLOCK).max(position);
            let to = ((index + 1) * BLOCK).min(end);
            let source = &block[(from - index * BLOCK) as usize..(to - index * BLOCK) as usize];
            content[(from - position) as usize..(to - position) as usize].copy_from_slice(source);
        }
        Some(content)
    }

    /// How many blocks the file has from block `index` on.
    pub(super) fn blocks_from(&self, index: u64) -> u64 {
        self.blocks.range(index..).count() as u64
    }

    pub(super) fn has_block(&self, index: u64) -> bool {
        self.blocks.contains_key(&index)
    }

    fn write(&mut self, position: u64, blocks: &[Block]) {
        for (index, block) in (position / BLOCK..).zip(blocks) {
            self.blocks.insert(index, Rc::clone(block));
        }
        self.bytes = self.bytes.max(position + blocks.len() as u64 * BLOCK);
    }

    /// Writes the sectors that `keep` chooses and that lie before `end`.
    fn write_torn(
        &mut self,
        position: u64,
        blocks: &[Block],
        end: u64,
        mut keep: impl FnMut() -> bool,
    ) {
        for (index, block) in (position / BLOCK..).zip(blocks) {
            for at in (0..BLOCK_BYTES).step_by(SECTOR_BYTES) {
                let start = index * BLOCK + at as u64;
                if !keep() || start >= end {
                    continue;
                }
                let target = self.blocks.entry(index).or_insert_with(|| Rc::new([0; BLOCK_BYTES]));
                Rc::make_mut(target)[at..at + SECTOR_BYTES]
                    .copy_from_slice(&block[at..at + SECTOR_BYTES]);
                self.bytes = self.bytes.max((start + SECTOR_BYTES as u64).min(end));
            }
        }
        self.clear_past_the_end();
    }

    fn resize(&mut self, bytes: u64) {
        self.bytes = bytes;
        self.clear_past_the_end();
    }

    /// A later extension must read as zeros.
    fn clear_past_the_end(&mut self) {
        self.blocks.split_off(&self.bytes.div_ceil(BLOCK));
        let kept = (self.bytes % BLOCK) as usize;
        if kept > 0
            && let Some(block) = self.blocks.get_mut(&(self.bytes / BLOCK))
        {
            Rc::make_mut(block)[kept..].fill(0);
        }
    }

    fn flip_bit(&mut self, byte: u64, bit: u8) {
        if byte < self.bytes {
            let block = self.blocks.entry(byte / BLOCK);
            let block = Rc::make_mut(block.or_insert_with(|| Rc::new([0; BLOCK_BYTES])));
            block[(byte % BLOCK) as usize] ^= 1 << (bit % 8);
        }
    }
}

enum Change {
    Write {
        position: u64,
        blocks: Vec<Block>,
    },
    /// The size becomes this.
    Truncate(u64),
    /// The size becomes at least this.
    Allocate(u64),
    FlipBit {
        byte: u64,
        bit: u8,
    },
}

impl Change {
    fn apply(&self, image: &mut Image) {
        match self {
            Self::Write { position, blocks } => image.write(*position, blocks),
            Self::Truncate(bytes) => image.resize(*bytes),
            Self::Allocate(bytes) => image.resize(image.bytes.max(*bytes)),
            Self::FlipBit { byte, bit } => image.flip_bit(*byte, *bit),
        }
    }

    fn apply_by_chance(&self, image: &mut Image, choice: &mut CrashChoice) {
        match self {
            Self::Write { position, blocks } => {
                // The sectors and the new size reach the disk separately.
                let whole = position + blocks.len() as u64 * BLOCK;
                let end = if choice.keep() { whole } else { image.bytes.min(whole) };
                image.write_torn(*position, blocks, end, choice.keep_sectors());
            }
            other => {
                if choice.keep() {
                    other.apply(image);
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not yet visible to reads; a sync does not cover it.
    Running,
    Completed,
    /// A sync of it failed: no later one makes it durable.
    Doubtful,
    Durable,
}

struct Entry {
    id: u64,
    state: State,
    change: Change,
}

/// A file: what a read sees, and what a power cut leaves, as a durable image and the changes
/// since, in order. A change that is durable stays in the log while an earlier one is not.
#[derive(Default)]
pub(super) struct Inode {
    live: Image,
    durable: Image,
    log: Vec<Entry>,
    next_id: u64,
    /// Blocks from the start that `allocate` took room for.
    pub(super) reserved_blocks: u64,
}

/// Changes that a running sync covers.
pub(super) struct Covered(BTreeSet<u64>);

impl Inode {
    pub(super) fn live(&self) -> &Image {
        &self.live
    }

    /// Blocks that the file takes of the disk's room.
    pub(super) fn used_blocks(&self) -> u64 {
        self.reserved_blocks + self.live.blocks_from(self.reserved_blocks)
    }

    /// Blocks that a write or an allocation of this range would take in addition.
    pub(super) fn missing_blocks(&self, position: u64, bytes: u64) -> u64 {
        let range = position / BLOCK..(position + bytes).div_ceil(BLOCK);
        let wanted = range.start.max(self.reserved_blocks)..range.end;
        wanted.filter(|index| !self.live.has_block(*index)).count() as u64
    }

    /// Begins a write; `content` is whole blocks.
    pub(super) fn begin_write(&mut self, position: u64, content: &[u8]) -> u64 {
        let blocks = content
            .chunks_exact(BLOCK_BYTES)
            .map(|chunk| {
                let mut block = [0; BLOCK_BYTES];
                block.copy_from_slice(chunk);
                Rc::new(block)
            })
            .collect();
        self.push(State::Running, Change::Write { position, blocks })
    }

    /// Completes a write. A durable one takes the size changes before it along.
    pub(super) fn complete_write(&mut self, id: u64, durable: bool) {
        let Some(at) = self.log.iter().position(|entry| entry.id == id) else { return };
        let mut entry = self.log.remove(at);
        entry.change.apply(&mut self.live);
        entry.state = if durable { State::Durable } else { State::Completed };
        if durable {
            for earlier in &mut self.log {
                let resizes = matches!(earlier.change, Change::Truncate(_) | Change::Allocate(_));
                if resizes && earlier.state == State::Completed {
                    earlier.state = State::Durable;
                }
            }
        }
        // The log's order is that in which the changes became visible.
        self.log.push(entry);
        self.fold();
    }

    /// Fails a write: some sectors are written, unless `untouched`.
    pub(super) fn fail_write(&mut self, id: u64, untouched: bool, choice: &mut CrashChoice) {
        let Some(at) = self.log.iter().position(|entry| entry.id == id) else { return };
        if untouched {
            self.log.remove(at);
            return;
        }
        self.log[at].change.apply_by_chance(&mut self.live, choice);
        self.log[at].state = State::Doubtful;
    }

    /// What is under way has happened, whole, or never will; it is durable in neither case.
    pub(super) fn settle(&mut self, choice: &mut CrashChoice) {
        let running: Vec<u64> = self
            .log
            .iter()
            .filter(|entry| entry.state == State::Running)
            .map(|entry| entry.id)
            .collect();
        for id in running {
            if choice.keep() {
                self.complete_write(id, false);
            } else {
                self.log.retain(|entry| entry.id != id);
            }
        }
        self.fold();
    }

    pub(super) fn truncate(&mut self, bytes: u64) {
        self.reserved_blocks = self.reserved_blocks.min(bytes.div_ceil(BLOCK));
        self.change(State::Completed, Change::Truncate(bytes));
    }

    pub(super) fn allocate(&mut self, total_bytes: u64) {
        self.reserved_blocks = self.reserved_blocks.max(total_bytes.div_ceil(BLOCK));
        self.change(State::Completed, Change::Allocate(total_bytes));
    }

    /// Rot: at once, and durable.
    pub(super) fn flip_bit(&mut self, byte: u64, bit: u8) {
        self.change(State::Durable, Change::FlipBit { byte, bit });
        self.fold();
    }

    /// A sync covers what has completed when it begins.
    pub(super) fn begin_sync(&self) -> Covered {
        let completed = self.log.iter().filter(|entry| entry.state == State::Completed);
        Covered(completed.map(|entry| entry.id).collect())
    }

    pub(super) fn end_sync(&mut self, covered: &Covered, succeeded: bool) {
        let state = if succeeded { State::Durable } else { State::Doubtful };
        for entry in &mut self.log {
            if entry.state == State::Completed && covered.0.contains(&entry.id) {
                entry.state = state;
            }
        }
        self.fold();
    }

    /// The file as a power cut leaves it, all of it durable.
    pub(super) fn after_crash(&self, choice: &mut CrashChoice) -> Self {
        let mut image = self.durable.clone();
        for entry in &self.log {
            match entry.state {
                State::Durable => entry.change.apply(&mut image),
                _ => entry.change.apply_by_chance(&mut image, choice),
            }
        }
        let reserved_blocks = self.reserved_blocks.min(image.bytes.div_ceil(BLOCK));
        Self { live: image.clone(), durable: image, log: Vec::new(), next_id: 0, reserved_blocks }
    }

    fn change(&mut self, state: State, change: Change) {
        change.apply(&mut self.live);
        self.push(state, change);
    }

    fn push(&mut self, state: State, change: Change) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.log.push(Entry { id, state, change });
        id
    }

    /// Moves the log's durable beginning into the durable image.
    fn fold(&mut self) {
        let durable = self.log.iter().take_while(|entry| entry.state == State::Durable).count();
        for entry in self.log.drain(..durable) {
            entry.change.apply(&mut self.durable);
        }
    }
}
