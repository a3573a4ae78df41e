use std::collections::HashMap;

use super::{OffsetMap, SLOT_BYTES, SLOTS_MIN};
use crate::compact::{KeyHash, KeyHasher};
use crate::ids::Offset;

fn hash(number: u64) -> KeyHash {
    KeyHasher::new([7; 16]).hash(&number.to_le_bytes())
}

#[test]
fn the_newest_offset_of_each_key_counts() {
    let mut map = OffsetMap::new(Offset::new(100), 1 << 20);
    assert_eq!((map.end(), map.keys()), (Offset::new(100), 0));
    for at in 0..5000 {
        map.put(hash(at % 700), Offset::new(100 + at as i64)).expect("room");
    }
    assert_eq!((map.end(), map.keys()), (Offset::new(5100), 700));
    for key in 0..700 {
        let newest = (0..5000).rev().find(|at| at % 700 == key).expect("seen");
        assert_eq!(map.newest(hash(key)), Some(Offset::new(100 + newest as i64)));
    }
    assert_eq!(map.newest(hash(700)), None);
    map.advance(Offset::new(5050));
    assert_eq!(map.end(), Offset::new(5100));
    map.advance(Offset::new(6000));
    assert_eq!(map.end(), Offset::new(6000));
}

#[test]
fn a_full_map_knows_what_it_has_seen_and_takes_known_keys() {
    for bytes_max in [0, 1000, 100_000, 1 << 20] {
        let mut map = OffsetMap::new(Offset::ZERO, bytes_max);
        let mut count = 0;
        while map.put(hash(count), Offset::new(count as i64)).is_ok() {
            count += 1;
        }
        // One key at least, or no pass would ever get on.
        assert!(count >= 1);
        assert!(map.bytes() <= bytes_max.max(4 * SLOT_BYTES), "{} of {bytes_max}", map.bytes());
        assert!(count as usize * 24 * 4 > bytes_max, "{count} keys in {bytes_max} bytes");
        assert_eq!((map.end(), map.keys()), (Offset::new(count as i64), count as usize));
        let again = Offset::new(1 << 40);
        map.put(hash(0), again).expect("a known key");
        assert_eq!(map.newest(hash(0)), Some(again));
    }
}

/// What is counted is what is allocated.
#[test]
fn the_bytes_that_are_counted_are_those_of_the_slots() {
    let mut map = OffsetMap::new(Offset::ZERO, 4 << 20);
    for at in 0..3000 {
        map.put(hash(at), Offset::new(at as i64)).expect("room");
        if at % 100 == 0 {
            let slots: usize = map.tables.iter().map(|table| table.slots.len()).sum();
            assert_eq!(map.bytes(), slots * SLOT_BYTES);
        }
    }
}

/// Keys whose hashes name the same slot, the last one among them, stand behind one another.
#[test]
fn keys_of_one_slot_are_told_apart() {
    let mut map = OffsetMap::new(Offset::ZERO, 1 << 20);
    let mut model = HashMap::new();
    for at in 0..2000u64 {
        let key = KeyHash { high: at << 32, low: u64::MAX - at % 3 };
        let offset = Offset::new(at as i64);
        map.put(key, offset).expect("room");
        model.insert((key.high, key.low), offset);
    }
    assert_eq!(map.keys(), model.len());
    for ((high, low), offset) in model {
        assert_eq!(map.newest(KeyHash { high, low }), Some(offset));
    }
    assert_eq!(map.newest(KeyHash { high: 1, low: u64::MAX }), None);
    let zero = KeyHash { high: 0, low: 0 };
    assert_eq!(map.newest(zero), None, "an empty slot is no key of zeros");
    map.put(zero, Offset::new(5000)).expect("room");
    assert_eq!(map.newest(zero), Some(Offset::new(5000)));
}

/// A bound below one table's first slots lets those be used up: the pass gets on by as many keys.
#[test]
fn the_first_slots_are_used_up_whatever_the_bound() {
    let mut map = OffsetMap::new(Offset::ZERO, 1);
    let room = SLOTS_MIN as u64 - 1;
    for at in 0..room {
        map.put(hash(at), Offset::new(at as i64)).expect("a slot that is there");
    }
    assert!(map.put(hash(room), Offset::new(room as i64)).is_err());
}

/// R8: one table of all keys would move them all when it grows.
#[test]
fn keys_are_dealt_out_to_all_tables() {
    let mut map = OffsetMap::new(Offset::ZERO, 16 << 20);
    let count = 100_000;
    for at in 0..count {
        map.put(hash(at), Offset::new(at as i64)).expect("room");
    }
    assert_eq!(map.tables.len(), 256);
    let fair = count as usize / map.tables.len();
    for table in &map.tables {
        assert!(table.keys > fair / 2 && table.keys < fair * 2, "{} of {count}", table.keys);
    }
}

#[test]
fn a_map_takes_all_of_the_bytes_that_it_may() {
    let mut map = OffsetMap::new(Offset::ZERO, 2 * SLOTS_MIN * SLOT_BYTES);
    let count =
        (0..100).take_while(|at| map.put(hash(*at), Offset::new(*at as i64)).is_ok()).count();
    assert_eq!((count, map.bytes()), (2 * SLOTS_MIN * 3 / 4, 2 * SLOTS_MIN * SLOT_BYTES));
}
