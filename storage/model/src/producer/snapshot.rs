//! Producer state as it lies in a shard's state file. All numbers are big-endian.
//!
//! ```text
//! u8   format: 0
//! u32  producers, by rising id:
//!      i64  id
//!      i16  epoch
//!      i64  last used, ms
//!      u8   batches, 1 to 5, the oldest first:
//!           i32  base sequence
//!           i32  last offset delta
//!           i64  base offset
//!           i64  max timestamp
//! ```

use std::collections::VecDeque;
use std::fmt;

use super::{Producer, ProducerTable, RememberedBatch};
use crate::ids::{Offset, ProducerEpoch, ProducerId, TimestampMs};
use crate::limits::{PRODUCER_BATCHES_REMEMBERED, PRODUCERS_PER_PARTITION_MAX};

const FORMAT: u8 = 0;

/// The bytes are no producer state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SnapshotError {
    /// Written by a later version of Pelton.
    UnknownFormat(u8),
    Damaged,
}

impl ProducerTable {
    /// Appends the table to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(FORMAT);
        // Both counts are bounded, by PRODUCERS_PER_PARTITION_MAX and PRODUCER_BATCHES_REMEMBERED.
        out.extend_from_slice(&(self.producers.len() as u32).to_be_bytes());
        for (id, producer) in &self.producers {
            out.extend_from_slice(&id.get().to_be_bytes());
            out.extend_from_slice(&producer.epoch.get().to_be_bytes());
            out.extend_from_slice(&producer.last_used.get().to_be_bytes());
            out.push(producer.batches.len() as u8);
            for batch in &producer.batches {
                out.extend_from_slice(&batch.base_sequence.to_be_bytes());
                out.extend_from_slice(&batch.last_offset_delta.to_be_bytes());
                out.extend_from_slice(&batch.base_offset.get().to_be_bytes());
                out.extend_from_slice(&batch.max_timestamp.get().to_be_bytes());
            }
        }
    }

    /// Reads a table that takes up all of `bytes`.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, SnapshotError> {
        let from = &mut bytes;
        match u8::from_be_bytes(take(from)?) {
            FORMAT => {}
            format => return Err(SnapshotError::UnknownFormat(format)),
        }
        let count = u32::from_be_bytes(take(from)?);
        check(count as usize <= PRODUCERS_PER_PARTITION_MAX)?;
        let mut table = Self::default();
        for _ in 0..count {
            let id = ProducerId::new(i64::from_be_bytes(take(from)?));
            let producer = take_producer(from)?;
            check(table.producers.last_key_value().is_none_or(|(&last, _)| last < id))?;
            table.by_use.insert((producer.last_used, id));
            table.producers.insert(id, producer);
        }
        check(from.is_empty())?;
        Ok(table)
    }
}

fn take_producer(from: &mut &[u8]) -> Result<Producer, SnapshotError> {
    let epoch = ProducerEpoch::new(i16::from_be_bytes(take(from)?));
    let last_used = TimestampMs::new(i64::from_be_bytes(take(from)?));
    let count = usize::from(u8::from_be_bytes(take(from)?));
    check((1..=PRODUCER_BATCHES_REMEMBERED).contains(&count))?;
    let mut batches = VecDeque::with_capacity(count);
    for _ in 0..count {
        let batch = RememberedBatch {
            base_sequence: i32::from_be_bytes(take(from)?),
            last_offset_delta: i32::from_be_bytes(take(from)?),
            base_offset: Offset::new(i64::from_be_bytes(take(from)?)),
            max_timestamp: TimestampMs::new(i64::from_be_bytes(take(from)?)),
        };
        check(batch.base_sequence >= 0 && batch.last_offset_delta >= 0)?;
        check(batch.base_offset >= Offset::ZERO)?;
        batches.push_back(batch);
    }
    Ok(Producer { epoch, last_used, batches })
}

fn take<const N: usize>(from: &mut &[u8]) -> Result<[u8; N], SnapshotError> {
    let (field, rest) = from.split_first_chunk().ok_or(SnapshotError::Damaged)?;
    *from = rest;
    Ok(*field)
}

fn check(holds: bool) -> Result<(), SnapshotError> {
    if holds { Ok(()) } else { Err(SnapshotError::Damaged) }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownFormat(format) => write!(f, "producer state of unknown format {format}"),
            Self::Damaged => f.write_str("damaged producer state"),
        }
    }
}

impl std::error::Error for SnapshotError {}
