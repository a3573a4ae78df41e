//! Giving a batch its offset and its place in the journal. Nothing here awaits (R2).

use bytes::Bytes;
use pelton_model::batch::{BatchHeader, ProducerBatch, patch};
use pelton_model::producer::{Checked, ProducerError};
use pelton_model::{LeaderEpoch, Offset, TimestampMs};

use super::flush::{AckedBy, NO_GROUP};
use super::{Log, NewRecent};
use crate::error::AppendError;
use crate::journal::Entry;

/// A batch that has passed validation; its CRC is right and its base offset is still open.
pub struct NewBatch {
    pub header: BatchHeader,
    pub bytes: Vec<u8>,
    /// Of an idempotent batch.
    pub producer: Option<ProducerBatch>,
}

/// Where a batch stands, and what makes it acknowledged; see [`Log::acknowledged`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub base_offset: Offset,
    pub acked_by: AckedBy,
    /// Set for a batch that was there already: its maximum timestamp.
    pub duplicate_of: Option<TimestampMs>,
}

/// Why a batch got no offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAppended {
    Refused(AppendError),
    Producer(ProducerError),
}

impl From<crate::StorageError> for NotAppended {
    fn from(error: crate::StorageError) -> Self {
        NotAppended::Refused(AppendError::Storage(error))
    }
}

impl Log {
    /// Appends in memory, and queues the journal entry or holds the batch for a direct flush. A
    /// duplicate is acknowledged when the batch that it repeats is.
    pub fn append(&self, batch: NewBatch, now: TimestampMs) -> Result<Appended, NotAppended> {
        self.check()?;
        let mut positions = self.0.positions.borrow_mut();
        if positions.dropped {
            return Err(NotAppended::Refused(AppendError::Dropped));
        }
        if let Some(producer) = &batch.producer {
            match positions.producers.check(producer).map_err(NotAppended::Producer)? {
                Checked::Append => {}
                Checked::Duplicate { base_offset, max_timestamp } => {
                    let next = base_offset.plus(i64::from(producer.last_offset_delta) + 1);
                    let acked_by = match positions.is_flushing {
                        true => AckedBy::Commit(next),
                        false => AckedBy::Group(positions.last_sequence),
                    };
                    return Ok(Appended {
                        base_offset,
                        acked_by,
                        duplicate_of: Some(max_timestamp),
                    });
                }
            }
        }
        let epoch = positions.epochs.last().map_or(LeaderEpoch::new(0), |(epoch, _)| *epoch);
        let base = positions.end;
        let next = base.plus(i64::from(batch.header.last_offset_delta) + 1);
        let mut bytes = batch.bytes;
        patch::set_base_offset_and_epoch(&mut bytes, base, epoch);
        let bytes = Bytes::from(bytes);
        self.0.journal.check_open()?;
        let (sequence, acked_by) = if self.holds(&mut positions, bytes.len()) {
            (NO_GROUP, AckedBy::Commit(next))
        } else {
            let entry = Entry::Append { base_offset: base, epoch, batch: bytes.clone() };
            let sequence = self.0.journal.push(self.0.id, entry, Some((self.shared(), next)))?;
            positions.pushed_end = next;
            positions.last_sequence = sequence;
            (sequence, AckedBy::Group(sequence))
        };
        self.0.memory.add_uncarried(bytes.len());
        positions.segment_since.get_or_insert(now);
        if let Some(producer) = &batch.producer {
            positions.producers.record(producer, base, batch.header.max_timestamp, now);
        }
        let max_timestamp = batch.header.max_timestamp;
        positions.push_recent(NewRecent {
            base,
            next,
            max_timestamp,
            sequence,
            appended_at: now,
            bytes,
        });
        self.want_carry(&mut positions);
        Ok(Appended { base_offset: base, acked_by, duplicate_of: None })
    }
}
