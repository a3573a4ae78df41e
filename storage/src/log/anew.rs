//! Logging anew what a fenced log could not carry, so that it does not keep the journal's ring, nor
//! the horizon.
//!
//! The log ends at its commit point from then on, which a Truncate says: what lies above was never
//! acknowledged, and an extent that failed may describe it. Then come the committed batches that
//! are in no segment, as they stand. When all of that is durable, nothing before it is needed.

use pelton_model::{LeaderEpoch, Offset};

use super::{Log, Positions};
use crate::error::StorageError;
use crate::journal::Entry;

/// The groups of what was logged anew.
#[derive(Clone, Debug)]
pub(super) struct Anew {
    first: u64,
    last: u64,
    /// The first group that the log needed before, and needs until `last` is durable. From then on a
    /// replay may begin there or at `first`, and nowhere in between, where it would find the end of
    /// something without its beginning.
    before: Option<u64>,
    /// What a state file says of epochs until the Truncate is durable: those that it moves may turn
    /// out to begin where they did, behind records that are still there.
    epochs: Vec<(LeaderEpoch, Offset)>,
}

impl Log {
    /// Whether the journal still has to write what was logged anew.
    pub(crate) fn is_being_logged_anew(&self) -> bool {
        let durable = self.0.journal.durable_sequence();
        self.0.positions.borrow().anew.as_ref().is_some_and(|anew| anew.last > durable)
    }

    /// Whether an extent of a log that is still there, whose write failed, keeps the horizon down.
    pub(crate) fn keeps_horizon(&self) -> bool {
        self.0.positions.borrow().failed_extent.is_some()
    }

    /// Lets the horizon pass the extent whose write failed, if every start passes over it: the
    /// Truncate behind it is durable, or the log's Drop, for which the caller has waited.
    pub(crate) fn free_horizon(&self) {
        let durable = self.0.journal.durable_sequence();
        let mut positions = self.0.positions.borrow_mut();
        let is_cut_off = positions.anew.as_ref().is_some_and(|anew| anew.last <= durable);
        if positions.dropped || is_cut_off {
            let failed = positions.failed_extent.take();
            failed.into_iter().for_each(|sequence| self.0.journal.extent_is_passed_over(sequence));
        }
    }

    /// Where a replay has to begin that would begin at `tail`, in the middle of what was logged
    /// before it was logged anew.
    pub(crate) fn whole_from(&self, tail: u64) -> Option<u64> {
        let positions = self.0.positions.borrow();
        let anew = positions.anew.as_ref()?;
        anew.before.filter(|before| *before < tail && tail < anew.first)
    }

    /// Queues it, if the log is fenced, and nothing that was said of it before is on its way: that
    /// could still move the commit point. Nothing else writes to a fenced log.
    pub(crate) fn log_anew(&self) -> Result<(), StorageError> {
        let durable = self.0.journal.durable_sequence();
        let mut positions = self.0.positions.borrow_mut();
        let newest =
            positions.anew.as_ref().map_or(0, |anew| anew.last).max(positions.last_sequence);
        if positions.fenced.is_none() || positions.dropped || newest > durable {
            return Ok(());
        }
        // Without its Truncate the log must not end at the commit point.
        self.0.journal.check_open()?;
        let before = match &positions.anew {
            Some(anew) if self.0.journal.tail() < anew.first => anew.before,
            _ => positions.needs_from(durable),
        };
        let epochs = positions.durable_epochs(durable);
        self.cut_to_commit(&mut positions);
        let (end, carried) = (positions.end, positions.carried_end);
        let truncate = Entry::Truncate { end, carried };
        let first = self.0.journal.push(self.0.id, truncate, None)?;
        let mut anew = Anew { first, last: first, before, epochs };
        let from = positions.recent.partition_point(|batch| batch.base < carried);
        for at in from..positions.recent.len() {
            let batch = &positions.recent[at];
            let (base_offset, bytes) = (batch.base, batch.bytes.clone());
            let epoch = positions.epoch_at(base_offset);
            let entry = Entry::Append { base_offset, epoch, batch: bytes };
            anew.last = self.0.journal.push(self.0.id, entry, None)?;
        }
        positions.anew = Some(anew);
        Ok(())
    }

    /// Drops batches at and above `from` from memory, which are not carried.
    pub(super) fn forget_from(&self, positions: &mut Positions, from: Offset) {
        while positions.recent.back().is_some_and(|batch| batch.base >= from) {
            let Some(batch) = positions.recent.pop_back() else { break };
            self.0.memory.release(batch.bytes.len(), false);
        }
    }

    fn cut_to_commit(&self, positions: &mut Positions) {
        let end = positions.commit;
        assert!(positions.carried_end <= end, "every group of the log is durable");
        self.forget_from(positions, end);
        (positions.end, positions.pushed_end, positions.journal_end) = (end, end, end);
        (positions.extent_from, positions.is_flushing) = (None, false);
        // As a start has it: the epochs may have been told to somebody.
        for (_, start) in &mut positions.epochs {
            *start = end.min(*start);
        }
    }
}

impl Positions {
    /// What a state file may say of epochs, if the log was logged anew, and that is not durable yet.
    pub(super) fn epochs_before_anew(&self, durable: u64) -> Option<&Vec<(LeaderEpoch, Offset)>> {
        self.anew.as_ref().filter(|anew| anew.last > durable).map(|anew| &anew.epochs)
    }

    /// The first group that the log needs, if it was logged anew.
    pub(super) fn needs_anew(&self, durable: u64) -> Option<Option<u64>> {
        let anew = self.anew.as_ref()?;
        let is_empty = self.recent.back().is_none_or(|batch| batch.next <= self.carried_end);
        Some(match anew.last > durable {
            true => anew.before,
            false => (!is_empty).then_some(anew.first),
        })
    }
}
