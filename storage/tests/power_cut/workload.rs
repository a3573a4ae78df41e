//! What a broker does with a store, all at once and by chance.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::future::{join, join_all};
use pelton_model::batch::patch;
use pelton_model::{LeaderEpoch, Offset, PartitionId, TimestampMs};
use pelton_storage::disk::sim::Random;
use pelton_storage::{AckedBy, RollRules, StorageError, Store};

use crate::model::{Life, Model, Said, Written};
use crate::support::{NOW, batch_of, keep, partition, roll_at, yield_once};

/// What happens beside appends and checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Also {
    Nothing,
    DeletionsAndRemovals,
}

#[derive(Clone)]
pub struct Workload {
    pub store: Store,
    pub model: Rc<RefCell<Model>>,
    pub random: Rc<RefCell<Random>>,
    pub also: Also,
    /// Of a record; where many operations count, and not many bytes, less is quicker.
    pub bytes_max: u64,
    /// How often a checkpoint had no room.
    pub full: Rc<Cell<u64>>,
}

impl Workload {
    /// Runs until all writers have written so many rounds, then closes the store.
    pub async fn run(&self, rounds: u64) {
        let (written, done) = (Cell::new(false), Cell::new(false));
        let ids = [partition(1, 0), partition(1, 1), partition(2, 0)];
        let writers = async {
            join_all(ids.map(|id| self.write(id, rounds))).await;
            written.set(true);
        };
        let changes = async {
            join(writers, self.deletions(&ids, &written)).await;
            done.set(true);
        };
        join(changes, self.checkpoints(&done)).await;
        let _ = self.store.close(|_| roll_at(30_000)).await;
    }

    fn below(&self, bound: u64) -> u64 {
        self.random.borrow_mut().below(bound)
    }

    async fn pause(&self) {
        for _ in 0..self.below(6) {
            yield_once().await;
        }
    }

    async fn write(&self, id: PartitionId, rounds: u64) {
        for _ in 0..rounds {
            if self.store.log(id).is_none() && !self.place(id).await {
                return;
            }
            let Some(log) = self.store.log(id) else { return };
            let mut appended = Vec::new();
            for _ in 0..=self.below(4) {
                appended.extend(self.append(id));
            }
            for (base, acked_by) in appended {
                if log.acknowledged(acked_by).await.is_err() {
                    // Of a removed partition others go on; a fenced one is not written to again.
                    if log.is_dropped() {
                        continue;
                    }
                    return;
                }
                let mut model = self.model.borrow_mut();
                // The partition may have been removed, and placed again, meanwhile.
                let written = model.lives.get_mut(&id).and_then(|life| {
                    life.written.iter_mut().find(|it| (it.base, it.acked_by) == (base, acked_by))
                });
                if let Some(written) = written {
                    written.acknowledged = true;
                }
            }
            self.pause().await;
        }
    }

    async fn place(&self, id: PartitionId) -> bool {
        // Until its removal is answered it cannot come back.
        while self.model.borrow().lives.get(&id).is_some_and(|life| life.removed == Said::Asked) {
            if self.store.journal().check().is_err() {
                return false;
            }
            yield_once().await;
        }
        let epoch = LeaderEpoch::new(1);
        let Ok(sequence) = self.store.place(id, epoch) else { return false };
        self.model.borrow_mut().lives.insert(id, Life::new());
        if self.store.journal().durable(sequence).await.is_err() {
            return false;
        }
        let mut model = self.model.borrow_mut();
        let life = model.life(id);
        life.placed = Said::Answered;
        life.epoch_answered = life.epoch_answered.max(epoch);
        true
    }

    /// Appends one batch; its offset and what will make it acknowledged.
    fn append(&self, id: PartitionId) -> Option<(Offset, AckedBy)> {
        let log = self.store.log(id)?;
        let mut model = self.model.borrow_mut();
        model.batches += 1;
        let content = model.batches.to_le_bytes();
        let bytes = match self.below(40) {
            0 => 70_000,
            1..4 => 5_000 + self.below(20_000),
            _ => 10 + self.below(2_000),
        }
        .min(self.bytes_max);
        let value: Vec<u8> = content.iter().copied().cycle().take(bytes as usize).collect();
        let count = 1 + self.below(3) as usize;
        let which = self.below(3);
        let producer = (which > 0).then(|| model.life(id).next_of(100 + which as i64));
        let time = NOW.get() + self.below(1000) as i64;
        let batch = batch_of(&vec![(time, &value[..]); count], producer);
        let (mut bytes, epoch) = (batch.bytes.clone(), log.leader_epoch());
        let done = log.append(batch, NOW).ok()?;
        assert_eq!(done.duplicate_of, None, "every batch is new");
        patch::set_base_offset_and_epoch(&mut bytes, done.base_offset, epoch);
        model.life(id).written.push(Written {
            base: done.base_offset,
            next: done.base_offset.plus(count as i64),
            acked_by: done.acked_by,
            bytes: bytes.into(),
            acknowledged: false,
            producer,
        });
        Some((done.base_offset, done.acked_by))
    }

    async fn checkpoints(&self, done: &Cell<bool>) {
        while !done.get() {
            let segment_bytes = [10_000, 40_000, 1 << 30][self.below(3) as usize];
            if let Err(StorageError::Full) = self.store.checkpoint(|_| roll_at(segment_bytes)).await
            {
                self.full.set(self.full.get() + 1);
            }
            self.pause().await;
            self.pause().await;
            yield_once().await;
        }
    }

    async fn deletions(&self, ids: &[PartitionId], done: &Cell<bool>) {
        while !done.get() && self.also == Also::DeletionsAndRemovals {
            self.pause().await;
            yield_once().await;
            let id = ids[self.below(ids.len() as u64) as usize];
            match self.below(8) {
                0 => self.remove(id).await,
                1 | 2 => self.raise_epoch(id).await,
                3 | 4 => self.delete_records(id).await,
                _ => self.retain(id).await,
            }
        }
    }

    async fn remove(&self, id: PartitionId) {
        if self.store.log(id).is_none() {
            return;
        }
        self.model.borrow_mut().life(id).removed = Said::Asked;
        if self.store.remove(id).await.is_ok() {
            self.model.borrow_mut().life(id).removed = Said::Answered;
        }
    }

    async fn raise_epoch(&self, id: PartitionId) {
        let Some(log) = self.store.log(id) else { return };
        let epoch = LeaderEpoch::new(log.leader_epoch().get() + 1);
        let Ok(sequence) = self.store.place(id, epoch) else { return };
        if self.store.journal().durable(sequence).await.is_ok() {
            let mut model = self.model.borrow_mut();
            let life = model.life(id);
            life.epoch_answered = life.epoch_answered.max(epoch);
        }
    }

    async fn delete_records(&self, id: PartitionId) {
        let Some(log) = self.store.log(id) else { return };
        let (from, to) = (log.start_offset().get(), log.commit_offset().get());
        let start = Offset::new(from + self.below((to - from) as u64 + 1) as i64);
        let Ok(sequence) = log.delete_records(start) else { return };
        {
            let mut model = self.model.borrow_mut();
            let life = model.life(id);
            life.start_asked = life.start_asked.max(start);
        }
        if self.store.journal().durable(sequence).await.is_ok() {
            let mut model = self.model.borrow_mut();
            let life = model.life(id);
            life.start_answered = life.start_answered.max(start);
        }
    }

    async fn retain(&self, id: PartitionId) {
        let Some(log) = self.store.log(id) else { return };
        let later = TimestampMs::new(NOW.get() + self.below(2000) as i64);
        let roll = RollRules { now: later, segment_ms: 1500, ..roll_at(30_000) };
        let bytes = [-1, 20_000, 100_000][self.below(3) as usize];
        let before = log.start_offset();
        let retained = log.retain(keep(-1, bytes, roll)).await;
        let mut model = self.model.borrow_mut();
        let life = model.life(id);
        life.start_asked = life.start_asked.max(log.start_asked());
        if retained.is_ok() {
            life.start_answered = life.start_answered.max(before);
        }
    }
}
