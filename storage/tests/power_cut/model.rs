//! What must be true after a power cut, whatever it left.

use std::collections::BTreeMap;

use bytes::Bytes;
use pelton_model::batch::BatchHeader;
use pelton_model::{LeaderEpoch, Offset, PartitionId};
use pelton_storage::{AckedBy, Log, NewBatch, Store};

use crate::support::{NOW, Producer, batch_of, try_read_all};

/// A batch that got an offset.
#[derive(Clone)]
pub struct Written {
    pub base: Offset,
    pub next: Offset,
    pub acked_by: AckedBy,
    pub bytes: Bytes,
    pub acknowledged: bool,
    pub producer: Option<Producer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    No,
    /// Asked for, and not answered.
    Asked,
    Answered,
}

/// A partition from its placement to its removal.
#[derive(Clone)]
pub struct Life {
    pub placed: Said,
    pub removed: Said,
    pub written: Vec<Written>,
    pub start_asked: Offset,
    pub start_answered: Offset,
    pub epoch_answered: LeaderEpoch,
}

impl Life {
    pub fn new() -> Self {
        Life {
            placed: Said::Asked,
            removed: Said::No,
            written: Vec::new(),
            start_asked: Offset::ZERO,
            start_answered: Offset::ZERO,
            epoch_answered: LeaderEpoch::new(0),
        }
    }

    /// What the producer `id` sends next.
    pub fn next_of(&self, id: i64) -> Producer {
        let of = |written: &&Written| written.producer.is_some_and(|producer| producer.id == id);
        let newest = self.written.iter().rev().find(of);
        let sequence = newest.map_or(0, |newest| {
            let count = (newest.next.get() - newest.base.get()) as i32;
            newest.producer.map_or(0, |producer| producer.sequence) + count
        });
        Producer { id, sequence }
    }

    fn at(&self, offset: Offset) -> Option<&Written> {
        self.written.iter().find(|written| written.base <= offset && offset < written.next)
    }
}

/// Every partition's newest life.
#[derive(Clone, Default)]
pub struct Model {
    pub lives: BTreeMap<PartitionId, Life>,
    /// Told apart by their content, so that no two batches are equal.
    pub batches: u64,
}

impl Model {
    pub fn life(&mut self, id: PartitionId) -> &mut Life {
        self.lives.get_mut(&id).expect("it was placed")
    }

    /// Holds what a start found against what clients were told, and against what `live`, the store
    /// at the moment of the power cut, had let readers see.
    pub async fn check(&self, store: &Store, live: Option<&Store>) {
        for (id, life) in &self.lives {
            let Some(log) = store.log(*id) else {
                let must_be = life.placed == Said::Answered && life.removed == Said::No;
                assert!(!must_be, "{id} is lost");
                continue;
            };
            assert!(life.removed != Said::Answered, "{id} is back");
            let seen = live.and_then(|live| live.log(*id)).filter(|log| !log.is_dropped());
            if let Some(seen) = &seen {
                assert!(log.commit_offset() >= seen.commit_offset(), "{id}: visible records lost");
            }
            life.check(&log, seen.as_ref()).await;
        }
        for log in store.logs() {
            assert!(self.lives.contains_key(&log.id()), "{} was never placed", log.id());
        }
    }

    /// Holds what a start made of a damaged journal against what clients were told: only the group
    /// `newest` may be missing, and nothing may be there that was not written.
    pub async fn check_damaged(&self, store: &Store, newest: u64) {
        for (id, life) in &self.lives {
            let log = store.log(*id);
            let end = log.as_ref().map_or(Offset::ZERO, Log::end_offset);
            let lost = life.written.iter().find(|written| {
                let is_newest = written.acked_by == AckedBy::Group(newest);
                written.acknowledged && written.next > end && !is_newest
            });
            if let Some(lost) = lost {
                panic!(
                    "{id}: {} of {:?} was lost in silence; the newest group is {newest}, the end {end}",
                    lost.base, lost.acked_by
                );
            }
            if let Some(log) = log {
                life.check_content(&log, log.start_offset(), end).await;
            }
        }
    }

    /// What a start has found is visible from here on: it must be found again.
    pub fn adopt(&mut self, store: &Store) {
        self.lives.retain(|id, _| store.log(*id).is_some());
        for (id, life) in &mut self.lives {
            let Some(log) = store.log(*id) else { continue };
            life.written.retain(|written| written.next <= log.commit_offset());
            life.written.iter_mut().for_each(|written| written.acknowledged = true);
            (life.placed, life.removed) = (Said::Answered, Said::No);
            (life.start_asked, life.start_answered) = (log.start_offset(), log.start_offset());
            life.epoch_answered = log.leader_epoch();
        }
    }
}

impl Life {
    async fn check(&self, log: &Log, seen: Option<&Log>) {
        let id = log.id();
        let (start, end) = (log.start_offset(), log.commit_offset());
        assert_eq!(log.end_offset(), end, "{id}: what is recovered is committed");
        for written in self.written.iter().filter(|written| written.acknowledged) {
            assert!(
                written.next <= end,
                "{id}: {} was acknowledged, {end} is the end",
                written.base
            );
        }
        let asked = seen.map_or(Offset::ZERO, Log::start_asked).max(self.start_asked);
        assert!(self.start_answered <= start, "{id}: deleted records are back");
        assert!(start <= asked, "{id}: starts at {start}, asked for was {asked}");
        assert!(log.leader_epoch() >= self.epoch_answered, "{id}: an epoch is lost");

        self.check_content(log, start, end).await;
        self.check_producers(log, end);
    }

    /// Every batch is there as it was written.
    async fn check_content(&self, log: &Log, start: Offset, end: Offset) {
        let id = log.id();
        let batches = try_read_all(log, start).await.unwrap_or_else(|error| {
            panic!("{id} from {start} to {end}: {error:?}");
        });
        let mut at = None;
        for batch in batches {
            let header = BatchHeader::read(&batch).expect("a batch");
            let base = header.base_offset;
            assert!(at.is_none_or(|at| at == base), "{id}: a gap before {base}");
            at = Some(header.next_offset());
            let written = self.at(base).unwrap_or_else(|| panic!("{id}: {base} was never written"));
            assert!(written.bytes == batch, "{id}: other bytes at {base}");
            assert_eq!(log.epoch_of(base), header.leader_epoch, "{id}: the epoch of {base}");
        }
    }

    /// The newest batch of each producer is known again.
    fn check_producers(&self, log: &Log, end: Offset) {
        let mut newest: BTreeMap<i64, &Written> = BTreeMap::new();
        for written in self.written.iter().filter(|written| written.next <= end) {
            if let Some(producer) = written.producer {
                newest.insert(producer.id, written);
            }
        }
        for written in newest.values() {
            let again = log.append(batch_again(written), NOW).expect("a duplicate");
            assert!(again.duplicate_of.is_some(), "{}: {} twice", log.id(), written.base);
            assert_eq!(again.base_offset, written.base);
        }
    }
}

fn batch_again(written: &Written) -> NewBatch {
    let count = (written.next.get() - written.base.get()) as usize;
    batch_of(&vec![(0, &b"again"[..]); count], written.producer)
}
