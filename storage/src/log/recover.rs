//! Applying journal entries again after a restart (S5).

use bytes::Bytes;
use pelton_model::batch::{BatchHeader, ProducerBatch};
use pelton_model::{LeaderEpoch, Offset, TimestampMs};

use super::{Log, RecentBatch};
use crate::journal::Entry;

impl Log {
    /// Applies one entry; what the state file contains already is passed over. `Err` says why the
    /// entry cannot follow what is there, which no crash explains.
    pub(crate) fn replay(
        &self,
        entry: Entry,
        sequence: u64,
        now: TimestampMs,
    ) -> Result<(), String> {
        match entry {
            Entry::Append { base_offset, batch, .. } => {
                self.replay_append(base_offset, batch, sequence, now)
            }
            Entry::LogStart { start } => {
                let mut positions = self.0.positions.borrow_mut();
                positions.start = positions.start.max(start);
                Ok(())
            }
            Entry::Place { epoch, start } => self.replay_place(epoch, start),
            Entry::Truncate { .. } | Entry::Extent { .. } | Entry::Roll { .. } | Entry::Drop => {
                Err("this version writes no such entry for a log".into())
            }
        }
    }

    fn replay_append(
        &self,
        base: Offset,
        bytes: Bytes,
        sequence: u64,
        now: TimestampMs,
    ) -> Result<(), String> {
        let header = BatchHeader::read(&bytes).map_err(|error| format!("{error:?}"))?;
        let next = header.next_offset();
        let mut positions = self.0.positions.borrow_mut();
        if header.base_offset != base || header.total_bytes() != bytes.len() {
            return Err(format!("the batch at {base} is not what its entry says"));
        }
        if next <= positions.carried_end {
            return Ok(());
        }
        if base != positions.end {
            return Err(format!("a batch at {base} follows offset {}", positions.end));
        }
        if header.has_producer() {
            let producer = ProducerBatch {
                id: header.producer_id,
                epoch: header.producer_epoch,
                base_sequence: header.base_sequence,
                last_offset_delta: header.last_offset_delta,
            };
            positions.producers.record(&producer, base, header.max_timestamp, now);
        }
        positions.end = next;
        positions.commit = next;
        positions.last_sequence = sequence;
        positions.segment_since.get_or_insert(now);
        self.0.memory.add_uncarried(bytes.len());
        positions.recent.push_back(RecentBatch {
            base,
            next,
            max_timestamp: header.max_timestamp,
            sequence,
            // The ring file that it was read from need not be kept for it.
            bytes: Bytes::copy_from_slice(&bytes),
        });
        Ok(())
    }

    fn replay_place(&self, epoch: LeaderEpoch, start: Offset) -> Result<(), String> {
        if epoch <= self.leader_epoch() {
            return Ok(());
        }
        let end = self.end_offset();
        if start != end {
            return Err(format!("epoch {epoch} begins at {start}, yet the log ends at {end}"));
        }
        self.begin_epoch(epoch);
        Ok(())
    }

    /// Batches from here on carry `epoch`.
    pub(crate) fn begin_epoch(&self, epoch: LeaderEpoch) {
        let mut positions = self.0.positions.borrow_mut();
        let end = positions.end;
        if positions.epochs.last().is_none_or(|(last, _)| *last < epoch) {
            positions.epochs.push((epoch, end));
        }
    }
}
