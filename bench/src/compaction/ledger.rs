//! What compaction has to leave of one partition, and what is found: the map that the log is held
//! against.

use serde::Serialize;

use super::filling::{Filling, INDEX_BYTES, KEY_BYTES};

const NONE: u64 = u64::MAX;

/// What was found in all partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Of those that the partitions were filled with, what is left.
    pub records: u64,
    /// Of the load.
    pub load_records: u64,
    /// Keys whose newest record is gone.
    pub missing_keys: u64,
    /// Records that a newer one of the same key has replaced.
    pub replaced_records: u64,
    /// Records that are not what was written at their offsets, or are there twice.
    pub wrong_records: u64,
}

impl Verdict {
    /// Nothing is lost or changed.
    pub fn is_sound(&self) -> bool {
        self.missing_keys == 0 && self.wrong_records == 0
    }

    /// And nothing is there that compaction removes.
    pub fn is_compacted(&self) -> bool {
        self.is_sound() && self.replaced_records == 0
    }

    pub(super) fn add(&mut self, other: &Verdict) {
        self.records += other.records;
        self.load_records += other.load_records;
        self.missing_keys += other.missing_keys;
        self.replaced_records += other.replaced_records;
        self.wrong_records += other.wrong_records;
    }
}

/// Of one partition.
#[derive(Debug)]
pub(super) struct Ledger {
    filling: Filling,
    /// By key, the index of its newest record.
    newest: Vec<u64>,
    is_seen: Vec<bool>,
    found: Verdict,
    value: Vec<u8>,
}

impl Ledger {
    pub fn new(filling: Filling) -> Self {
        let keys = usize::try_from(filling.keys).unwrap_or(usize::MAX);
        let mut newest = vec![NONE; keys];
        for index in 0..filling.records {
            newest[filling.key_of(index) as usize] = index;
        }
        let (is_seen, found, value) = (vec![false; keys], Verdict::default(), Vec::new());
        Self { filling, newest, is_seen, found, value }
    }

    /// The log is read once more.
    pub fn begin_again(&mut self) {
        self.is_seen.fill(false);
        self.found = Verdict::default();
    }

    pub fn read(&mut self, offset: i64, key: Option<&[u8]>, value: Option<&[u8]>) {
        let Some(key) = key.filter(|key| key.len() == KEY_BYTES) else {
            self.found.load_records += 1;
            return;
        };
        self.found.records += 1;
        let Some(number) = self.written_there(offset, key, value) else {
            self.found.wrong_records += 1;
            return;
        };
        if self.newest[number] != offset as u64 {
            self.found.replaced_records += 1;
        } else if std::mem::replace(&mut self.is_seen[number], true) {
            self.found.wrong_records += 1;
        }
    }

    /// The record's key, if this is what was written at the offset.
    fn written_there(&mut self, offset: i64, key: &[u8], value: Option<&[u8]>) -> Option<usize> {
        let index = u64::try_from(offset).ok().filter(|index| *index < self.filling.records)?;
        let number = self.filling.number_of(key)?;
        let value = value.filter(|value| value.len() >= INDEX_BYTES)?;
        self.filling.write_value(index, &mut self.value);
        let is_it = self.filling.key_of(index) == number && value == self.value;
        is_it.then_some(number as usize)
    }

    /// When all has been read.
    pub fn verdict(&self) -> Verdict {
        let is_missing = |(newest, is_seen): &(&u64, &bool)| **newest != NONE && !**is_seen;
        let missing = self.newest.iter().zip(&self.is_seen).filter(is_missing).count();
        Verdict { missing_keys: missing as u64, ..self.found.clone() }
    }
}

#[cfg(test)]
#[path = "ledger_test.rs"]
mod ledger_test;
