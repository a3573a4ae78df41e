//! One partition's batches: which may go next, under which number, and what an answer means.
//! Pure: time and chance are arguments.
//!
//! The order of the records is kept, and none is appended twice, on these grounds:
//!
//! - Without idempotence one batch is away at a time.
//! - With it up to [`BATCHES_AWAY_MAX`] are. Each carries a number, and the broker appends a number
//!   only behind the one before it. What must be sent again goes back to its place in the order
//!   under the number that it had; as long as something earlier is away, it waits.
//! - No batch is sent for the first time while one that many before it is not settled, be it that all
//!   others are: the broker would no longer know that one for a duplicate.
//! - A broker that does not know a producer yet takes its first batch under any number. So the first
//!   batch of a numbering is acknowledged before the second is sent.
//! - A batch changes its number only when it is certain that no attempt has appended it, and never
//!   while another one that carries a number of the same kind is outstanding. New numbers begin at 0
//!   under the next epoch of the same producer id, which needs no request (KIP-360): a broker
//!   takes a greater epoch from anybody.
//! - That the broker finds a batch out of order is such a certainty only behind a gap. Without one, it
//!   has appended the batch and forgotten: the batch is given up.
//! - So when a batch is given up and its number may leave a gap, or the broker has forgotten us, the
//!   numbering is *broken*: what has a number is sent until its fate is known, then the next
//!   numbering begins.
//! - A batch that is too large for the broker is split into two, which have the numbers of its records
//!   and are sent one behind the other, like everything that is sent again. Only if it is certain that
//!   no attempt has appended it: the broker would not know the halves of what it has for duplicates.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use pelton_kafka::ErrorCode;
use pelton_model::{PartitionIndex, ProducerEpoch};
use tokio::time::Instant;

use super::batch::{Batch, Body, Identity, Number, Parcel, sequence_after};
use super::record::{Appended, Outcome, Promise};
use crate::backoff::Backoff;
use crate::error::Error;

/// A broker remembers this many batches of a producer and partition, to know a duplicate.
pub(super) const BATCHES_AWAY_MAX: usize = 5;

/// What a queue must know of the producer's options.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) is_idempotent: bool,
    pub(super) batches_away_max: usize,
    pub(super) batch_bytes: usize,
    pub(super) linger: Duration,
    pub(super) delivery_timeout: Duration,
    pub(super) backoff: Backoff,
}

#[derive(Debug)]
pub(super) struct Queue {
    topic: Arc<str>,
    partition: PartitionIndex,
    next_serial: u64,
    next_ticket: u64,
    /// In order of their serials; what was away and must go again has come back to its place.
    waiting: VecDeque<Batch>,
    /// Takes records; behind everything else.
    open: Option<Batch>,
    /// In order of their serials.
    away: VecDeque<Batch>,
    numbering: Option<Numbering>,
}

#[derive(Clone, Copy, Debug)]
struct Numbering {
    identity: Identity,
    next_sequence: i32,
    /// Whether the broker knows it.
    is_known: bool,
    is_broken: bool,
    /// The serial of the first batch that has left it and was certainly not appended: the broker takes
    /// nothing of it from there on.
    gap: Option<u64>,
}

/// How an attempt to send a batch ended.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    Appended(Appended),
    /// This attempt has not appended the batch.
    Refused(Error),
    /// It may have.
    Unknown(Error),
}

/// Records that are to be told, and room that is free again.
#[derive(Debug)]
pub(super) struct Settlement {
    pub(super) promise: Promise,
    pub(super) outcome: Outcome,
    pub(super) reserved_bytes: usize,
}

impl Settlement {
    /// Not under the producer's lock: callbacks may send.
    pub(super) fn announce(self) {
        self.promise.fulfil(self.outcome);
    }
}

/// What a queue could send now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Nothing,
    /// The waiting batch at this place.
    Waiting(usize),
    /// The open one, early or because its time has come.
    Open,
    /// There is something, but it needs a producer id that is not this one, if there was one.
    Identity(Option<Identity>),
}

impl Queue {
    pub(super) fn new(topic: Arc<str>, partition: PartitionIndex) -> Self {
        Self {
            topic,
            partition,
            next_serial: 0,
            next_ticket: 0,
            waiting: VecDeque::new(),
            open: None,
            away: VecDeque::new(),
            numbering: None,
        }
    }

    pub(super) fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    pub(super) fn partition(&self) -> PartitionIndex {
        self.partition
    }

    /// Batches that are not settled: how busy the partition is.
    pub(super) fn batch_count(&self) -> usize {
        self.waiting.len() + self.away.len() + usize::from(self.open.is_some())
    }

    /// The open batch if a record of up to `bytes` fits; else the old one is sealed and `begin`
    /// makes another. And whether that is news for the sender: a batch was begun, sealed or filled.
    pub(super) fn room_for(
        &mut self,
        bytes: usize,
        rules: &Rules,
        begin: impl FnOnce(&Arc<str>, PartitionIndex, u64) -> Batch,
    ) -> (&mut Batch, bool) {
        let is_full =
            self.open.as_ref().is_some_and(|open| open.bytes() + bytes > rules.batch_bytes);
        if is_full {
            self.seal();
        }
        let is_new = self.open.is_none();
        if is_new {
            self.next_serial += 1;
        }
        let serial = self.next_serial;
        let open = self.open.get_or_insert_with(|| begin(&self.topic, self.partition, serial));
        (open, is_new)
    }

    /// Whether the open batch has no room for anything.
    pub(super) fn is_open_full(&self, rules: &Rules) -> bool {
        self.open.as_ref().is_some_and(|open| open.bytes() >= rules.batch_bytes)
    }

    /// The open batch waits for no more records.
    pub(super) fn seal(&mut self) {
        self.waiting.extend(self.open.take());
    }

    pub(super) fn next(&self, now: Instant, rules: &Rules, identity: Option<Identity>) -> Next {
        if self.away.len() >= rules.batches_away_max {
            return Next::Nothing;
        }
        let numbered = self.waiting.iter().position(|batch| batch.number.is_some());
        let is_broken = self.numbering.is_some_and(|numbering| numbering.is_broken);
        let at = match numbered {
            // While the numbering is broken, what has a number goes first.
            Some(at) if at == 0 || is_broken => at,
            _ if is_broken && !self.away.is_empty() => return Next::Nothing,
            _ => 0,
        };
        let Some(batch) = self.waiting.get(at) else {
            let is_due = self.open.as_ref().is_some_and(|open| {
                self.is_near(open, rules)
                    && (self.is_open_full(rules) || open.created + rules.linger <= now)
            });
            return if is_due { self.if_named(rules, identity, Next::Open) } else { Next::Nothing };
        };
        if batch.not_before.is_some_and(|at| at > now) {
            return Next::Nothing;
        }
        if batch.number.is_some() {
            // It is sent again: whatever was in front of it must be settled first.
            let is_first = self.away.front().is_none_or(|away| away.serial > batch.serial);
            return if is_first { Next::Waiting(at) } else { Next::Nothing };
        }
        if !self.is_near(batch, rules) {
            return Next::Nothing;
        }
        self.if_named(rules, identity, Next::Waiting(at))
    }

    /// Whether a batch that was not sent yet is close enough behind the oldest one that is away.
    fn is_near(&self, batch: &Batch, rules: &Rules) -> bool {
        let is_first = self.numbering.is_some_and(|n| !n.is_known && !n.is_broken);
        let ahead_max = if is_first { 1 } else { rules.batches_away_max as u64 };
        let oldest = self.away.front().map_or(batch.serial, |away| away.serial);
        batch.serial < oldest + ahead_max
    }

    fn if_named(&self, rules: &Rules, identity: Option<Identity>, next: Next) -> Next {
        if !rules.is_idempotent {
            return next;
        }
        match self.numbering {
            Some(numbering) if !numbering.is_broken || next_epoch(numbering.identity).is_some() => {
                next
            }
            Some(numbering) if identity.is_none_or(|new| new.id == numbering.identity.id) => {
                Next::Identity(Some(numbering.identity))
            }
            None if identity.is_none() => Next::Identity(None),
            _ => next,
        }
    }

    /// The size of what [`Queue::next`] said.
    pub(super) fn bytes_of(&self, next: Next) -> usize {
        match next {
            Next::Waiting(at) => self.waiting.get(at).map_or(0, Batch::bytes),
            Next::Open => self.open.as_ref().map_or(0, Batch::bytes),
            Next::Nothing | Next::Identity(_) => 0,
        }
    }

    /// Takes what [`Queue::next`] said with the same arguments, and numbers it.
    pub(super) fn take(
        &mut self,
        next: Next,
        rules: &Rules,
        identity: Option<Identity>,
    ) -> Option<Parcel> {
        let mut batch = match next {
            Next::Waiting(at) => self.waiting.remove(at)?,
            Next::Open => self.open.take()?,
            Next::Nothing | Next::Identity(_) => return None,
        };
        if rules.is_idempotent && batch.number.is_none() {
            let mut numbering = match self.numbering {
                Some(numbering) if !numbering.is_broken => numbering,
                broken => Numbering {
                    identity: broken.and_then(|old| next_epoch(old.identity)).or(identity)?,
                    next_sequence: 0,
                    is_known: false,
                    is_broken: false,
                    gap: None,
                },
            };
            let base_sequence = numbering.next_sequence;
            batch.number = Some(Number { identity: numbering.identity, base_sequence });
            numbering.next_sequence = sequence_after(base_sequence, batch.record_count);
            self.numbering = Some(numbering);
        }
        self.next_ticket += 1;
        batch.ticket = self.next_ticket;
        let parcel = Parcel {
            topic: self.topic.clone(),
            partition: self.partition,
            ticket: batch.ticket,
            number: batch.number,
            body: batch.body.take()?,
        };
        let at = self.away.partition_point(|away| away.serial < batch.serial);
        self.away.insert(at, batch);
        Some(parcel)
    }

    /// A batch that was away is back.
    pub(super) fn returned(
        &mut self,
        ticket: u64,
        body: Body,
        verdict: Verdict,
        now: Instant,
        rules: &Rules,
        chance: f64,
    ) -> Option<Settlement> {
        let at = self.away.iter().position(|batch| batch.ticket == ticket)?;
        let mut batch = self.away.remove(at)?;
        batch.body = Some(body);
        let error = match verdict {
            Verdict::Appended(appended) => {
                if let (Some(number), Some(numbering)) = (batch.number, &mut self.numbering) {
                    numbering.is_known |= numbering.identity == number.identity;
                }
                return settle(batch, Ok(appended));
            }
            Verdict::Refused(error) => error,
            Verdict::Unknown(error) => {
                batch.may_be_appended = true;
                if batch.promise.is_some() && error.is_retriable() {
                    return self.again(batch, error, now, rules, chance);
                }
                return self.give_up(batch, error);
            }
        };
        if batch.promise.is_none() {
            return self.give_up(batch, error);
        }
        let is_numbering_current = self.numbering.is_some_and(|numbering| !numbering.is_broken);
        match error.code() {
            _ if batch.number.is_none() => {}
            Some(ErrorCode::OutOfOrderSequenceNumber) => {
                // Not among those that the broker remembers. If there is a gap before it, or one whose
                // fate is open, it was never appended, and keeps its place behind that one. Else the
                // broker has appended it and forgotten, if an attempt may have been appended:
                // Apache Kafka remembers one batch of a producer over a restart.
                let is_explained =
                    self.has_gap_before(batch.serial) || self.has_numbered_before(batch.serial);
                if batch.may_be_appended && !is_explained {
                    self.break_numbering();
                    return self.give_up(batch, error);
                }
                batch.may_be_appended = false;
                if !is_numbering_current || !self.has_numbered_before(batch.serial) {
                    self.leave_numbering(&mut batch);
                    self.break_numbering();
                }
                return self.again(batch, error, now, rules, chance);
            }
            // The broker has forgotten us, or never knew. Unless an earlier attempt may have
            // succeeded, it is a first attempt under a new number.
            Some(ErrorCode::UnknownProducerId | ErrorCode::InvalidProducerEpoch) => {
                self.break_numbering();
                if batch.may_be_appended {
                    return self.give_up(batch, error);
                }
                self.leave_numbering(&mut batch);
                return self.again(batch, error, now, rules, chance);
            }
            // In a broken numbering whatever is certainly not appended leaves it.
            _ if !is_numbering_current && !batch.may_be_appended => {
                self.leave_numbering(&mut batch);
            }
            _ => {}
        }
        if error.is_retriable() {
            return self.again(batch, error, now, rules, chance);
        }
        let is_too_large = error.code() == Some(ErrorCode::MessageTooLarge);
        if is_too_large && batch.record_count > 1 && !batch.may_be_appended {
            self.put_in_its_place(batch.split());
            return None;
        }
        self.give_up(batch, error)
    }

    /// The halves of a batch, where it was.
    fn put_in_its_place(&mut self, halves: [Batch; 2]) {
        let [first, _] = &halves;
        let at = self.waiting.partition_point(|waiting| waiting.serial < first.serial);
        let behind = self.away.iter_mut().chain(&mut self.waiting).chain(&mut self.open);
        for batch in behind.filter(|batch| batch.serial > first.serial) {
            batch.serial += 1;
        }
        let gap = self.numbering.as_mut().and_then(|numbering| numbering.gap.as_mut());
        if let Some(gap) = gap.filter(|gap| **gap > first.serial) {
            *gap += 1;
        }
        self.next_serial += 1;
        halves.into_iter().rev().for_each(|half| self.waiting.insert(at, half));
    }

    /// Gives up what has waited too long, and tells the records of what is away for too long.
    pub(super) fn expire(&mut self, now: Instant, rules: &Rules) -> Vec<Settlement> {
        let is_late = |batch: &Batch| batch.created + rules.delivery_timeout <= now;
        let error = Error::TimedOut {
            context: format!("produce to {}/{}", self.topic, self.partition).into(),
        };
        let mut settled = Vec::new();
        for batch in self.away.iter_mut().filter(|batch| is_late(batch)) {
            settled.extend(batch.promise.take().map(|promise| Settlement {
                promise,
                outcome: Err(error.clone()),
                reserved_bytes: std::mem::take(&mut batch.reserved_bytes),
            }));
        }
        if self.open.as_ref().is_some_and(is_late) {
            self.seal();
        }
        let waiting = std::mem::take(&mut self.waiting);
        let (late, waiting): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_late);
        self.waiting = waiting.into();
        settled.extend(late.into_iter().filter_map(|batch| self.give_up(batch, error.clone())));
        settled
    }

    /// Gives up everything.
    pub(super) fn fail_all(&mut self, error: &Error) -> Vec<Settlement> {
        self.seal();
        self.away.iter_mut().for_each(|batch| batch.may_be_appended = true);
        let all: Vec<Batch> = self.away.drain(..).chain(self.waiting.drain(..)).collect();
        all.into_iter().filter_map(|batch| self.give_up(batch, error.clone())).collect()
    }

    /// When [`Queue::next`] or [`Queue::expire`] will have something that they have not now.
    pub(super) fn next_alarm(&self, now: Instant, rules: &Rules) -> Option<Instant> {
        let all = || self.away.iter().chain(&self.waiting).chain(&self.open);
        let late = all().filter(|batch| batch.promise.is_some());
        let late = late.map(|batch| batch.created + rules.delivery_timeout);
        let due = self.open.iter().map(|open| open.created + rules.linger);
        let again = self.waiting.iter().filter_map(|batch| batch.not_before);
        late.chain(due).chain(again).filter(|&at| at > now).min()
    }

    /// Everything that is not settled.
    pub(super) fn promises(&self) -> impl Iterator<Item = &Promise> {
        let all = self.away.iter().chain(&self.waiting).chain(&self.open);
        all.filter_map(|batch| batch.promise.as_ref())
    }

    fn has_numbered_before(&self, serial: u64) -> bool {
        let all = self.away.iter().chain(&self.waiting);
        all.filter(|batch| batch.number.is_some()).any(|batch| batch.serial < serial)
    }

    fn again(
        &mut self,
        mut batch: Batch,
        error: Error,
        now: Instant,
        rules: &Rules,
        chance: f64,
    ) -> Option<Settlement> {
        batch.attempts = batch.attempts.saturating_add(1);
        let next = now + rules.backoff.pause(batch.attempts, chance);
        if next > batch.created + rules.delivery_timeout {
            return self.give_up(batch, error);
        }
        batch.not_before = Some(next);
        let at = self.waiting.partition_point(|waiting| waiting.serial < batch.serial);
        self.waiting.insert(at, batch);
        None
    }

    fn give_up(&mut self, batch: Batch, error: Error) -> Option<Settlement> {
        if let (Some(number), Some(numbering)) = (batch.number, &mut self.numbering) {
            let next = sequence_after(number.base_sequence, batch.record_count);
            let is_last = numbering.identity == number.identity && numbering.next_sequence == next;
            if is_last && !batch.may_be_appended && !numbering.is_broken {
                // As if it had never been numbered.
                numbering.next_sequence = number.base_sequence;
            } else {
                self.break_numbering();
                if !batch.may_be_appended {
                    self.note_gap(batch.serial);
                }
            }
        }
        let error = match batch.may_be_appended {
            true => error.after_an_unknown_outcome(),
            false => error,
        };
        settle(batch, Err(error))
    }

    fn has_gap_before(&self, serial: u64) -> bool {
        let gap = self.numbering.and_then(|numbering| numbering.gap);
        gap.is_some_and(|gap| gap < serial)
    }

    /// For a batch that was certainly not appended under its number.
    fn leave_numbering(&mut self, batch: &mut Batch) {
        batch.number = None;
        self.note_gap(batch.serial);
    }

    fn note_gap(&mut self, serial: u64) {
        if let Some(numbering) = &mut self.numbering {
            numbering.gap = Some(numbering.gap.map_or(serial, |gap| gap.min(serial)));
        }
    }

    fn break_numbering(&mut self) {
        let numbered = self.waiting.iter_mut().filter(|batch| batch.number.is_some());
        let mut gap = None;
        for batch in numbered.filter(|batch| !batch.may_be_appended) {
            batch.number = None;
            gap = gap.or(Some(batch.serial));
        }
        if let Some(numbering) = &mut self.numbering {
            numbering.is_broken = true;
        }
        gap.into_iter().for_each(|gap| self.note_gap(gap));
    }
}

fn settle(batch: Batch, outcome: Outcome) -> Option<Settlement> {
    let reserved_bytes = batch.reserved_bytes;
    batch.promise.map(|promise| Settlement { promise, outcome, reserved_bytes })
}

/// None at the last one: then a new producer id is needed.
fn next_epoch(identity: Identity) -> Option<Identity> {
    let epoch = identity.epoch.get().checked_add(1).filter(|&epoch| epoch < i16::MAX)?;
    Some(Identity { id: identity.id, epoch: ProducerEpoch::new(epoch) })
}

#[cfg(test)]
#[path = "queue_test.rs"]
mod queue_test;
