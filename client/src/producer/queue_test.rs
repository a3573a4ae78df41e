use std::collections::VecDeque;

use futures::FutureExt;
use pelton_model::batch::{BatchFields, BatchHeader, NewRecord, Records};
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
        self.push_value(&vec![0; value_bytes])
    }

    fn push_value(&mut self, value: &[u8]) -> Delivery {
        let record = NewRecord { value: Some(value), ..NewRecord::default() };
        let (rules, now) = (self.rules, self.now);
        let (batch, _) =
            self.queue.room_for(value.len() + 36, &rules, |topic, partition, serial| {
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

    /// A batch of records of these values.
    fn push_values(&mut self, values: std::ops::Range<u32>) -> Vec<Delivery> {
        let deliveries = values.map(|value| self.push_value(&value.to_be_bytes())).collect();
        self.queue.seal();
        deliveries
    }

    fn take(&mut self) -> Option<Parcel> {
        let next = self.queue.next(self.now, &self.rules, self.identity);
        self.queue.take(next, &self.rules, self.identity)
    }

    fn back(&mut self, parcel: Parcel, verdict: Verdict) -> Option<Settlement> {
        self.queue.returned(parcel.ticket, parcel.body, verdict, self.now, &self.rules, 0.5)
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

/// The records that it would be sent with.
fn values(parcel: &mut Parcel) -> Vec<u32> {
    let batch = parcel.encode();
    let header = BatchHeader::read(&batch).unwrap();
    let number = parcel.number.map_or(-1, |number| number.base_sequence);
    assert_eq!(header.base_sequence, number);
    let records = Records::new(&header, &batch[BatchHeader::BYTES..]);
    let values = records.map(|record| record.unwrap().value.unwrap().try_into().unwrap());
    values.map(u32::from_be_bytes).collect()
}

/// What a record's user has heard so far.
fn heard(delivery: &Delivery) -> Option<Result<i64, Option<ErrorCode>>> {
    let told = delivery.clone().now_or_never()?;
    Some(told.map(|it| it.offset.unwrap().get()).map_err(|error| error.code()))
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

/// Its request may be done although nobody waits for the answer.
#[test]
fn the_number_of_what_is_given_up_while_it_is_away_is_not_used_again() {
    let mut bench = Bench::introduced();
    let delivery = bench.push_batch();
    bench.take().unwrap();
    let refused = Error::broker("producer id", ErrorCode::ClusterAuthorizationFailed);
    bench.queue.fail_all(&refused).into_iter().for_each(Settlement::announce);
    let error = delivery.now_or_never().unwrap().unwrap_err();
    assert!(error.is_outcome_unknown(), "{error}");
    assert_eq!(error.code(), Some(ErrorCode::ClusterAuthorizationFailed));
    bench.push_batch();
    assert_eq!(number(&bench.take().unwrap()), (1, 0));
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
fn what_the_broker_has_appended_and_forgotten_is_not_sent_again() {
    let mut bench = Bench::introduced();
    let mut broker = Broker::new(1, |_| false);
    (broker.is_known, broker.next_sequence) = (true, 1);
    let deliveries: Vec<_> =
        (1..=5).flat_map(|value| bench.push_values(value..value + 1)).collect();
    let parcels: Vec<_> = std::iter::from_fn(|| bench.take()).collect();
    for mut parcel in parcels {
        broker.produce(&mut parcel).unwrap();
        bench.back(parcel, lost());
    }
    broker.restart();
    let later = bench.push_values(6..7);
    bench.wait(Duration::from_secs(1));
    while let Some(mut parcel) = bench.take() {
        let verdict = match broker.produce(&mut parcel) {
            Ok(offset) => appended(offset),
            Err(code) => answered(code),
        };
        bench.back(parcel, verdict).into_iter().for_each(Settlement::announce);
    }
    assert_eq!(broker.log, [1, 2, 3, 4, 5, 6]);
    for delivery in &deliveries[..4] {
        let error = delivery.clone().now_or_never().unwrap().unwrap_err();
        assert!(error.is_outcome_unknown(), "{error}");
    }
    assert_eq!([heard(&deliveries[4]), heard(&later[0])], [Some(Ok(4)), Some(Ok(5))]);
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

#[test]
fn too_large_a_batch_goes_in_halves_under_its_numbers_and_in_its_place() {
    let mut bench = Bench::introduced();
    let first = bench.push_values(0..5);
    let second = bench.push_values(5..7);
    let (whole, behind) = (bench.take().unwrap(), bench.take().unwrap());
    assert_eq!((number(&whole), number(&behind)), ((0, 1), (0, 6)));
    assert!(bench.back(whole, answered(ErrorCode::MessageTooLarge)).is_none());
    assert!(bench.back(behind, answered(ErrorCode::OutOfOrderSequenceNumber)).is_none());
    bench.wait(Duration::from_secs(1));

    let mut reserved = 0;
    let mut offset = 1;
    for (base_sequence, records, is_too_large) in [
        (1, 0..2, false),
        (3, 2..5, true),
        (3, 2..3, false),
        (4, 3..5, true),
        (4, 3..4, false),
        (5, 4..5, false),
        (6, 5..7, false),
    ] {
        let mut parcel = bench.take().unwrap();
        assert_eq!(number(&parcel), (0, base_sequence));
        assert!(bench.take().is_none(), "what is behind it waits");
        assert!(values(&mut parcel).into_iter().eq(records.clone()));
        if is_too_large {
            assert!(bench.back(parcel, answered(ErrorCode::MessageTooLarge)).is_none());
            continue;
        }
        let settlement = bench.back(parcel, appended(offset)).unwrap();
        offset += records.len() as i64;
        reserved += settlement.reserved_bytes;
        settlement.announce();
    }
    assert_eq!(reserved, 7);
    let heard: Vec<_> = first.iter().chain(&second).map(heard).collect();
    assert_eq!(heard, (1..8).map(|offset| Some(Ok(offset))).collect::<Vec<_>>());
}

#[test]
fn one_record_that_is_too_large_fails_alone() {
    let mut bench = Bench::introduced();
    let deliveries = bench.push_values(0..2);
    let whole = bench.take().unwrap();
    bench.back(whole, answered(ErrorCode::MessageTooLarge));
    let first = bench.take().unwrap();
    bench.back(first, answered(ErrorCode::MessageTooLarge)).unwrap().announce();
    assert_eq!(heard(&deliveries[0]), Some(Err(Some(ErrorCode::MessageTooLarge))));
    assert_eq!(heard(&deliveries[1]), None);
    let mut second = bench.take().unwrap();
    assert_eq!(values(&mut second), [1]);
    bench.back(second, appended(1)).unwrap().announce();
    assert_eq!(heard(&deliveries[1]), Some(Ok(1)));
}

/// A broker that has it all would not know its halves for duplicates.
#[test]
fn what_may_be_appended_is_not_split() {
    let mut bench = Bench::introduced();
    bench.push_values(0..2);
    let whole = bench.take().unwrap();
    bench.back(whole, lost());
    bench.wait(Duration::from_secs(1));
    let whole = bench.take().unwrap();
    let settled = bench.back(whole, answered(ErrorCode::MessageTooLarge)).unwrap();
    assert_eq!(settled.outcome.unwrap_err().code(), Some(ErrorCode::MessageTooLarge));
    assert!(bench.take().is_none());
}

#[test]
fn halves_that_have_lost_their_number_are_two_batches_to_the_next_numbering() {
    let mut bench = Bench::introduced();
    bench.push_batch();
    bench.push_values(0..2);
    let (refused, whole) = (bench.take().unwrap(), bench.take().unwrap());
    bench.back(refused, answered(ErrorCode::InvalidRecord)).unwrap();
    bench.back(whole, answered(ErrorCode::MessageTooLarge));
    let first = bench.take().unwrap();
    assert_eq!(number(&first), (1, 0));
    assert!(bench.take().is_none(), "the broker does not know the producer yet");
    bench.back(first, appended(1));
    // And as many are away as may be.
    (0..6).for_each(|_| drop(bench.push_batch()));
    let numbers: Vec<_> = std::iter::from_fn(|| bench.take()).map(|it| number(&it).1).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
}

#[test]
fn without_idempotence_halves_go_one_after_the_other() {
    let mut bench = Bench::new(false);
    bench.push_values(0..2);
    bench.push_values(2..3);
    let whole = bench.take().unwrap();
    bench.back(whole, answered(ErrorCode::MessageTooLarge));
    for value in 0..3 {
        let mut parcel = bench.take().unwrap();
        assert!(bench.take().is_none());
        assert_eq!((values(&mut parcel), parcel.number), (vec![value], None));
        bench.back(parcel, appended(0));
    }
}

#[test]
fn both_halves_hear_when_their_time_is_over() {
    let mut bench = Bench::new(true);
    let deliveries = bench.push_values(0..2);
    let whole = bench.take().unwrap();
    bench.back(whole, answered(ErrorCode::MessageTooLarge));
    bench.take().unwrap();
    bench.wait(DELIVERY_TIMEOUT);
    let settled = bench.queue.expire(bench.now, &bench.rules);
    assert_eq!(settled.iter().map(|it| it.reserved_bytes).sum::<usize>(), 2);
    settled.into_iter().for_each(Settlement::announce);
    assert_eq!(deliveries.iter().map(heard).collect::<Vec<_>>(), [Some(Err(None)); 2]);
}

/// A partition of a broker, as far as numbers are concerned.
struct Broker {
    /// The values of the records in the log.
    log: Vec<u32>,
    /// Larger batches are refused.
    batch_records_max: usize,
    /// And of some records every batch.
    is_refused: fn(u32) -> bool,
    /// Known since its first batch, which may begin anywhere.
    is_known: bool,
    epoch: i16,
    next_sequence: i32,
    /// Base sequences with the number of records, and their offsets.
    remembered: VecDeque<(i32, usize, i64)>,
}

impl Broker {
    fn new(batch_records_max: usize, is_refused: fn(u32) -> bool) -> Self {
        Self {
            log: Vec::new(),
            batch_records_max,
            is_refused,
            is_known: false,
            epoch: 0,
            next_sequence: 0,
            remembered: VecDeque::new(),
        }
    }

    fn produce(&mut self, parcel: &mut Parcel) -> Result<i64, ErrorCode> {
        let records = values(parcel);
        if records.len() > self.batch_records_max || records.iter().any(|&it| (self.is_refused)(it))
        {
            return Err(ErrorCode::MessageTooLarge);
        }
        let Some(number) = parcel.number else { return Ok(self.append(&records)) };
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
            (self.epoch, self.next_sequence) = (epoch, 0);
            self.remembered.clear();
        }
        let known =
            |&&(base, count, _): &&(i32, usize, i64)| (base, count) == (sequence, records.len());
        if let Some((.., offset)) = self.remembered.iter().find(known) {
            return Ok(*offset);
        }
        if sequence != self.next_sequence {
            return Err(ErrorCode::OutOfOrderSequenceNumber);
        }
        let offset = self.append(&records);
        self.next_sequence += records.len() as i32;
        self.remembered.push_back((sequence, records.len(), offset));
        if self.remembered.len() > BATCHES_AWAY_MAX {
            self.remembered.pop_front();
        }
        Ok(offset)
    }

    /// Apache Kafka's snapshots of producers hold one batch of each.
    fn restart(&mut self) {
        let forgotten = self.remembered.len().saturating_sub(1);
        self.remembered.drain(..forgotten);
    }

    fn append(&mut self, records: &[u32]) -> i64 {
        let offset = self.log.len() as i64;
        self.log.extend(records);
        offset
    }
}

/// Batches of up to so many records go to a broker over a connection that breaks, to leaders that
/// move, and some are too large for what the topic's limit is just then; what the log holds in the
/// end, and what was told of it.
fn storm(seed: u64, is_idempotent: bool, batch_records_max: u32) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut bench = Bench::new(is_idempotent);
    let mut broker = Broker::new(3, |value| value % 16 == 7);
    let mut wire: VecDeque<Parcel> = VecDeque::new();
    let (mut deliveries, mut released) = (Vec::new(), 0);
    let mut settle = |settled: Vec<Settlement>| {
        released += settled.iter().map(|settlement| settlement.reserved_bytes).sum::<usize>();
        settled.into_iter().for_each(Settlement::announce);
        released
    };
    for step in 0..20_000 {
        let is_calm = step > 1500;
        if dice.u8(..) < 6 {
            broker.batch_records_max = dice.usize(1..8);
        }
        bench.wait(Duration::from_millis(dice.u64(0..200)));
        settle(bench.queue.expire(bench.now, &bench.rules));
        if !is_calm && dice.u8(..) < 100 {
            let from = deliveries.len() as u32;
            deliveries.extend(bench.push_values(from..from + dice.u32(1..=batch_records_max)));
        }
        while dice.bool() {
            let Some(parcel) = bench.take() else { break };
            wire.push_back(parcel);
        }
        let mut back = Vec::new();
        if !is_calm && dice.u8(..) < 12 {
            // The connection breaks: some of what is on it was done.
            let done = dice.usize(0..=wire.len());
            for (at, mut parcel) in std::mem::take(&mut wire).into_iter().enumerate() {
                if at < done {
                    let _ = broker.produce(&mut parcel);
                }
                back.extend(bench.back(parcel, lost()));
            }
            if dice.bool() {
                broker.restart();
            }
        } else if let Some(mut parcel) = wire.pop_front() {
            let verdict = if !is_calm && dice.u8(..) < 12 {
                // The leader moves, before it appends or behind.
                if dice.bool() {
                    let _ = broker.produce(&mut parcel);
                }
                answered(ErrorCode::NotLeaderOrFollower)
            } else {
                match broker.produce(&mut parcel) {
                    Ok(offset) => appended(offset),
                    Err(code) => answered(code),
                }
            };
            back.extend(bench.back(parcel, verdict));
        }
        if settle(back) == deliveries.len() && is_calm && wire.is_empty() {
            break;
        }
    }
    assert_eq!(settle(Vec::new()), deliveries.len(), "seed {seed}: everything is settled");
    let is_in_order = match is_idempotent {
        true => broker.log.is_sorted_by(|a, b| a < b),
        false => broker.log.is_sorted(),
    };
    assert!(is_in_order, "seed {seed}: {:?}", broker.log);
    let mut acknowledged = 0;
    for (value, delivery) in (0..).zip(&deliveries) {
        match delivery.clone().now_or_never().expect("something of every record") {
            Ok(delivered) => {
                let offset = delivered.offset.unwrap().get();
                assert_eq!(broker.log[offset as usize], value, "seed {seed}");
                acknowledged += 1;
            }
            Err(error) if !error.is_outcome_unknown() => {
                assert!(!broker.log.contains(&value), "seed {seed}: {value} is there: {error}");
            }
            Err(_) => {}
        }
    }
    assert!(acknowledged > 0, "seed {seed}");
}

#[test]
fn whatever_fails_the_order_is_kept_and_nothing_is_there_twice() {
    (0..500).for_each(|seed| storm(seed, true, 1));
}

#[test]
fn whatever_is_split_the_order_is_kept_and_nothing_is_there_twice() {
    (0..500).for_each(|seed| storm(seed, true, 8));
}

/// Of several records, a batch that comes again would be seen as out of order.
#[test]
fn without_idempotence_the_order_is_kept() {
    (0..100).for_each(|seed| storm(seed, false, 1));
}
