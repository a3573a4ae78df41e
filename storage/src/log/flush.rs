//! Direct flush (S5): a partition whose tail grows large is written straight to its segment, so that
//! its bytes are written once, and nobody else's acknowledgement waits for them.
//!
//! While a flush is wanted or under way, new batches are *held*: they have an offset, and no place
//! in the journal yet. A flush writes the tail, the held batches included, and at the same time
//! queues the extent's entry; both must be durable before the commit point passes the extent. (The
//! carried end may pass the commit point: what is durable in a segment need not be carried.) What
//! gathered meanwhile is flushed next if it is much, and else goes to the journal.

use std::io;

use futures::future::select;
use pelton_model::Offset;

use super::carry::{EXTENT_BYTES_MAX, Effort, fitting};
use super::{Log, Positions, RollRules};
use crate::block_file::WritesInFlight;
use crate::error::StorageError;
use crate::event::yield_now;
use crate::journal::Entry;
use crate::planted::{Bug, is_planted};

/// Partitions that are flushed at once; more would not make the device faster.
pub(crate) const FLUSHES_IN_FLIGHT_MAX: usize = 4;

/// A flush writes first what is committed and not carried yet. Where that is much, the journal
/// acknowledges sooner, as long as less of its ring than this is used: beyond, a hot log must get back
/// to writing its bytes once.
const JOURNAL_ROOM: f64 = 0.75;

/// Of a held batch.
pub(super) const NO_GROUP: u64 = u64::MAX;

/// What makes a batch acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckedBy {
    /// A journal group.
    Group(u64),
    /// The log's commit point, when it gets there.
    Commit(Offset),
}

impl AckedBy {
    /// The journal group, where one is enough.
    pub fn group(self) -> Option<u64> {
        match self {
            AckedBy::Group(sequence) => Some(sequence),
            AckedBy::Commit(_) => None,
        }
    }
}

impl Log {
    /// Resolves when a batch is acknowledged, or never will be.
    pub async fn acknowledged(&self, by: AckedBy) -> Result<(), StorageError> {
        let end = match by {
            AckedBy::Group(sequence) => return self.0.journal.durable(sequence).await,
            AckedBy::Commit(end) => end,
        };
        let watch = super::Watch::default();
        loop {
            let changed = watch.changed();
            self.watch(&watch);
            {
                let positions = self.0.positions.borrow();
                if positions.commit >= end {
                    return Ok(());
                }
                if positions.dropped {
                    return Err(StorageError::Fenced("the partition was dropped".into()));
                }
            }
            self.check()?;
            if self.0.journal.has_ended() {
                return Err(StorageError::Fenced("the journal has ended".into()));
            }
            select(changed, self.0.journal.end().wait()).await;
        }
    }

    /// Whether a batch of so many bytes is held for a flush, which is asked for then.
    pub(super) fn holds(&self, positions: &mut Positions, bytes: usize) -> bool {
        if positions.is_flushing {
            return true;
        }
        let uncommitted = (positions.appended_bytes - positions.committed_bytes) as usize;
        if uncommitted + bytes < self.0.direct_flush_bytes {
            return false;
        }
        if self.is_behind(positions) && self.0.journal.used_ratio() < JOURNAL_ROOM {
            return false;
        }
        (positions.is_flushing, positions.is_flush_begun) = (true, false);
        self.0.flushes.add(self.clone());
        true
    }

    /// Gives held batches to the journal, as if they had never been held.
    pub(crate) fn release_held(&self) -> Result<(), StorageError> {
        let mut positions = self.0.positions.borrow_mut();
        let pushed_end = positions.pushed_end;
        let first = positions.recent.partition_point(|batch| batch.base < pushed_end);
        for at in first..positions.recent.len() {
            let batch = &positions.recent[at];
            let (base, next, bytes) = (batch.base, batch.next, batch.bytes.clone());
            let epoch = positions.epoch_at(base);
            let entry = Entry::Append { base_offset: base, epoch, batch: bytes };
            let sequence = self.0.journal.push(self.0.id, entry, Some((self.shared(), next)))?;
            positions.recent[at].sequence = sequence;
            positions.pushed_end = next;
            positions.last_sequence = sequence;
        }
        Ok(())
    }

    /// Forgets held batches, of which nothing is written: nobody will be told that they are acknowledged,
    /// and others wait for their memory. The caller is in the gate, so no extent of them is on its way.
    pub(super) fn let_go_of_held(&self) {
        let mut positions = self.0.positions.borrow_mut();
        let pushed_end = positions.pushed_end;
        self.forget_from(&mut positions, pushed_end);
        (positions.end, positions.is_flushing) = (pushed_end, false);
    }

    /// One turn: one extent, so that a checkpoint gets through to a hot partition. If another is
    /// held by then, it is asked for behind those of other logs, whose batches are held as well.
    pub(crate) async fn flush(self, roll: &impl Fn(&Log) -> RollRules) {
        yield_now().await;
        let _pass = self.0.gate.enter().await;
        // Fenced since it was asked for, by a carry: the file is not written to again (S3).
        if self.is_dropped() || self.is_fenced() {
            return;
        }
        match self.flush_turn(roll(&self)).await {
            Ok(true) => return self.0.flushes.add(self.clone()),
            Ok(false) => {}
            // Nothing of it was described: the journal has its own way to wait for room.
            Err(error) if StorageError::of_passing(&error).is_some() => self.end_flush(),
            Err(_) if self.is_dropped() || self.0.journal.check().is_err() => {}
            Err(error) => drop(self.fence_for("a direct flush", &error)),
        }
        // Whoever waits for what will not come.
        self.0.watchers.wake();
    }

    /// Whether there is to be another turn.
    async fn flush_turn(&self, rules: RollRules) -> io::Result<bool> {
        let is_worth_it = !self.ends_flush();
        if is_worth_it {
            self.flush_once(rules).await?;
            self.0.positions.borrow_mut().is_flush_begun = true;
        }
        let goes_on = is_worth_it && !self.ends_flush();
        self.close_writer_of_too_many().await?;
        Ok(goes_on)
    }

    /// Whether what is held is not worth a flush; if so, the journal has it now. Before the first
    /// extent, what the journal is still writing counts as well, as it did when the flush was asked for.
    fn ends_flush(&self) -> bool {
        let is_worth_it = {
            let positions = self.0.positions.borrow();
            let bytes = match positions.is_flush_begun {
                true => positions.held_bytes(),
                false => positions.appended_bytes - positions.committed_bytes,
            };
            positions.pushed_end < positions.end && bytes as usize >= self.0.direct_flush_bytes
        };
        if !is_worth_it {
            self.end_flush();
        }
        !is_worth_it
    }

    fn end_flush(&self) {
        // Refused by a journal that ends: then held batches are never acknowledged.
        let _ = self.release_held();
        self.0.positions.borrow_mut().is_flushing = false;
    }

    /// One extent. An error for want of room comes before anything is described.
    async fn flush_once(&self, rules: RollRules) -> io::Result<()> {
        let batches = self.uncarried(EXTENT_BYTES_MAX, |positions| positions.end);
        let Some(first) = batches.first() else { return Ok(()) };
        if batches.last().is_some_and(|last| last.next_offset <= self.commit_offset()) {
            return self.carry_alone(rules, Effort::FULL).await.map(drop);
        }
        let durability = self.durability_of(&batches);
        let mut writer = self.take_writer(first.bytes.len() as u64, durability, rules).await?;
        let plan = writer.plan(fitting(&batches, &writer, rules)).await?;
        let end = plan.extent.end;
        if self.is_dropped() {
            return Ok(());
        }
        let journal = &self.0.journal;
        // What the journal has already does not depend on the extent, nor does what it gets next.
        // Described before it is durable, and torn, the extent would take all of that with it.
        let is_in_journal = end <= self.0.positions.borrow().pushed_end;
        let in_flight = match is_in_journal {
            true => None,
            false => {
                let durable = (self.shared(), end);
                let sequence = journal
                    .push_extent_in_flight(self.0.id, plan.extent.clone(), durable)
                    .map_err(fenced)?;
                self.0.positions.borrow_mut().begin_extent(end, sequence);
                Some(sequence)
            }
        };
        let written = writer.write(&plan, WritesInFlight::Four).await;
        if let Err(error) = written {
            self.0.positions.borrow_mut().failed_extent = in_flight;
            // Room was taken before; a device that has none all the same is one that failed.
            return Err(io::Error::other(error.to_string()));
        }
        match in_flight {
            Some(sequence) => journal.extent_is_durable(sequence),
            None if self.is_dropped() => {}
            // As with a carry: refused only when the journal ends.
            None => drop(journal.push(self.0.id, Entry::Extent(plan.extent.clone()), None)),
        }
        // Without waiting for its group, which may wait for the room that a checkpoint makes of
        // this log's tail. The commit point does wait for it.
        self.take_in(&plan);
        self.end_extent();
        self.index_chunks(&mut writer).await?;
        self.0.positions.borrow_mut().keep_writer(writer);
        Ok(())
    }

    fn end_extent(&self) {
        let has_moved = {
            let mut positions = self.0.positions.borrow_mut();
            positions.extent_from = None;
            positions.advance_commit()
        };
        if has_moved {
            self.0.watchers.wake();
        }
    }
}

fn fenced(error: StorageError) -> io::Error {
    io::Error::other(error.to_string())
}

impl Positions {
    /// An extent up to `end` is described by `sequence` and not durable in its segment.
    fn begin_extent(&mut self, end: Offset, sequence: u64) {
        assert!(end > self.pushed_end, "the journal has all of it");
        if !is_planted(Bug::AcknowledgeBeforeTheSegment) {
            self.extent_from = Some(self.pushed_end);
        }
        let pushed_end = self.pushed_end;
        let first = self.recent.partition_point(|batch| batch.base < pushed_end);
        for batch in self.recent.range_mut(first..).take_while(|batch| batch.next <= end) {
            batch.sequence = sequence;
        }
        self.pushed_end = end;
        self.last_sequence = sequence;
    }

    fn held_bytes(&self) -> u64 {
        let first = self.recent.partition_point(|batch| batch.base < self.pushed_end);
        self.recent.range(first..).map(|batch| batch.bytes.len() as u64).sum()
    }

    /// Moves the commit point to what is durable in every way; whether it moved.
    pub(super) fn advance_commit(&mut self) -> bool {
        let to = self.extent_from.map_or(self.journal_end, |from| from.min(self.journal_end));
        if to <= self.commit || self.dropped {
            return false;
        }
        self.commit = to;
        let behind = self.recent.partition_point(|batch| batch.next <= to);
        if let Some(batch) = behind.checked_sub(1).and_then(|at| self.recent.get(at)) {
            self.committed_bytes = self.committed_bytes.max(batch.end_bytes);
        }
        true
    }
}
