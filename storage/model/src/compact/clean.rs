//! What compaction leaves of one batch.

use std::ops::Range;

use super::{BatchRewriter, KeyHash, KeyHasher, OffsetMap};
use crate::batch::{BatchHeader, Records, TimestampType};
use crate::ids::{Offset, TimestampMs};

/// What a pass knows, for all of its batches.
#[derive(Clone, Copy)]
pub struct CleanRules<'a> {
    pub map: &'a OffsetMap,
    pub hasher: &'a KeyHasher,
    pub now: TimestampMs,
    /// `delete.retention.ms`
    pub delete_retention_ms: i64,
}

/// What takes a batch's place.
#[derive(Debug)]
pub enum Cleaned<'a> {
    AsItIs,
    /// What it is to make.
    Rewritten(Box<BatchRewriter<'a>>),
    /// Nothing.
    Gone,
}

/// The cleaning of one batch, which may be done in slices.
///
/// - A record goes when the map knows a later one of its key; so does one without a key, for which
///   there is no reason to stay in a compacted log. What the map has not seen stays.
/// - A tombstone that is its key's newest goes when the batch's *delete horizon* has come, which
///   is set, `delete.retention.ms` ahead, when a batch with tombstones is cleaned first (KIP-534).
/// - Offsets, timestamps, producer, epoch, sequences and codec stay, and so does the last offset
///   delta: from it and the base sequence comes the producer's last sequence.
/// - Control batches stay whole: without transactions there is no saying when they may go. So does
///   a batch that cannot be unpacked: its readers must see the same.
#[derive(Debug)]
pub struct BatchCleaner<'a> {
    header: BatchHeader,
    bytes: &'a [u8],
    records: Records<'a>,
    /// Of `bytes`, neighbours joined.
    kept: Vec<Range<usize>>,
    kept_count: i32,
    removed_count: i32,
    max_timestamp: Option<TimestampMs>,
    has_tombstones: bool,
    is_unreadable: bool,
    /// What [`BatchCleaner::step`] looks up at once.
    seen: Vec<Seen>,
}

/// A record that was read.
#[derive(Debug)]
struct Seen {
    range: Range<usize>,
    offset: Offset,
    key: Option<KeyHash>,
    has_value: bool,
    timestamp_delta: i64,
}

/// Keys whose lookups do not wait for one another; see [`OffsetMap::touch`].
const LOOKUPS_AT_ONCE: usize = 32;

impl<'a> BatchCleaner<'a> {
    /// Of a batch and what [`record_bytes`](crate::batch::record_bytes) gave for it.
    pub fn new(header: &BatchHeader, bytes: &'a [u8]) -> Self {
        Self {
            header: *header,
            bytes,
            records: Records::new(header, bytes),
            kept: Vec::new(),
            kept_count: 0,
            removed_count: 0,
            max_timestamp: None,
            has_tombstones: false,
            is_unreadable: header.is_control(),
            seen: Vec::new(),
        }
    }

    /// Looks at up to `count_max` more records; false when it has seen all of them.
    pub fn step(&mut self, rules: &CleanRules<'_>, count_max: usize) -> bool {
        let mut left = count_max;
        while left > 0 {
            let mut seen = std::mem::take(&mut self.seen);
            let goes_on = self.read_some(rules, left.min(LOOKUPS_AT_ONCE), &mut seen);
            rules.map.touch(seen.iter().filter_map(|record| record.key));
            left -= seen.len();
            for record in seen.drain(..) {
                self.decide(rules, record);
            }
            self.seen = seen;
            if !goes_on {
                return false;
            }
        }
        true
    }

    /// False when there are no more.
    fn read_some(
        &mut self,
        rules: &CleanRules<'_>,
        count_max: usize,
        seen: &mut Vec<Seen>,
    ) -> bool {
        while seen.len() < count_max {
            if self.is_unreadable {
                return false;
            }
            let from = self.bytes.len() - self.records.unread_bytes();
            let record = match self.records.next() {
                None => return false,
                Some(Err(_)) => {
                    self.is_unreadable = true;
                    return false;
                }
                Some(Ok(record)) => record,
            };
            seen.push(Seen {
                range: from..self.bytes.len() - self.records.unread_bytes(),
                offset: self.header.base_offset.plus(i64::from(record.offset_delta)),
                key: record.key.map(|key| rules.hasher.hash(key)),
                has_value: record.value.is_some(),
                timestamp_delta: record.timestamp_delta,
            });
        }
        true
    }

    fn decide(&mut self, rules: &CleanRules<'_>, record: Seen) {
        if !self.retains(rules, &record) {
            self.removed_count += 1;
            return;
        }
        match self.kept.last_mut() {
            Some(last) if last.end == record.range.start => last.end = record.range.end,
            _ => self.kept.push(record.range),
        }
        self.kept_count += 1;
        self.has_tombstones |= !record.has_value;
        let timestamp = self.header.timestamp_of(record.timestamp_delta);
        self.max_timestamp = self.max_timestamp.max(Some(timestamp));
    }

    fn retains(&self, rules: &CleanRules<'_>, record: &Seen) -> bool {
        if record.offset >= rules.map.end() {
            return true;
        }
        let Some(key) = record.key else { return false };
        let newest = rules.map.newest(key);
        let is_newest = newest.is_none_or(|newest| record.offset >= newest);
        let is_due = || self.header.delete_horizon().is_some_and(|horizon| rules.now >= horizon);
        is_newest && (record.has_value || !is_due())
    }

    /// Records that go.
    pub fn removed_count(&self) -> usize {
        if self.is_unreadable { 0 } else { self.removed_count as usize }
    }

    /// The result, once all records were looked at. `keep_empty`: the batch stays, if need be
    /// without records, for its producer's last sequence or for the log's last offset.
    pub fn finish(self, rules: &CleanRules<'_>, keep_empty: bool) -> Cleaned<'a> {
        if self.is_unreadable {
            return Cleaned::AsItIs;
        }
        if self.kept_count == 0 {
            return match keep_empty {
                false => Cleaned::Gone,
                true if self.header.record_count == 0 => Cleaned::AsItIs,
                true => {
                    let rewriter = BatchRewriter::new(self.without_records(), &[], Vec::new());
                    Cleaned::Rewritten(Box::new(rewriter))
                }
            };
        }
        let header = BatchHeader {
            record_count: self.kept_count,
            max_timestamp: self.max_timestamp(),
            ..self.header
        };
        let starts_horizon = self.has_tombstones && header.delete_horizon().is_none();
        if starts_horizon {
            let horizon = rules.now.get().saturating_add(rules.delete_retention_ms);
            let rewriter = BatchRewriter::new(header, self.bytes, self.kept)
                .with_horizon(TimestampMs::new(horizon));
            return Cleaned::Rewritten(Box::new(rewriter));
        }
        if self.removed_count == 0 {
            return Cleaned::AsItIs;
        }
        Cleaned::Rewritten(Box::new(BatchRewriter::new(header, self.bytes, self.kept)))
    }

    /// As Kafka writes it: no base timestamp, no codec, the maximum timestamp as it was.
    fn without_records(&self) -> BatchHeader {
        let dropped = BatchHeader::COMPRESSION_MASK | BatchHeader::DELETE_HORIZON;
        BatchHeader {
            attributes: self.header.attributes & !dropped,
            base_timestamp: TimestampMs::new(-1),
            record_count: 0,
            ..self.header
        }
    }

    fn max_timestamp(&self) -> TimestampMs {
        match self.header.timestamp_type() {
            TimestampType::CreateTime => self.max_timestamp.unwrap_or(self.header.max_timestamp),
            TimestampType::LogAppendTime => self.header.max_timestamp,
        }
    }
}

#[cfg(test)]
#[path = "clean_test.rs"]
mod clean_test;
