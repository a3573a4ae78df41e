//! What a partition remembers of its idempotent producers (KIP-98).

mod snapshot;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use crate::batch::ProducerBatch;
use crate::ids::{Offset, ProducerEpoch, ProducerId, TimestampMs};
use crate::limits::{PRODUCER_BATCHES_REMEMBERED, PRODUCERS_PER_PARTITION_MAX};

pub use snapshot::SnapshotError;

/// The state of all producers of one partition.
///
/// The owner calls [`ProducerTable::check`], appends, and calls [`ProducerTable::record`] before
/// it checks the next batch; so a producer's pipelined batches are checked against each other.
/// Beyond [`PRODUCERS_PER_PARTITION_MAX`] the least recently used producer is forgotten; its next
/// batch is then taken with whatever sequence it has.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProducerTable {
    producers: BTreeMap<ProducerId, Producer>,
    /// The same producers by their last use, the least recent first.
    by_use: BTreeSet<(TimestampMs, ProducerId)>,
}

/// The state of one producer; the epoch's last batches, the oldest first. Never without any.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Producer {
    pub epoch: ProducerEpoch,
    /// By the broker's clock.
    pub last_used: TimestampMs,
    batches: VecDeque<RememberedBatch>,
}

/// A batch that would be recognised if it came again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RememberedBatch {
    pub base_sequence: i32,
    pub last_offset_delta: i32,
    pub base_offset: Offset,
    /// As stored.
    pub max_timestamp: TimestampMs,
}

/// What to do with a batch whose sequence is in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Checked {
    Append,
    /// It is in the log already: answer as then. `max_timestamp` is what Kafka gives as
    /// logAppendTime, on topics with CreateTime too.
    Duplicate {
        base_offset: Offset,
        max_timestamp: TimestampMs,
    },
}

/// Why a batch of an idempotent producer is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProducerError {
    /// A gap, an overlap, or a duplicate of a batch that is no longer remembered:
    /// OUT_OF_ORDER_SEQUENCE_NUMBER.
    OutOfOrderSequence { base_sequence: i32, last_sequence: i32 },
    /// A later life of the producer has written already: INVALID_PRODUCER_EPOCH.
    InvalidProducerEpoch { epoch: ProducerEpoch, current: ProducerEpoch },
}

impl ProducerTable {
    /// What one producer takes at most, with all the batches that are remembered of it.
    pub const PRODUCER_BYTES: usize = size_of::<(ProducerId, Producer)>()
        + size_of::<(TimestampMs, ProducerId)>()
        + PRODUCER_BATCHES_REMEMBERED * size_of::<RememberedBatch>();

    /// Whether a batch may be appended. The first batch of an unknown producer may begin anywhere,
    /// that of a new epoch must begin at 0.
    pub fn check(&self, batch: &ProducerBatch) -> Result<Checked, ProducerError> {
        let Some(producer) = self.producers.get(&batch.id) else {
            return Ok(Checked::Append);
        };
        if batch.epoch < producer.epoch {
            return Err(ProducerError::InvalidProducerEpoch {
                epoch: batch.epoch,
                current: producer.epoch,
            });
        }
        let out_of_order = ProducerError::OutOfOrderSequence {
            base_sequence: batch.base_sequence,
            last_sequence: producer.last_sequence(),
        };
        if batch.epoch > producer.epoch {
            // After "no epoch" any sequence begins one, as in Kafka.
            let may_begin = batch.base_sequence == 0 || producer.epoch == NO_EPOCH;
            return if may_begin { Ok(Checked::Append) } else { Err(out_of_order) };
        }
        if let Some(known) = producer.batches.iter().find(|known| known.is_same(batch)) {
            return Ok(Checked::Duplicate {
                base_offset: known.base_offset,
                max_timestamp: known.max_timestamp,
            });
        }
        if producer.epoch == NO_EPOCH
            || batch.base_sequence == sequence_after(producer.last_sequence(), 1)
        {
            Ok(Checked::Append)
        } else {
            Err(out_of_order)
        }
    }

    /// Remembers a batch that was appended, or that is read back from the log.
    pub fn record(
        &mut self,
        batch: &ProducerBatch,
        base_offset: Offset,
        max_timestamp: TimestampMs,
        now: TimestampMs,
    ) {
        let is_new = !self.producers.contains_key(&batch.id);
        if is_new && self.producers.len() >= PRODUCERS_PER_PARTITION_MAX {
            self.forget_least_recent();
        }
        let producer = self.producers.entry(batch.id).or_insert_with(|| Producer {
            epoch: batch.epoch,
            last_used: now,
            batches: VecDeque::new(),
        });
        if producer.epoch != batch.epoch {
            producer.epoch = batch.epoch;
            producer.batches.clear();
        }
        if producer.batches.len() == PRODUCER_BATCHES_REMEMBERED {
            producer.batches.pop_front();
        }
        producer.batches.push_back(RememberedBatch {
            base_sequence: batch.base_sequence,
            last_offset_delta: batch.last_offset_delta,
            base_offset,
            max_timestamp,
        });
        self.by_use.remove(&(producer.last_used, batch.id));
        producer.last_used = now;
        self.by_use.insert((now, batch.id));
    }

    /// Forgets up to `count_max` producers that have not written for `expiration_ms`
    /// (`producer.id.expiration.ms`). Returns whether there are more to forget.
    pub fn expire(&mut self, now: TimestampMs, expiration_ms: i64, count_max: usize) -> bool {
        let is_expired =
            |last_used: TimestampMs| now.get().saturating_sub(last_used.get()) >= expiration_ms;
        for _ in 0..count_max {
            match self.by_use.first() {
                Some(&(last_used, _)) if is_expired(last_used) => self.forget_least_recent(),
                _ => return false,
            }
        }
        self.by_use.first().is_some_and(|&(last_used, _)| is_expired(last_used))
    }

    /// Forgets batches that end at or beyond `end_offset`, the log's new end. A producer of which
    /// nothing is left is unknown again.
    pub fn truncate_to(&mut self, end_offset: Offset) {
        let by_use = &mut self.by_use;
        self.producers.retain(|&id, producer| {
            producer.batches.retain(|batch| batch.last_offset() < end_offset);
            let is_kept = !producer.batches.is_empty();
            if !is_kept {
                by_use.remove(&(producer.last_used, id));
            }
            is_kept
        });
    }

    pub fn len(&self) -> usize {
        self.producers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.producers.is_empty()
    }

    /// All producers by id, as DescribeProducers lists them.
    pub fn iter(&self) -> impl Iterator<Item = (ProducerId, &Producer)> {
        self.producers.iter().map(|(&id, producer)| (id, producer))
    }

    fn forget_least_recent(&mut self) {
        if let Some((_, id)) = self.by_use.pop_first() {
            self.producers.remove(&id);
        }
    }
}

/// Batches may carry a producer id and no epoch.
const NO_EPOCH: ProducerEpoch = ProducerEpoch::new(-1);

impl Producer {
    /// Of the last batch; −1 is never seen from outside, for a producer has a batch.
    pub fn last_sequence(&self) -> i32 {
        self.batches.back().map_or(-1, RememberedBatch::last_sequence)
    }

    /// The offset and timestamp of what it wrote last.
    pub fn last_batch(&self) -> Option<&RememberedBatch> {
        self.batches.back()
    }
}

impl RememberedBatch {
    pub fn last_offset(&self) -> Offset {
        self.base_offset.plus(i64::from(self.last_offset_delta))
    }

    pub fn last_sequence(&self) -> i32 {
        sequence_after(self.base_sequence, self.last_offset_delta)
    }

    fn is_same(&self, batch: &ProducerBatch) -> bool {
        self.base_sequence == batch.base_sequence
            && self.last_offset_delta == batch.last_offset_delta
    }
}

/// Sequences go from 2147483647 to 0.
fn sequence_after(sequence: i32, count: i32) -> i32 {
    sequence.wrapping_add(count) & i32::MAX
}

impl fmt::Display for ProducerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfOrderSequence { base_sequence, last_sequence } => {
                write!(f, "sequence {base_sequence} does not follow {last_sequence}")
            }
            Self::InvalidProducerEpoch { epoch, current } => {
                write!(f, "producer epoch {epoch} is older than {current}")
            }
        }
    }
}

impl std::error::Error for ProducerError {}

#[cfg(test)]
#[path = "producer_test.rs"]
mod producer_test;
