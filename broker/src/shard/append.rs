//! Appending, as the owner: in order and at once, then waiting for stable storage.

use std::rc::Rc;

use futures::future::select;
use pelton_kafka::ApiKey;
use pelton_model::Offset;
use pelton_model::producer::ProducerError;
use pelton_storage::{AckedBy, AppendError, Log, NewBatch, NotAppended, StorageError};

use super::Shard;
use crate::message::{AppendOutcome, BatchToAppend, LogFault, Stored};
use crate::metrics::Phase;

/// Bytes that may wait for the journal before producers have to.
const PENDING_BYTES_MAX: usize = 32 << 20;

/// Appended batches that are not durable yet.
pub struct Appending {
    shard: Rc<Shard>,
    outcomes: Vec<AppendOutcome>,
    /// The newest group that one of them needs.
    sequence: u64,
    /// Outcomes whose batches go straight to segments, and what they wait for.
    flushes: Vec<(usize, Log, AckedBy)>,
}

impl Shard {
    /// Gives batches their offsets, in order (R2). Waits beforehand while there is no memory.
    pub async fn append(self: &Rc<Self>, batches: Vec<BatchToAppend>) -> Appending {
        self.wait_for_room().await;
        self.append_now(batches)
    }

    /// The same where there is room.
    pub fn append_now(self: &Rc<Self>, batches: Vec<BatchToAppend>) -> Appending {
        let mut appending = Appending {
            shard: self.clone(),
            outcomes: Vec::with_capacity(batches.len()),
            sequence: 0,
            flushes: Vec::new(),
        };
        for batch in batches {
            self.append_one(batch, &mut appending);
        }
        appending
    }

    fn append_one(&self, batch: BatchToAppend, appending: &mut Appending) {
        let log = match self.find(batch.partition) {
            Ok(log) => log,
            Err(fault) => {
                let (result, log_start) = (Err(fault), Offset::new(-1));
                appending.outcomes.push(AppendOutcome { result, log_start, input: batch.input });
                return;
            }
        };
        let result = self.append_to(&log, &batch).map(|(stored, acked_by)| {
            match acked_by.group() {
                Some(group) => appending.sequence = appending.sequence.max(group),
                None => appending.flushes.push((appending.outcomes.len(), log.clone(), acked_by)),
            }
            stored
        });
        let log_start = log.start_offset();
        appending.outcomes.push(AppendOutcome { result, log_start, input: batch.input });
    }

    fn append_to(&self, log: &Log, batch: &BatchToAppend) -> Result<(Stored, AckedBy), LogFault> {
        if self.disk_full.get() {
            return Err(LogFault::Storage(StorageError::Full.to_string()));
        }
        let new = NewBatch {
            header: batch.prepared.header,
            bytes: batch.prepared.to_vec(&batch.input),
            producer: batch.prepared.producer,
        };
        match log.append(new, self.env.now()) {
            Ok(done) => {
                let (base_offset, duplicate_of) = (done.base_offset, done.duplicate_of);
                Ok((Stored { base_offset, duplicate_of }, done.acked_by))
            }
            Err(NotAppended::Refused(AppendError::Dropped)) => Err(LogFault::NotHere),
            Err(NotAppended::Refused(AppendError::Storage(error))) => Err(error.into()),
            Err(NotAppended::Producer(ProducerError::OutOfOrderSequence { .. })) => {
                Err(LogFault::OutOfOrderSequence)
            }
            Err(NotAppended::Producer(ProducerError::InvalidProducerEpoch { .. })) => {
                Err(LogFault::InvalidProducerEpoch)
            }
        }
    }

    /// S8: what the journal holds is also held in memory, so a full one holds producers up.
    pub(crate) async fn wait_for_room(&self) {
        loop {
            let journal = self.store.journal();
            match self.lacks() {
                None => return,
                Some(Lack::Ring) => {
                    let relieved = select(self.relieved.wait(), self.store.memory_freed());
                    journal.pressure().notify();
                    drop(relieved.await);
                }
                Some(Lack::Memory) => {
                    // What becomes of the group does not matter here, only that it is gone.
                    let _ = journal.durable(journal.durable_sequence() + 1).await;
                }
            }
        }
    }

    /// What an append has to wait for; nothing where it would fail anyway.
    pub(crate) fn lacks(&self) -> Option<Lack> {
        let journal = self.store.journal();
        match () {
            () if journal.check().is_err() => None,
            () if self.store.uncarried_bytes() as u64
                > self.config.store.journal.ring_bytes_max =>
            {
                Some(Lack::Ring)
            }
            () if journal.pending_bytes() > PENDING_BYTES_MAX => Some(Lack::Memory),
            () => None,
        }
    }
}

/// See [`Shard::lacks`].
pub(crate) enum Lack {
    /// Too much is in the ring that has not been carried.
    Ring,
    /// Too much waits to be written.
    Memory,
}

impl Appending {
    /// Resolves when all that was appended is on stable storage (S1), or will never be (S3).
    pub async fn durable(mut self) -> Vec<AppendOutcome> {
        if self.sequence == 0 && self.flushes.is_empty() {
            return self.outcomes;
        }
        let journal = self.shard.store.journal().clone();
        let began = self.shard.env.elapsed();
        let durable = journal.durable(self.sequence).await;
        for (at, log, acked_by) in std::mem::take(&mut self.flushes) {
            // A flush that fails is its partition's alone.
            if let Err(error) = log.acknowledged(acked_by).await
                && let Some(outcome) = self.outcomes.get_mut(at)
            {
                outcome.result = Err(match log.is_dropped() {
                    true => LogFault::NotHere,
                    false => error.into(),
                });
            }
        }
        let took = self.shard.env.elapsed() - began;
        self.shard.metrics.phase(ApiKey::PRODUCE, Phase::Durable, took);
        match durable {
            Ok(()) => self.outcomes,
            Err(fenced) => self
                .outcomes
                .into_iter()
                .map(|outcome| AppendOutcome {
                    result: Err(outcome.result.err().unwrap_or(fenced.clone().into())),
                    ..outcome
                })
                .collect(),
        }
    }
}

impl From<StorageError> for LogFault {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Fenced(_) | StorageError::Full | StorageError::TooManyFiles => {
                LogFault::Storage(error.to_string())
            }
            StorageError::Damaged { .. } => LogFault::Damaged(error.to_string()),
        }
    }
}
