//! What stands in a record: its number, and bytes that follow from the number and the partition,
//! so that a record read anywhere can be told from every other one.

use pelton_model::TopicId;

use super::{Partition, RecordId};

/// Most values are short. A batch of long ones is larger than a journal's file, yet fits into the
/// smallest segment.
const FILLER_BYTES_MAX: u64 = 200;
const LARGE_ONE_IN: u64 = 40;
const LARGE_FILLER_BYTES: usize = 2_400;

/// A record's value.
pub fn value(record: RecordId, (topic, index): Partition) -> Vec<u8> {
    let draw = mix(record);
    let filler = match draw % LARGE_ONE_IN {
        0 => LARGE_FILLER_BYTES,
        _ => ((draw >> 32) % FILLER_BYTES_MAX) as usize,
    };
    let mut value = Vec::with_capacity(28 + filler);
    value.extend_from_slice(&record.to_be_bytes());
    value.extend_from_slice(topic.as_bytes());
    value.extend_from_slice(&index.to_be_bytes());
    value.extend((0..filler).map(|at| (draw >> (at % 8 * 8)) as u8 ^ at as u8));
    value
}

/// The record whose value this is, if it is one that could have been sent to the partition.
pub fn record(value: Option<&[u8]>, partition: Partition) -> Option<RecordId> {
    let value_read = value?;
    let record = RecordId::from_be_bytes(*value_read.first_chunk()?);
    (value_read == self::value(record, partition)).then_some(record)
}

/// A key for some records.
pub fn key(record: RecordId) -> Option<[u8; 8]> {
    (mix(record) & 1 == 0).then(|| record.to_be_bytes())
}

/// splitmix64's finaliser.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// For tests.
pub fn some_partition(number: u8) -> Partition {
    (TopicId::from_bytes([number; 16]), 0)
}

#[cfg(test)]
#[path = "content_test.rs"]
mod content_test;
