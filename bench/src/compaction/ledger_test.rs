use pelton_model::batch::{BatchHeader, Records, split_batch};
use pelton_model::compression::decompress_bounded;
use pelton_model::{Compression, TimestampMs};

use super::*;

const FILLING: Filling = Filling { partition: 3, records: 500, keys: 40, value_bytes: 60, seed: 9 };

type Stored = (i64, Vec<u8>, Vec<u8>);

/// As they come out of the batches that the partition is filled with.
fn written() -> Vec<Stored> {
    let mut stored: Vec<Stored> = Vec::new();
    for first in (0..FILLING.records).step_by(100) {
        let bytes = FILLING.batch(first, 100, Compression::Lz4, TimestampMs::new(1));
        let batch = split_batch(&bytes).unwrap().unwrap();
        let body = &bytes[BatchHeader::BYTES..];
        let body = decompress_bounded(Compression::Lz4, body, 1 << 20).unwrap();
        for record in Records::new(&batch.header, &body) {
            let record = record.unwrap();
            let (key, value) = (record.key.unwrap().to_vec(), record.value.unwrap().to_vec());
            stored.push((stored.len() as i64, key, value));
        }
    }
    stored
}

/// What stays when only the newest of each key stays.
fn compacted() -> Vec<Stored> {
    let mut seen = std::collections::BTreeSet::new();
    let mut stored: Vec<Stored> =
        written().into_iter().rev().filter(|(_, key, _)| seen.insert(key.clone())).collect();
    stored.reverse();
    stored
}

fn verdict(stored: &[Stored]) -> Verdict {
    let mut ledger = Ledger::new(FILLING);
    // Twice, for what a reading leaves behind.
    for _ in 0..2 {
        ledger.begin_again();
        for (offset, key, value) in stored {
            ledger.read(*offset, Some(key), Some(value));
        }
        ledger.read(FILLING.records as i64, Some(&[0; 16]), None);
    }
    ledger.verdict()
}

#[test]
fn a_log_with_the_newest_of_each_key_is_compacted() {
    let compacted = compacted();
    assert!((30..=40).contains(&compacted.len()), "keys are drawn by chance");
    let records = compacted.len() as u64;
    let expected = Verdict { records, load_records: 1, ..Verdict::default() };
    assert_eq!(verdict(&compacted), expected);
    assert!(expected.is_compacted());
}

#[test]
fn older_records_are_told_and_lose_nothing() {
    let found = verdict(&written());
    let left = compacted().len() as u64;
    assert_eq!((found.replaced_records, found.missing_keys), (500 - left, 0));
    assert!(found.is_sound() && !found.is_compacted());
}

#[test]
fn what_is_gone_changed_moved_or_doubled_is_found() {
    let mut stored = compacted();
    let lost = stored.remove(5);
    assert_eq!(verdict(&stored).missing_keys, 1);
    // An older record of the same key does not replace it.
    let older = written().into_iter().find(|(at, key, _)| *key == lost.1 && *at != lost.0);
    let found = verdict(&[stored.clone(), vec![older.unwrap()]].concat());
    assert_eq!((found.missing_keys, found.replaced_records), (1, 1));

    let with = |change: fn(&mut Stored)| {
        let mut stored = compacted();
        change(&mut stored[7]);
        verdict(&stored).wrong_records
    };
    assert_eq!(with(|(_, _, value)| value[50] ^= 1), 1);
    assert_eq!(with(|(_, key, _)| key[5] ^= 1), 1);
    assert_eq!(with(|(_, key, _)| key[7] ^= 1), 1, "a key of another partition");
    assert_eq!(with(|(offset, _, _)| *offset -= 1), 1);
    assert_eq!(with(|(offset, _, _)| *offset = -1), 1);
    let twice = [compacted(), compacted()[..1].to_vec()].concat();
    assert_eq!(verdict(&twice).wrong_records, 1);
}
