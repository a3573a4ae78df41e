//! The newest offset of every key, in bounded memory.

use super::KeyHash;
use crate::ids::Offset;

/// Keys are dealt out to tables that grow on their own, so that no growth moves more entries than
/// a core has time for (R8), and few keys take little memory.
const TABLE_BYTES: usize = 64 << 10;

/// Beyond it tables only cost; a bound of 256 MiB and more gets larger ones.
const TABLES_MAX: usize = 4096;

const SLOT_BYTES: usize = size_of::<Slot>();

/// The least slots that a table has.
const SLOTS_MIN: usize = 4;

/// Where each key was last seen, and up to where the log was looked at.
pub struct OffsetMap {
    tables: Vec<Table>,
    keys: usize,
    bytes: usize,
    bytes_max: usize,
    end: Offset,
}

/// There is no memory for another key: the log is looked at no further in this pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MapFull;

impl OffsetMap {
    /// A map for the log from `start` on that never takes more than `bytes_max` bytes, or as much
    /// as one key needs.
    pub fn new(start: Offset, bytes_max: usize) -> Self {
        let tables = (bytes_max / TABLE_BYTES).clamp(1, TABLES_MAX);
        let tables = 1 << tables.ilog2();
        Self {
            tables: (0..tables).map(|_| Table::default()).collect(),
            keys: 0,
            bytes: 0,
            bytes_max,
            end: start,
        }
    }

    /// Notes that `key` stands at `offset`, which is above all offsets before.
    pub fn put(&mut self, key: KeyHash, offset: Offset) -> Result<(), MapFull> {
        debug_assert!(offset >= self.end, "the log is walked in order");
        let at = self.table_of(key);
        let table = &mut self.tables[at];
        let mut slot = table.slot_of(key);
        if table.is_key(slot, key) {
            table.slots[slot].offset = offset;
        } else {
            if table.is_full() {
                let growth = table.growth() * SLOT_BYTES;
                if self.keys > 0 && self.bytes + growth > self.bytes_max {
                    return Err(MapFull);
                }
                table.grow();
                self.bytes += growth;
                slot = table.slot_of(key);
            }
            table.slots[slot] = Slot { key, offset };
            table.keys += 1;
            self.keys += 1;
        }
        self.end = offset.plus(1);
        Ok(())
    }

    /// [`OffsetMap::put`] of each, in order, up to the first that fails.
    pub fn put_all(&mut self, keys: &[(KeyHash, Offset)]) -> Result<(), MapFull> {
        self.touch(keys.iter().map(|(key, _)| *key));
        keys.iter().try_for_each(|(key, offset)| self.put(*key, *offset))
    }

    /// Brings what lookups of these keys will read into the processor's cache. The map is larger than
    /// that; a miss takes longer than all else that is done with a record, but misses that do not
    /// wait for one another take hardly longer than one. Some dozens of keys are a good number.
    pub fn touch(&self, keys: impl Iterator<Item = KeyHash>) {
        let mut read = Offset::ZERO;
        for key in keys {
            let slots = &self.tables[self.table_of(key)].slots;
            let first = key.low as usize & slots.len().wrapping_sub(1);
            read = read.max(slots.get(first).map_or(Offset::ZERO, |slot| slot.offset));
        }
        std::hint::black_box(read);
    }

    /// Everything below `end` was looked at, also where there were no keys.
    pub fn advance(&mut self, end: Offset) {
        self.end = self.end.max(end);
    }

    pub fn newest(&self, key: KeyHash) -> Option<Offset> {
        let table = &self.tables[self.table_of(key)];
        let slot = table.slot_of(key);
        table.is_key(slot, key).then(|| table.slots[slot].offset)
    }

    /// One past the last offset that was looked at: of what lies above, nothing is known.
    pub fn end(&self) -> Offset {
        self.end
    }

    pub fn keys(&self) -> usize {
        self.keys
    }

    /// What the tables take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn table_of(&self, key: KeyHash) -> usize {
        // The tables are a power of two; their own hash is the other half of the key's.
        key.high as usize & (self.tables.len() - 1)
    }
}

/// An open table: a key stands in the slot that its hash names, or behind it. One lookup touches one
/// cache line, or its neighbour; a table of the standard library touches three that are far apart,
/// which is what a compaction's time went to.
#[derive(Default)]
struct Table {
    /// A power of two, or none. At least a quarter of them are empty.
    slots: Vec<Slot>,
    keys: usize,
}

#[derive(Clone, Copy)]
struct Slot {
    key: KeyHash,
    /// Negative: empty.
    offset: Offset,
}

impl Slot {
    const EMPTY: Slot = Slot { key: KeyHash { high: 0, low: 0 }, offset: Offset::new(-1) };
}

impl Table {
    /// Where a key is, or would be put if there is room; 0 in a table without slots.
    fn slot_of(&self, key: KeyHash) -> usize {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = key.low as usize & mask;
        while let Some(slot) = self.slots.get(at) {
            if slot.key == key || slot.offset == Slot::EMPTY.offset {
                return at;
            }
            at = (at + 1) & mask;
        }
        0
    }

    fn is_key(&self, at: usize, key: KeyHash) -> bool {
        self.slots.get(at).is_some_and(|it| it.key == key && it.offset != Slot::EMPTY.offset)
    }

    fn is_full(&self) -> bool {
        self.keys >= self.slots.len() / 4 * 3
    }

    /// Slots that [`Table::grow`] adds.
    fn growth(&self) -> usize {
        self.slots.len().max(SLOTS_MIN)
    }

    fn grow(&mut self) {
        let count = self.slots.len() + self.growth();
        let old = std::mem::replace(&mut self.slots, vec![Slot::EMPTY; count]);
        for slot in old.into_iter().filter(|slot| slot.offset != Slot::EMPTY.offset) {
            let at = self.slot_of(slot.key);
            self.slots[at] = slot;
        }
    }
}

#[cfg(test)]
#[path = "offset_map_test.rs"]
mod offset_map_test;
