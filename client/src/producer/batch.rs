//! A batch of one partition on its way from its first record to its answer.

use std::sync::Arc;

use bytes::Bytes;
use pelton_model::batch::{BatchBuilder, BatchFields, BatchHeader, NewRecord, patch};
use pelton_model::{Compression, Offset, PartitionIndex, ProducerEpoch, ProducerId};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::Result;

/// What a batch's records learn: where the first of them is, if the broker told.
pub(super) type Outcome = Result<Option<Offset>>;

/// Under which name an idempotent producer's batches are told apart (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: ProducerId,
    pub(super) epoch: ProducerEpoch,
}

#[derive(Debug)]
pub(super) struct Batch {
    pub(super) topic: Arc<str>,
    pub(super) partition: PartitionIndex,
    pub(super) record_count: i32,
    /// Of the producer's buffer, held until the batch is settled.
    pub(super) reserved_bytes: usize,
    pub(super) created: Instant,
    pub(super) attempts: u32,
    /// No attempt before this.
    pub(super) not_before: Option<Instant>,
    /// Given with the first attempt, and kept by all others: this is how the broker knows a
    /// duplicate.
    pub(super) base_sequence: Option<i32>,
    /// Whether an attempt ended without an answer, so that the records may be in the log.
    pub(super) may_be_appended: bool,
    pub(super) outcome: watch::Sender<Option<Outcome>>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Open(BatchBuilder),
    Encoded(Bytes),
}

impl Batch {
    pub(super) fn new(
        topic: Arc<str>,
        partition: PartitionIndex,
        compression: Compression,
        now: Instant,
    ) -> Self {
        Self {
            topic,
            partition,
            record_count: 0,
            reserved_bytes: 0,
            created: now,
            attempts: 0,
            not_before: None,
            base_sequence: None,
            may_be_appended: false,
            outcome: watch::Sender::new(None),
            body: Body::Open(BatchBuilder::new(BatchFields::compressed(compression))),
        }
    }

    /// Adds a record to a batch that was not sent yet, and tells its place in it.
    pub(super) fn push(&mut self, record: &NewRecord<'_>, reserved_bytes: usize) -> i32 {
        let Body::Open(builder) = &mut self.body else {
            unreachable!("a batch is encoded after it has left the accumulator's open place");
        };
        builder.push(record);
        self.reserved_bytes += reserved_bytes;
        self.record_count += 1;
        self.record_count - 1
    }

    /// As far as it is known without compressing.
    pub(super) fn uncompressed_bytes(&self) -> usize {
        match &self.body {
            Body::Open(builder) => builder.uncompressed_bytes(),
            Body::Encoded(batch) => batch.len(),
        }
    }

    /// The bytes to be sent: compressed once, whatever the number of attempts.
    pub(super) fn encode(&mut self, identity: Option<Identity>) -> Bytes {
        let mut batch = match &mut self.body {
            Body::Open(builder) => builder.build(),
            Body::Encoded(batch) => Vec::from(std::mem::take(batch)),
        };
        if let (Some(identity), Some(base_sequence)) = (identity, self.base_sequence) {
            stamp(&mut batch, identity, base_sequence);
        }
        let batch = Bytes::from(batch);
        self.body = Body::Encoded(batch.clone());
        batch
    }

    /// Tells all records where they are, or why they are nowhere.
    pub(super) fn settle(self, outcome: Outcome) {
        self.outcome.send_replace(Some(outcome));
    }
}

/// Writes who sends the batch, and the number of its first record, into its header.
fn stamp(batch: &mut [u8], identity: Identity, base_sequence: i32) {
    let mut header = BatchHeader::read(batch).expect("a batch that was built here has a header");
    header.producer_id = identity.id;
    header.producer_epoch = identity.epoch;
    header.base_sequence = base_sequence;
    batch[..BatchHeader::BYTES].copy_from_slice(&header.to_bytes());
    patch::reseal_crc(batch);
}

/// The sequence after `count` records: after the greatest comes 0.
pub(super) fn sequence_after(sequence: i32, count: i32) -> i32 {
    sequence.wrapping_add(count) & i32::MAX
}

#[cfg(test)]
#[path = "batch_test.rs"]
mod batch_test;
