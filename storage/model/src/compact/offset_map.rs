//! The newest offset of every key, in bounded memory.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::KeyHash;
use crate::ids::Offset;

/// Keys are dealt out to tables that grow on their own, so that no growth moves more entries than
/// a core has time for (R8), and few keys take little memory.
const TABLE_BYTES: usize = 64 << 10;

/// Beyond it tables only cost; a bound of 256 MiB and more gets larger ones.
const TABLES_MAX: usize = 4096;

/// A slot: hash and offset, and the table's own byte.
const SLOT_BYTES: usize = 25;

/// The least slots that a table has.
const SLOTS_MIN: usize = 4;

/// Where each key was last seen, and up to where the log was looked at.
pub struct OffsetMap {
    tables: Vec<HashMap<KeyHash, Offset, BuildHasherDefault<AsItIs>>>,
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
            tables: (0..tables).map(|_| HashMap::default()).collect(),
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
        if let Some(newest) = table.get_mut(&key) {
            *newest = offset;
        } else {
            let before = slots(table.capacity());
            let grows = table.len() == table.capacity();
            let after = if grows { (before * 2).max(SLOTS_MIN) } else { before };
            let growth = (after - before) * SLOT_BYTES;
            if growth > 0 && self.keys > 0 && self.bytes + growth > self.bytes_max {
                return Err(MapFull);
            }
            table.insert(key, offset);
            self.bytes += growth;
            self.keys += 1;
        }
        self.end = offset.plus(1);
        Ok(())
    }

    /// Everything below `end` was looked at, also where there were no keys.
    pub fn advance(&mut self, end: Offset) {
        self.end = self.end.max(end);
    }

    pub fn newest(&self, key: KeyHash) -> Option<Offset> {
        self.tables[self.table_of(key)].get(&key).copied()
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

/// Slots of a table of the standard library that holds `capacity` entries: seven eighths are used,
/// and in the smallest all but one.
fn slots(capacity: usize) -> usize {
    if capacity == 0 { 0 } else { (capacity * 8).div_ceil(7).next_power_of_two() }
}

/// Keys are hashes already.
#[derive(Clone, Copy, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
#[path = "offset_map_test.rs"]
mod offset_map_test;
