//! The journal entry for bytes that stand in a segment (S5).

use pelton_model::batch::{BatchHeader, ProducerBatch};
use pelton_model::limits::{CHUNK_BYTES, PRODUCER_BATCHES_REMEMBERED};
use pelton_model::{Offset, ProducerEpoch, ProducerId, TimestampMs};

use crate::segment::ChunkEntry;
use crate::wire::Fields;

/// See the module. What a recovery needs in order not to read the segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The segment's base offset.
    pub segment: Offset,
    /// Where the extent begins in the `.log`.
    pub position: u64,
    pub length: u32,
    /// The offset behind its last record.
    pub end: Offset,
    /// The chunks that it filled or went on with, the first perhaps begun before it. The last is
    /// unfinished if it is smaller than a finished one can be.
    pub chunks: Vec<ChunkEntry>,
    /// The newest batches of each idempotent producer.
    pub producers: Vec<ExtentProducer>,
}

/// A batch of an idempotent producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtentProducer {
    pub batch: ProducerBatch,
    pub base_offset: Offset,
    pub max_timestamp: TimestampMs,
}

const HEAD_BYTES: usize = 36;
const PRODUCER_BYTES: usize = 34;

impl Extent {
    pub(super) fn encoded_bytes(&self) -> usize {
        HEAD_BYTES + self.chunks.len() * ChunkEntry::BYTES + self.producers.len() * PRODUCER_BYTES
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.segment.get().to_le_bytes());
        out.extend_from_slice(&self.position.to_le_bytes());
        out.extend_from_slice(&self.length.to_le_bytes());
        out.extend_from_slice(&self.end.get().to_le_bytes());
        out.extend_from_slice(&(self.chunks.len() as u32).to_le_bytes());
        out.extend_from_slice(&(self.producers.len() as u32).to_le_bytes());
        for chunk in &self.chunks {
            out.extend_from_slice(&chunk.encode());
        }
        for ExtentProducer { batch, base_offset, max_timestamp } in &self.producers {
            out.extend_from_slice(&batch.id.get().to_le_bytes());
            out.extend_from_slice(&batch.epoch.get().to_le_bytes());
            out.extend_from_slice(&batch.base_sequence.to_le_bytes());
            out.extend_from_slice(&batch.last_offset_delta.to_le_bytes());
            out.extend_from_slice(&base_offset.get().to_le_bytes());
            out.extend_from_slice(&max_timestamp.get().to_le_bytes());
        }
    }

    pub(super) fn decode(fields: &mut Fields<'_>) -> Option<Extent> {
        let (segment, position) = (Offset::new(fields.i64()?), fields.u64()?);
        let (length, end) = (fields.u32()?, Offset::new(fields.i64()?));
        let (chunk_count, producer_count) = (fields.u32()?, fields.u32()?);
        let mut chunks = Vec::new();
        for _ in 0..chunk_count {
            chunks.push(ChunkEntry::decode(fields.bytes(ChunkEntry::BYTES)?)?);
        }
        let mut producers = Vec::new();
        for _ in 0..producer_count {
            producers.push(ExtentProducer {
                batch: ProducerBatch {
                    id: ProducerId::new(fields.i64()?),
                    epoch: ProducerEpoch::new(fields.i16()?),
                    base_sequence: fields.i32()?,
                    last_offset_delta: fields.i32()?,
                },
                base_offset: Offset::new(fields.i64()?),
                max_timestamp: TimestampMs::new(fields.i64()?),
            });
        }
        Some(Extent { segment, position, length, end, chunks, producers })
    }

    /// Where the extent ends in the `.log`.
    pub fn end_position(&self) -> u64 {
        self.position.saturating_add(u64::from(self.length))
    }

    /// The finished chunks, and the unfinished one.
    pub fn split_chunks(&self) -> (&[ChunkEntry], Option<ChunkEntry>) {
        match self.chunks.split_last() {
            Some((last, finished)) if (last.length as usize) < CHUNK_BYTES => {
                (finished, Some(*last))
            }
            _ => (&self.chunks, None),
        }
    }
}

/// What is remembered of the producers of some batches, oldest first. More than what a producer
/// table remembers would be forgotten at once.
pub(crate) fn producers_of(headers: &[BatchHeader]) -> Vec<ExtentProducer> {
    let mut counts = std::collections::BTreeMap::<ProducerId, usize>::new();
    let mut found: Vec<ExtentProducer> = Vec::new();
    for header in headers.iter().rev().filter(|header| header.has_producer()) {
        let count = counts.entry(header.producer_id).or_default();
        if *count < PRODUCER_BATCHES_REMEMBERED {
            *count += 1;
            found.push(ExtentProducer {
                batch: ProducerBatch {
                    id: header.producer_id,
                    epoch: header.producer_epoch,
                    base_sequence: header.base_sequence,
                    last_offset_delta: header.last_offset_delta,
                },
                base_offset: header.base_offset,
                max_timestamp: header.max_timestamp,
            });
        }
    }
    found.reverse();
    found
}

#[cfg(test)]
#[path = "extent_test.rs"]
mod extent_test;
