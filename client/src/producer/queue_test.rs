use std::collections::VecDeque;

use pelton_model::batch::{BatchFields, NewRecord};
use pelton_model::{Offset, ProducerId};

use super::*;
use crate::producer::answer::judge;
use crate::producer::record::Delivery;

const LINGER: Duration = Duration::from_millis(5);
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);

fn rules(is_idempotent: bool) -> Rules {
    Rules {
        is_idempotent,
        batches_away_max: if is_idempotent { BATCHES_AWAY_MAX } else { 1 },
        batch_bytes: 1000,
        linger: LINGER,
        delivery_timeout: DELIVERY_TIMEOUT,
        backoff: Backoff { first: Duration::from_millis(100), max: Duration::from_secs(1) },
    }
}

/// A queue, a clock, and the producer id that the broker would give.
struct Bench {
    queue: Queue,
    rules: Rules,
    now: Instant,
    identity: Option<Identity>,
}

impl Bench {
    fn new(is_idempotent: bool) -> Self {
        Self {
            queue: Queue::new("t".into(), PartitionIndex::new(0)),
            rules: rules(is_idempotent),
            now: Instant::now(),
            identity: Some(Identity { id: ProducerId::new(7), epoch: ProducerEpoch::new(0) }),
        }
    }

    fn push(&mut self, value_bytes: usize) -> Delivery {
        let value = vec![0; value_bytes];
        let record = NewRecord { value: Some(&value), ..NewRecord::default() };
        let (rules, now) = (self.rules, self.now);
        let (batch, _) =
            self.queue.room_for(value_bytes + 36, &rules, |topic, partition, serial| {
                Batch::new(topic, partition, serial, BatchFields::default(), now)
            });
        batch.push(&record, 1, None)
    }

    /// A first batch is acknowledged: the broker knows the producer. Sequences go on at 1.
    fn introduced() -> Self {
        let mut bench = Self::new(true);
        bench.push_batch();
        let parcel = bench.take().unwrap();
        bench.back(parcel, appended(0)).unwrap();
        bench
    }

    /// A batch of its own.
    fn push_batch(&mut self) -> Delivery {
        let delivery = self.push(10);
        self.queue.seal();
        delivery
    }

    fn take(&mut self) -> Option<Parcel> {
        let next = self.queue.next(self.now, &self.rules, self.identity);
        self.queue.take(next, &self.rules, self.identity)
    }

    fn back(&mut self, parcel: Parcel, verdict: Verdict) -> Option<Settlement> {
        self.queue.returned(parcel.serial, parcel.body, verdict, self.now, &self.rules, 0.5)
    }

    fn wait(&mut self, duration: Duration) {
        self.now += duration;
    }
}

fn appended(offset: i64) -> Verdict {
    Verdict::Appended(Appended { base_offset: Some(Offset::new(offset)), log_append_time: None })
}

/// The leader answers this.
fn answered(code: ErrorCode) -> Verdict {
    judge(Error::broker("produce", code))
}

fn lost() -> Verdict {
    Verdict::Unknown(Error::connection(&"127.0.0.1:1".into(), "gone"))
}

/// Epoch and sequence.
fn number(parcel: &Parcel) -> (i16, i32) {
    let number = parcel.number.unwrap();
    (number.identity.epoch.get(), number.base_sequence)
}

#[test]
fn an_open_batch_waits_for_its_linger_time() {
    let mut bench = Bench::new(true);
    bench.push(10);
    assert!(bench.take().is_none());
    assert_eq!(bench.queue.next_alarm(bench.now, &bench.rules), Some(bench.now + LINGER));
    bench.wait(LINGER);
    assert!(bench.take().is_some());
}

#[test]
fn a_full_batch_waits_for_nothing() {
    let mut bench = Bench::new(true);
    bench.push(800);
    bench.push(800);
    assert!(bench.take().is_some());
    assert!(bench.take().is_none());
}

#[test]
fn with_idempotence_five_batches_are_away_and_numbered_in_order() {
    let mut bench = Bench::introduced();
    for _ in 0..6 {
        bench.push_batch();
    }
    let numbers: Vec<_> = (0..5).map(|_| number(&bench.take().unwrap())).collect();
    assert_eq!(numbers, [(0, 1), (0, 2), (0, 3), (0, 4), (0, 5)]);
    assert!(bench.take().is_none());
}

#[test]
fn without_idempotence_one_batch_is_away() {
    let mut bench = Bench::new(false);
    bench.push_batch();
    bench.push_batch();
    let first = bench.take().unwrap();
    assert_eq!(first.number, None);
    assert!(bench.take().is_none());
    bench.back(first, appended(0));
    assert!(bench.take().is_some());
}

#[test]
fn what_failed_goes_again_under_its_number_and_alone() {
    let mut bench = Bench::introduced();
    for _ in 0..3 {
        bench.push_batch();
    }
    let (first, second) = (bench.take().unwrap(), bench.take().unwrap());
    assert!(bench.back(second, lost()).is_none());
    bench.wait(Duration::from_secs(1));
    // The first is still away: what comes behind it must not overtake it.
    assert!(bench.take().is_none());
    assert!(bench.back(first, lost()).is_none());
    assert!(bench.take().is_none(), "the backoff is not over");
    bench.wait(Duration::from_secs(1));
    let first = bench.take().unwrap();
    assert_eq!(number(&first), (0, 1));
    assert!(bench.take().is_none());
    assert!(bench.back(first, appended(0)).is_some());
    assert_eq!(number(&bench.take().unwrap()), (0, 2));
}

#[test]
fn a_broker_gets_to_know_the_producer_before_the_second_batch_is_sent() {
    let mut bench = Bench::new(true);
    bench.push_batch();
    bench.push_batch();
    let first = bench.take().unwrap();
    assert!(bench.take().is_none());
    bench.back(first, answered(ErrorCode::NotLeaderOrFollower));
    bench.wait(Duration::from_secs(1));
    let first = bench.take().unwrap();
    assert_eq!(number(&first), (0, 0));
    assert!(bench.take().is_none());
    bench.back(first, appended(0));
    assert_eq!(number(&bench.take().unwrap()), (0, 1));
}

#[test]
fn no_batch_goes_so_far_ahead_that_the_broker_forgets_the_one_before() {
    let mut bench = Bench::introduced();
    for _ in 0..7 {
        bench.push_batch();
    }
    let first = bench.take().unwrap();
    for offset in 1..5 {
        let parcel = bench.take().unwrap();
        bench.back(parcel, appended(offset));
    }
    assert!(bench.take().is_none());
    bench.back(first, appended(0));
    assert!(bench.take().is_some());
}

#[test]
fn a_batch_behind_one_that_failed_keeps_its_number() {
    let mut bench = Bench::introduced();
    bench.push_batch();
    bench.push_batch();
    let (first, second) = (bench.take().unwrap(), bench.take().unwrap());
    bench.back(first, answered(ErrorCode::NotLeaderOrFollower));
    bench.back(second, answered(ErrorCode::OutOfOrderSequenceNumber));
    bench.wait(Duration::from_secs(1));
    let first = bench.take().unwrap();
    assert_eq!(number(&first), (0, 1));
    bench.back(first, appended(0));
    assert_eq!(number(&bench.take().unwrap()), (0, 2));
}

#[test]
fn what_was_certainly_not_appended_leaves_no_gap() {
    let mut bench = Bench::new(true);
    bench.push_batch();
    let first = bench.take().unwrap();
    let settled = bench.back(first, answered(ErrorCode::MessageTooLarge)).unwrap();
    assert_eq!(settled.outcome.unwrap_err().code(), Some(ErrorCode::MessageTooLarge));
    bench.push_batch();
    assert_eq!(number(&bench.take().unwrap()), (0, 0));
}

/// The record behind it would be taken for a duplicate, acknowledged, and be nowhere.
#[test]
fn after_an_error_that_proves_nothing_no_number_is_used_again() {
    for code in [
        ErrorCode::KafkaStorageError,
        ErrorCode::NotLeaderOrFollower,
        ErrorCode::UnknownTopicOrPartition,
        ErrorCode::UnknownTopicId,
        ErrorCode::FencedLeaderEpoch,
        ErrorCode::UnknownServerError,
    ] {
        let mut bench = Bench::introduced();
        bench.push_batch();
        let parcel = bench.take().unwrap();
        assert_eq!(number(&parcel), (0, 1));
        let mut settled = Vec::from_iter(bench.back(parcel, answered(code)));
        bench.wait(DELIVERY_TIMEOUT);
        settled.extend(bench.queue.expire(bench.now, &bench.rules));
        assert_eq!(settled.len(), 1, "{code}");
        assert!(settled.remove(0).outcome.unwrap_err().is_outcome_unknown(), "{code}");
        bench.push_batch();
        assert_eq!(number(&bench.take().unwrap()), (1, 0), "{code}");
    }
}

#[test]
fn after_a_refusal_a_number_is_used_again() {
    let mut bench = Bench::introduced();
    bench.push_batch();
    let parcel = bench.take().unwrap();
    assert!(bench.back(parcel, answered(ErrorCode::NotEnoughReplicas)).is_none());
    bench.wait(DELIVERY_TIMEOUT);
    assert_eq!(bench.queue.expire(bench.now, &bench.rules).len(), 1);
    bench.push_batch();
    assert_eq!(number(&bench.take().unwrap()), (0, 1));
}

#[test]
fn a_refusal_says_nothing_of_the_attempts_before_it() {
    for is_lost_before in [false, true] {
        let mut bench = Bench::introduced();
        bench.push_batch();
        if is_lost_before {
            let parcel = bench.take().unwrap();
            assert!(bench.back(parcel, lost()).is_none());
        }
        bench.wait(DELIVERY_TIMEOUT - Duration::from_millis(1));
        let parcel = bench.take().unwrap();
        let settled = bench.back(parcel, answered(ErrorCode::NotEnoughReplicas)).unwrap();
        let error = settled.outcome.unwrap_err();
        assert_eq!(error.is_outcome_unknown(), is_lost_before, "{error}");
        assert!(error.is_retriable());
    }
}

#[test]
fn behind_a_gap_numbers_begin_again_under_the_next_epoch() {
    let mut bench = Bench::introduced();
    for _ in 0..3 {
        bench.push_batch();
    }
    let parcels: Vec<_> = (0..3).map(|_| bench.take().unwrap()).collect();
    let mut parcels = parcels.into_iter();
    assert!(bench.back(parcels.next().unwrap(), answered(ErrorCode::MessageTooLarge)).is_some());
    // The second is refused for the gap; the third's fate is not known.
    bench.back(parcels.next().unwrap(), answered(ErrorCode::OutOfOrderSequenceNumber));
    bench.back(parcels.next().unwrap(), lost());
    bench.wait(Duration::from_secs(1));
    let third = bench.take().unwrap();
    assert_eq!(number(&third), (0, 3), "its old number tells what became of it");
    assert!(bench.take().is_none());
    bench.back(third, answered(ErrorCode::OutOfOrderSequenceNumber));
    bench.wait(Duration::from_secs(1));
    let second = bench.take().unwrap();
    assert_eq!(number(&second), (1, 0));
    bench.back(second, appended(1));
    assert_eq!(number(&bench.take().unwrap()), (1, 1));
}

#[test]
fn a_forgotten_producer_repeats_only_what_was_certainly_not_appended() {
    let mut bench = Bench::introduced();
    bench.push_batch();
    bench.push_batch();
    let (first, second) = (bench.take().unwrap(), bench.take().unwrap());
    bench.back(first, lost());
    bench.back(second, answered(ErrorCode::NotEnoughReplicas));
    bench.wait(Duration::from_secs(1));
    let first = bench.take().unwrap();
    let settled = bench.back(first, answered(ErrorCode::UnknownProducerId)).unwrap();
    assert_eq!(settled.outcome.unwrap_err().code(), Some(ErrorCode::UnknownProducerId));
    assert_eq!(number(&bench.take().unwrap()), (1, 0));
}

#[test]
fn behind_the_last_epoch_another_producer_id_is_wanted() {
    let mut bench = Bench::new(true);
    let last = Identity { id: ProducerId::new(7), epoch: ProducerEpoch::new(i16::MAX - 1) };
    bench.identity = Some(last);
    bench.push_batch();
    let parcel = bench.take().unwrap();
    bench.back(parcel, answered(ErrorCode::UnknownProducerId));
    bench.wait(Duration::from_secs(1));
    let next = bench.queue.next(bench.now, &bench.rules, bench.identity);
    assert_eq!(next, Next::Identity(Some(last)));
    let new = Identity { id: ProducerId::new(8), epoch: ProducerEpoch::new(0) };
    bench.identity = Some(new);
    assert_eq!(bench.take().unwrap().number.unwrap().identity, new);
}

#[test]
fn without_a_producer_id_nothing_is_sent() {
    let mut bench = Bench::new(true);
    bench.identity = None;
    bench.push_batch();
    assert_eq!(bench.queue.next(bench.now, &bench.rules, None), Next::Identity(None));
    assert!(bench.take().is_none());
}

#[test]
fn records_hear_in_time_although_their_batch_is_away() {
    let mut bench = Bench::new(true);
    bench.push_batch();
    let parcel = bench.take().unwrap();
    bench.push_batch();
    bench.wait(DELIVERY_TIMEOUT);
    let settled = bench.queue.expire(bench.now, &bench.rules);
    assert_eq!(settled.len(), 2);
    for settlement in settled {
        assert!(matches!(settlement.outcome, Err(Error::TimedOut { .. })));
        assert_eq!(settlement.reserved_bytes, 1);
    }
    assert!(bench.queue.expire(bench.now, &bench.rules).is_empty());
    // It turns out to be appended: the numbers go on behind it.
    assert!(bench.back(parcel, appended(0)).is_none());
    bench.push_batch();
    assert_eq!(number(&bench.take().unwrap()), (0, 1));
}

/// A partition of a broker, as far as numbers are concerned.
#[derive(Default)]
struct Broker {
    /// The serials of the batches in the log.
    log: Vec<u64>,
    /// Known since its first batch, which may begin anywhere.
    is_known: bool,
    epoch: i16,
    next_sequence: i32,
    /// Base sequences with their offsets.
    remembered: VecDeque<(i32, i64)>,
}

impl Broker {
    fn produce(&mut self, parcel: &Parcel) -> Result<i64, ErrorCode> {
        let Some(number) = parcel.number else { return Ok(self.append(parcel.serial)) };
        let (epoch, sequence) = (number.identity.epoch.get(), number.base_sequence);
        if !self.is_known {
            (self.is_known, self.epoch, self.next_sequence) = (true, epoch, sequence);
        }
        if epoch < self.epoch {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        if epoch > self.epoch {
            if sequence != 0 {
                return Err(ErrorCode::OutOfOrderSequenceNumber);
            }
            let log = std::mem::take(&mut self.log);
            *self = Broker { log, is_known: true, epoch, ..Broker::default() };
        }
        if let Some((_, offset)) = self.remembered.iter().find(|(base, _)| *base == sequence) {
            return Ok(*offset);
        }
        if sequence != self.next_sequence {
            return Err(ErrorCode::OutOfOrderSequenceNumber);
        }
        let offset = self.append(parcel.serial);
        self.next_sequence += 1;
        self.remembered.push_back((sequence, offset));
        if self.remembered.len() > BATCHES_AWAY_MAX {
            self.remembered.pop_front();
        }
        Ok(offset)
    }

    fn append(&mut self, serial: u64) -> i64 {
        self.log.push(serial);
        self.log.len() as i64 - 1
    }
}

/// Batches of one record each go to a broker over a connection that breaks, to leaders that move,
/// and some are refused for good; what the log holds in the end.
fn storm(seed: u64, is_idempotent: bool) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let (mut bench, mut broker) = (Bench::new(is_idempotent), Broker::default());
    let mut wire: VecDeque<Parcel> = VecDeque::new();
    let mut acknowledged = Vec::new();
    let (mut pushed, mut settled) = (0, 0);
    let mut settle = |settlement: Option<Settlement>, serial: u64, settled: &mut u32| {
        let Some(settlement) = settlement else { return };
        *settled += 1;
        if let Ok(Appended { base_offset: Some(offset), .. }) = settlement.outcome {
            acknowledged.push((serial, offset.get()));
        }
    };
    for step in 0..5000 {
        let is_calm = step > 1500;
        bench.wait(Duration::from_millis(dice.u64(0..200)));
        settled += bench.queue.expire(bench.now, &bench.rules).len() as u32;
        if !is_calm && dice.u8(..) < 100 {
            bench.push_batch();
            pushed += 1;
        }
        while dice.bool() {
            let Some(parcel) = bench.take() else { break };
            wire.push_back(parcel);
        }
        if !is_calm && dice.u8(..) < 12 {
            // The connection breaks: some of what is on it was done.
            let done = dice.usize(0..=wire.len());
            for (at, parcel) in std::mem::take(&mut wire).into_iter().enumerate() {
                if at < done {
                    let _ = broker.produce(&parcel);
                }
                let serial = parcel.serial;
                settle(bench.back(parcel, lost()), serial, &mut settled);
            }
        } else if let Some(parcel) = wire.pop_front() {
            let serial = parcel.serial;
            let verdict = if !is_calm && dice.u8(..) < 12 {
                // The leader moves, before it appends or behind.
                if dice.bool() {
                    let _ = broker.produce(&parcel);
                }
                answered(ErrorCode::NotLeaderOrFollower)
            } else if serial % 16 == seed % 16 {
                answered(ErrorCode::MessageTooLarge)
            } else {
                match broker.produce(&parcel) {
                    Ok(offset) => appended(offset),
                    Err(code) => answered(code),
                }
            };
            settle(bench.back(parcel, verdict), serial, &mut settled);
        }
        if is_calm && settled == pushed && wire.is_empty() {
            break;
        }
    }
    assert_eq!(settled, pushed, "seed {seed}: everything is settled in the end");
    assert!(!acknowledged.is_empty(), "seed {seed}");
    let is_in_order = match is_idempotent {
        true => broker.log.is_sorted_by(|a, b| a < b),
        false => broker.log.is_sorted(),
    };
    assert!(is_in_order, "seed {seed}: {:?}", broker.log);
    for (serial, offset) in acknowledged {
        assert_eq!(broker.log[offset as usize], serial, "seed {seed}");
    }
}

#[test]
fn whatever_fails_the_order_is_kept_and_nothing_is_there_twice() {
    (0..500).for_each(|seed| storm(seed, true));
}

#[test]
fn without_idempotence_the_order_is_kept() {
    (0..100).for_each(|seed| storm(seed, false));
}
