//! A batch of one partition on its way from its first record to its answer.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use pelton_model::batch::{
    BatchBuilder, BatchFields, BatchHeader, NewRecord, Records, patch, record_bytes,
};
use pelton_model::{PartitionIndex, ProducerEpoch, ProducerId};
use tokio::time::Instant;

use super::record::{Callback, Delivery, Promise};

/// What a batch's records can take when they are not compressed: its length is an i32.
const BATCH_BYTES_MAX: usize = i32::MAX as usize;

/// Under which name an idempotent producer's batches are told apart (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: ProducerId,
    pub(super) epoch: ProducerEpoch,
}

/// What a broker recognises a batch by when it comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) identity: Identity,
    /// Of the first record.
    pub(super) base_sequence: i32,
}

#[derive(Debug)]
pub(super) struct Batch {
    /// Its place in its partition: one more than that of the batch before it.
    pub(super) serial: u64,
    /// What its parcel was marked with last.
    pub(super) ticket: u64,
    fields: BatchFields,
    pub(super) record_count: i32,
    /// Of the producer's buffer, held until the batch is settled.
    pub(super) reserved_bytes: usize,
    pub(super) created: Instant,
    pub(super) attempts: u32,
    /// No attempt before this.
    pub(super) not_before: Option<Instant>,
    /// Given with the first attempt, and kept by all others until it is certain that none of them
    /// has appended the records.
    pub(super) number: Option<Number>,
    /// Whether an attempt ended without an answer, or with one that proves nothing, so that the
    /// records may be in the log.
    pub(super) may_be_appended: bool,
    /// None once the records have been told.
    pub(super) promise: Option<Promise>,
    /// None while the batch is away: its [`Parcel`] has it.
    pub(super) body: Option<Body>,
}

#[derive(Debug)]
pub(super) enum Body {
    Open(BatchBuilder),
    Encoded {
        bytes: Bytes,
        number: Option<Number>,
    },
    /// Of a batch that was encoded, and is to be two.
    Part(Part),
}

/// Some of a batch's records.
#[derive(Debug)]
pub(super) struct Part {
    whole: Bytes,
    records: Range<i32>,
    fields: BatchFields,
}

/// A batch's records on their way to a broker and back. Encoded outside of the producer's lock.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) topic: Arc<str>,
    pub(super) partition: PartitionIndex,
    /// Tells it from everything else that is away.
    pub(super) ticket: u64,
    pub(super) number: Option<Number>,
    pub(super) body: Body,
}

impl Batch {
    pub(super) fn new(
        topic: &Arc<str>,
        partition: PartitionIndex,
        serial: u64,
        fields: BatchFields,
        now: Instant,
    ) -> Self {
        Self {
            serial,
            ticket: 0,
            fields,
            record_count: 0,
            reserved_bytes: 0,
            created: now,
            attempts: 0,
            not_before: None,
            number: None,
            may_be_appended: false,
            promise: Some(Promise::new(topic.clone(), partition)),
            body: Some(Body::Open(BatchBuilder::new(fields))),
        }
    }

    /// Adds a record to a batch that was not sent yet.
    pub(super) fn push(
        &mut self,
        record: &NewRecord<'_>,
        reserved_bytes: usize,
        callback: Option<Callback>,
    ) -> Delivery {
        let (Some(Body::Open(builder)), Some(promise)) = (&mut self.body, &mut self.promise) else {
            unreachable!("a batch is encoded and settled after it has left the open place");
        };
        builder.push(record);
        let index = self.record_count;
        self.reserved_bytes += reserved_bytes;
        self.record_count += 1;
        promise.delivery(index, record.timestamp, callback)
    }

    /// As far as it is known without compressing; 0 while it is away.
    pub(super) fn bytes(&self) -> usize {
        self.body.as_ref().map_or(0, Body::bytes)
    }

    /// Two batches of half of its records each, in its place and in the one behind it. They have the
    /// numbers that their records had, so that those behind them keep theirs. Of a batch of two
    /// records at least that is not away.
    pub(super) fn split(mut self) -> [Batch; 2] {
        let first_count = self.record_count / 2;
        let whole = self.body.take().map(Body::into_bytes);
        let part = |records: Range<i32>| {
            let fields = self.fields;
            whole.clone().map(|whole| Body::Part(Part { whole, records, fields }))
        };
        let (first_body, second_body) =
            (part(0..first_count), part(first_count..self.record_count));
        let [first_promise, second_promise] = match self.promise {
            Some(promise) => promise.split(first_count).map(Some),
            None => [None, None],
        };
        // What each record has reserved is not kept; what both give back together is all of it.
        let reserved_bytes = self.reserved_bytes / 2;
        let number = self.number.map(|Number { identity, base_sequence }| Number {
            identity,
            base_sequence: sequence_after(base_sequence, first_count),
        });
        let second = Batch {
            serial: self.serial + 1,
            record_count: self.record_count - first_count,
            reserved_bytes: self.reserved_bytes - reserved_bytes,
            number,
            promise: second_promise,
            body: second_body,
            ..self
        };
        let first = Batch {
            record_count: first_count,
            reserved_bytes,
            promise: first_promise,
            body: first_body,
            ..self
        };
        [first, second]
    }
}

impl Body {
    pub(super) fn bytes(&self) -> usize {
        match self {
            Body::Open(builder) => builder.uncompressed_bytes(),
            Body::Encoded { bytes, .. } => bytes.len(),
            // At most: how long its records are is known when it is encoded.
            Body::Part(part) => part.whole.len(),
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Body::Open(builder) => builder.build().into(),
            Body::Encoded { bytes, .. } => bytes,
            Body::Part(part) => part.read().build().into(),
        }
    }
}

impl Part {
    /// Only these records.
    fn read(&self) -> BatchBuilder {
        const BUILT_HERE: &str = "a batch that was built here can be read";
        let header = BatchHeader::read(&self.whole).expect(BUILT_HERE);
        let bytes = record_bytes(&header, &self.whole, BATCH_BYTES_MAX).expect(BUILT_HERE);
        let mut builder = BatchBuilder::new(self.fields);
        for (index, record) in (0..self.records.end).zip(Records::new(&header, &bytes)) {
            let record = record.expect(BUILT_HERE);
            if index < self.records.start {
                continue;
            }
            builder.push(&NewRecord {
                timestamp: header.timestamp_of(record.timestamp_delta),
                key: record.key,
                value: record.value,
                headers: &Vec::from_iter(record.headers),
            });
        }
        builder
    }
}

impl Parcel {
    /// The bytes to be sent: compressed once, whatever the number of attempts.
    pub(super) fn encode(&mut self) -> Bytes {
        let bytes = match &mut self.body {
            Body::Open(builder) => sealed(builder, self.number),
            Body::Part(part) => sealed(&mut part.read(), self.number),
            Body::Encoded { bytes, number } if *number == self.number => return bytes.clone(),
            Body::Encoded { bytes, .. } => renumbered(bytes, self.number),
        };
        self.body = Body::Encoded { bytes: bytes.clone(), number: self.number };
        bytes
    }
}

fn sealed(builder: &mut BatchBuilder, number: Option<Number>) -> Bytes {
    if let Some(Number { identity, base_sequence }) = number {
        builder.set_producer(identity.id, identity.epoch, base_sequence);
    }
    builder.build().into()
}

/// The same batch under another number.
fn renumbered(batch: &Bytes, number: Option<Number>) -> Bytes {
    let mut batch = batch.to_vec();
    let mut header = BatchHeader::read(&batch).expect("a batch that was built here has a header");
    header.producer_id = number.map_or(ProducerId::NONE, |number| number.identity.id);
    header.producer_epoch = number.map_or(ProducerEpoch::new(-1), |number| number.identity.epoch);
    header.base_sequence = number.map_or(-1, |number| number.base_sequence);
    batch[..BatchHeader::BYTES].copy_from_slice(&header.to_bytes());
    patch::reseal_crc(&mut batch);
    batch.into()
}

/// The sequence after `count` records: after the greatest comes 0.
pub(super) fn sequence_after(sequence: i32, count: i32) -> i32 {
    sequence.wrapping_add(count) & i32::MAX
}

#[cfg(test)]
#[path = "batch_test.rs"]
mod batch_test;
