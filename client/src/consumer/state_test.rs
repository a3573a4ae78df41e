use pelton_model::batch::{BatchBuilder, BatchFields, BatchHeader, NewRecord, patch};

use super::*;

const NODE: NodeId = NodeId::new(1);

struct Bench {
    state: State,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self::with(OffsetReset::Earliest)
    }

    fn with(offset_reset: OffsetReset) -> Self {
        let second = Duration::from_secs(1);
        let rules = Rules {
            prefetch_bytes_max: 1000,
            partition_bytes_max: 500,
            batch_bytes_max: 1 << 20,
            offset_reset,
            fetch_wait: second,
            backoff: Backoff { first: second, max: second },
            retry_timeout: 10 * second,
        };
        Self { state: State::new(rules), now: Instant::now() }
    }

    fn assign(&mut self, partition: i32, offset: i64) -> TopicPartition {
        let of = TopicPartition::new("t", partition);
        self.state.assign(of.clone(), StartAt::Offset(Offset::new(offset)));
        of
    }

    fn fetch(&mut self) -> Option<ToFetch> {
        let leader =
            |_: &TopicPartition| Ok(Leader { node: NODE, epoch: None, topic_id: TopicId::ZERO });
        let (mut fetches, _) = self.state.take_to_fetch(self.now, 0.5, leader);
        assert!(fetches.len() <= 1);
        fetches.pop()
    }

    fn answer(&mut self, partitions: Vec<(&TopicPartition, Result<Got>)>) {
        self.answer_in(0, partitions);
    }

    fn answer_in(&mut self, session_id: i32, partitions: Vec<(&TopicPartition, Result<Got>)>) {
        let partitions = partitions.into_iter().map(|(of, got)| (of.clone(), got)).collect();
        let answer = FetchedAnswer { session_id, partitions, ..FetchedAnswer::default() };
        self.state.fetched(NODE, Ok(answer), self.now, 0.5);
    }

    /// Offsets of records; -1 for an end of a partition.
    fn take_all(&mut self) -> Vec<(i32, i64)> {
        let events = std::iter::from_fn(|| self.state.next());
        let events = events.map(|event| match event.unwrap() {
            Event::Record(record) => (record.partition.get(), record.offset.get()),
            Event::EndOfPartition { partition, .. } => (partition.get(), -1),
        });
        events.collect()
    }
}

fn batch(base_offset: i64, count: usize, value_bytes: usize) -> Vec<u8> {
    let base_offset = Offset::new(base_offset);
    let mut builder = BatchBuilder::new(BatchFields { base_offset, ..BatchFields::default() });
    for _ in 0..count {
        let value = vec![7; value_bytes];
        builder.push(&NewRecord { value: Some(&value), ..NewRecord::default() });
    }
    builder.build()
}

/// Ten offsets, of which the last two have no records any more.
fn compacted_batch() -> Vec<u8> {
    let mut batch = batch(0, 8, 1);
    let mut header = BatchHeader::read(&batch).unwrap();
    header.last_offset_delta = 9;
    batch[..BatchHeader::BYTES].copy_from_slice(&header.to_bytes());
    patch::reseal_crc(&mut batch);
    batch
}

fn got(high_watermark: i64, batches: &[Vec<u8>]) -> Result<Got> {
    Ok(Got {
        high_watermark: Offset::new(high_watermark),
        log_start_offset: None,
        records: batches.concat().into(),
    })
}

fn refused(code: ErrorCode) -> Result<Got> {
    Err(Error::broker("fetch", code))
}

#[test]
fn records_are_handed_out_in_order_and_the_end_is_told_once() {
    let mut bench = Bench::new();
    let of = bench.assign(0, 1);
    let fetch = bench.fetch().unwrap();
    assert_eq!(fetch.wait, Duration::ZERO, "the first answer tells where the end is");
    assert!(bench.fetch().is_none(), "the broker owes an answer");
    bench.answer(vec![(&of, got(4, &[batch(0, 2, 1), batch(2, 2, 1)]))]);
    assert_eq!(bench.state.lag(&of), Some(3));
    assert_eq!(bench.take_all(), [(0, 1), (0, 2), (0, 3), (0, -1)]);
    assert_eq!(bench.state.position(&of), Some(Offset::new(4)));
    assert_eq!(bench.state.lag(&of), Some(0));
    let fetch = bench.fetch().unwrap();
    assert_eq!(fetch.session.asked[0].1.position.get(), 4);
    assert_eq!(fetch.wait, Duration::from_secs(1));
    bench.answer(vec![(&of, got(4, &[]))]);
    assert!(bench.take_all().is_empty());
}

#[test]
fn a_batch_that_is_cut_is_asked_for_again() {
    let mut bench = Bench::new();
    let of = bench.assign(0, 0);
    bench.fetch().unwrap();
    let mut second = batch(1, 1, 1);
    second.truncate(40);
    bench.answer(vec![(&of, got(2, &[batch(0, 1, 1), second]))]);
    assert_eq!(bench.take_all(), [(0, 0)]);
    assert_eq!(bench.fetch().unwrap().session.asked[0].1.position.get(), 1);
}

#[test]
fn partitions_take_turns_answer_by_answer() {
    let mut bench = Bench::new();
    let (a, b) = (bench.assign(0, 0), bench.assign(1, 0));
    bench.fetch().unwrap();
    bench.answer(vec![(&a, got(9, &[batch(0, 2, 1)])), (&b, got(9, &[batch(0, 2, 1)]))]);
    bench.fetch().unwrap();
    bench.answer(vec![(&a, got(9, &[batch(2, 1, 1)])), (&b, got(9, &[batch(2, 1, 1)]))]);
    assert_eq!(bench.take_all(), [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (1, 2)]);
}

#[test]
fn many_partitions_are_let_go_of_without_a_look_at_all_for_each() {
    let mut bench = Bench::new();
    let all: Vec<_> = (0..50_000).map(|partition| bench.assign(partition, 0)).collect();
    bench.fetch().unwrap();
    bench.answer(all.iter().map(|of| (of, got(0, &[]))).collect());
    let begun = Instant::now();
    bench.state.close();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(bench.state.next(), Some(Err(Error::Closed)));
}

#[test]
fn nothing_is_fetched_beyond_the_bound() {
    let mut bench = Bench::new();
    let (a, b) = (bench.assign(0, 0), bench.assign(1, 0));
    bench.fetch().unwrap();
    bench.answer(vec![(&a, got(9, &[batch(0, 1, 600)])), (&b, got(9, &[]))]);
    let fetch = bench.fetch().unwrap();
    assert_eq!(fetch.told.keys().collect::<Vec<_>>(), [&b], "a has enough");
    bench.answer(vec![(&b, got(9, &[batch(0, 1, 600)]))]);
    assert!(bench.fetch().is_none());
    bench.state.next().unwrap().unwrap();
    assert!(bench.fetch().is_some());
}

#[test]
fn a_paused_partition_keeps_what_it_has_and_is_not_fetched() {
    let mut bench = Bench::new();
    let (a, b) = (bench.assign(0, 0), bench.assign(1, 0));
    bench.fetch().unwrap();
    bench.answer(vec![(&a, got(9, &[batch(0, 1, 1)])), (&b, got(9, &[batch(0, 1, 1)]))]);
    bench.state.pause(&a, true).unwrap();
    assert_eq!(bench.take_all(), [(1, 0)]);
    assert_eq!(bench.fetch().unwrap().told.keys().collect::<Vec<_>>(), [&b]);
    bench.state.pause(&a, false).unwrap();
    assert_eq!(bench.take_all(), [(0, 0)]);
    assert!(bench.state.pause(&TopicPartition::new("t", 7), true).is_err());
}

#[test]
fn what_paused_partitions_hold_keeps_nobody_else_from_being_fetched() {
    let mut bench = Bench::new();
    let [a, b, c] = [0, 1, 2].map(|partition| bench.assign(partition, 0));
    let much = || got(9, &[batch(0, 1, 600)]);
    bench.fetch().unwrap();
    bench.answer(vec![(&a, much()), (&b, much()), (&c, got(9, &[]))]);
    assert!(bench.fetch().is_none());
    bench.state.pause(&a, true).unwrap();
    bench.state.pause(&b, true).unwrap();
    assert_eq!(bench.fetch().unwrap().told.keys().collect::<Vec<_>>(), [&c]);
    // Paused when the answer comes.
    bench.state.pause(&c, true).unwrap();
    bench.answer(vec![(&c, much())]);
    let d = bench.assign(3, 0);
    assert_eq!(bench.fetch().unwrap().told.keys().collect::<Vec<_>>(), [&d]);
    bench.answer(vec![(&d, got(9, &[]))]);

    bench.state.pause(&a, false).unwrap();
    bench.state.pause(&c, false).unwrap();
    assert!(bench.fetch().is_none(), "what is resumed counts again");
    bench.state.unassign(&a);
    assert!(bench.fetch().is_some());
}

#[test]
fn an_answer_from_before_a_seek_is_not_handed_out() {
    let mut bench = Bench::new();
    let of = bench.assign(0, 0);
    bench.fetch().unwrap();
    bench.state.seek(&of, StartAt::Offset(Offset::ZERO)).unwrap();
    bench.answer(vec![(&of, got(9, &[batch(0, 1, 1)]))]);
    assert!(bench.take_all().is_empty());
    bench.fetch().unwrap();
    bench.answer(vec![(&of, got(9, &[batch(0, 1, 1)]))]);
    bench.state.seek(&of, StartAt::Offset(Offset::new(5))).unwrap();
    assert!(bench.take_all().is_empty());
    assert_eq!(bench.state.buffered_bytes(), 0);
}

#[test]
fn a_place_to_begin_is_found_out_first() {
    let mut bench = Bench::new();
    let of = TopicPartition::new("t", 0);
    bench.state.assign(of.clone(), StartAt::End);
    assert!(bench.fetch().is_none());
    assert_eq!(bench.state.position(&of), None);
    let find = bench.state.take_to_find(bench.now, 0.5).remove(0);
    assert!(bench.state.take_to_find(bench.now, 0.5).is_empty());
    let failure = Error::broker("offsets", ErrorCode::LeaderNotAvailable);
    bench.state.found(&find, Err(failure), bench.now, 0.5);
    assert!(bench.state.take_to_find(bench.now, 0.5).is_empty(), "the backoff is not over");
    bench.now += Duration::from_secs(1);
    let find = bench.state.take_to_find(bench.now, 0.5).remove(0);
    bench.state.found(&find, Ok(Offset::new(42)), bench.now, 0.5);
    assert_eq!(bench.state.position(&of), Some(Offset::new(42)));
    assert_eq!(bench.fetch().unwrap().session.asked[0].1.position.get(), 42);
}

#[test]
fn out_of_range_goes_on_where_the_options_say_but_first_comes_what_is_here() {
    let mut bench = Bench::new();
    let of = bench.assign(0, 0);
    bench.fetch().unwrap();
    bench.answer(vec![(&of, got(9, &[batch(0, 2, 1)]))]);
    bench.fetch().unwrap();
    bench.answer(vec![(&of, refused(ErrorCode::OffsetOutOfRange))]);
    assert_eq!(bench.take_all(), [(0, 0), (0, 1)]);
    assert!(bench.state.take_to_find(bench.now, 0.5).is_empty());
    bench.now += Duration::from_secs(1);
    bench.fetch().unwrap();
    bench.answer(vec![(&of, refused(ErrorCode::OffsetOutOfRange))]);
    assert_eq!(bench.state.take_to_find(bench.now, 0.5)[0].start, StartAt::Beginning);

    let mut strict = Bench::with(OffsetReset::Fail);
    let of = strict.assign(0, 77);
    strict.fetch().unwrap();
    strict.answer(vec![(&of, refused(ErrorCode::OffsetOutOfRange))]);
    let error = strict.state.next().unwrap().unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::OffsetOutOfRange));
}

#[test]
fn an_error_is_told_once_however_often_it_comes_and_not_after_what_mends_it() {
    let mut bench = Bench::with(OffsetReset::Fail);
    let of = bench.assign(0, 77);
    let fail_three_times = |bench: &mut Bench| {
        for _ in 0..3 {
            bench.fetch().unwrap();
            bench.answer(vec![(&of, refused(ErrorCode::OffsetOutOfRange))]);
            bench.now += Duration::from_secs(1);
        }
    };
    fail_three_times(&mut bench);
    let error = bench.state.next().unwrap().unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::OffsetOutOfRange));
    assert!(bench.state.next().is_none());
    fail_three_times(&mut bench);
    bench.state.seek(&of, StartAt::Offset(Offset::ZERO)).unwrap();
    assert!(bench.state.next().is_none());
}

#[test]
fn out_of_range_behind_offsets_without_records_goes_on_where_the_options_say() {
    let mut bench = Bench::new();
    let of = bench.assign(0, 0);
    bench.fetch().unwrap();
    bench.answer(vec![(&of, got(20, &[compacted_batch()]))]);
    assert_eq!(bench.take_all().len(), 8);
    assert_eq!(bench.fetch().unwrap().session.asked[0].1.position.get(), 10);
    bench.answer(vec![(&of, refused(ErrorCode::OffsetOutOfRange))]);
    assert_eq!(bench.state.take_to_find(bench.now, 0.5)[0].start, StartAt::Beginning);
}

#[test]
fn what_fails_for_now_is_told_when_it_has_failed_for_too_long() {
    let mut bench = Bench::new();
    let (failing, sound) = (bench.assign(0, 0), bench.assign(1, 0));
    for _ in 0..11 {
        assert!(bench.state.next().is_none());
        assert_eq!(bench.fetch().unwrap().told.len(), 2);
        let failure = refused(ErrorCode::NotLeaderOrFollower);
        bench.answer(vec![(&failing, failure), (&sound, got(9, &[]))]);
        assert_eq!(bench.fetch().unwrap().told.len(), 1, "the backoff is not over");
        bench.answer(vec![(&sound, got(9, &[]))]);
        bench.now += Duration::from_secs(1);
    }
    bench.fetch().unwrap();
    let gone = Error::connection(&"127.0.0.1:1".into(), "gone");
    bench.state.fetched(NODE, Err(gone.clone()), bench.now, 0.5);
    assert_eq!(bench.state.next(), Some(Err(gone)));
}

#[test]
fn who_has_no_leader_is_told_of_in_the_end_and_goes_on_at_once_when_there_is_one() {
    let mut bench = Bench::new();
    let of = bench.assign(0, 0);
    let gone = || Error::broker("t/0", ErrorCode::UnknownTopicOrPartition);
    let look = |bench: &mut Bench| {
        let (fetches, suspect) = bench.state.take_to_fetch(bench.now, 0.5, |_| Err(gone()));
        assert!(fetches.is_empty());
        suspect
    };
    for _ in 0..11 {
        assert_eq!(look(&mut bench), std::slice::from_ref(&of));
        assert!(look(&mut bench).is_empty(), "the backoff is not over");
        assert_eq!(bench.state.next(), None);
        bench.now += Duration::from_secs(1);
        assert_eq!(bench.state.next_alarm(bench.now - Duration::from_nanos(1)), Some(bench.now));
    }
    look(&mut bench);
    assert_eq!(bench.state.next(), Some(Err(gone())));
    assert!(bench.fetch().is_some());
}

#[test]
fn while_held_nothing_is_handed_out_and_the_hand_empties() {
    let mut bench = Bench::new();
    let of = bench.assign(0, 0);
    bench.fetch().unwrap();
    bench.answer(vec![(&of, got(9, &[batch(0, 2, 1)]))]);
    bench.state.next().unwrap().unwrap();
    bench.state.hold(true);
    assert!(!bench.state.is_hand_empty());
    assert!(bench.state.next().is_none());
    assert!(bench.state.is_hand_empty());
    bench.state.hold(false);
    assert_eq!(bench.take_all(), [(0, 1)]);
}

#[test]
fn a_damaged_batch_is_told_and_asked_for_again() {
    let mut bench = Bench::new();
    let of = bench.assign(0, 0);
    bench.fetch().unwrap();
    let mut damaged = batch(1, 1, 1);
    *damaged.last_mut().unwrap() ^= 1;
    bench.answer(vec![(&of, got(9, &[batch(0, 1, 1), damaged]))]);
    assert!(matches!(bench.state.next(), Some(Ok(Event::Record(_)))));
    assert!(matches!(bench.state.next(), Some(Err(Error::Protocol { .. }))));
    assert!(bench.state.next().is_none());
    assert_eq!(bench.fetch().unwrap().session.asked[0].1.position.get(), 1);
}

#[test]
fn a_batch_without_sense_is_told_behind_those_in_front_of_it() {
    let mut bench = Bench::new();
    let of = bench.assign(0, 0);
    bench.fetch().unwrap();
    let mut senseless = batch(1, 1, 1);
    const MAGIC: usize = 16;
    senseless[MAGIC] = 7;
    bench.answer(vec![(&of, got(9, &[batch(0, 1, 1), senseless.clone()]))]);
    assert_eq!(bench.take_all(), [(0, 0)]);
    assert_eq!(bench.fetch().unwrap().session.asked[0].1.position.get(), 1);
    bench.answer(vec![(&of, got(9, &[senseless]))]);
    assert!(matches!(bench.state.next(), Some(Err(Error::Protocol { .. }))));
    assert!(bench.state.next().is_none());
}

#[test]
fn what_the_user_works_on_counts_when_it_comes_back_for_more() {
    let mut bench = Bench::new();
    let of = bench.assign(0, 0);
    bench.fetch().unwrap();
    bench.answer(vec![(&of, got(9, &[batch(0, 2, 1)]))]);
    let position =
        |bench: &Bench, with_in_hand| bench.state.progress(with_in_hand)[&of].position.get();
    bench.state.next().unwrap().unwrap();
    assert_eq!((position(&bench, false), position(&bench, true)), (0, 1));
    bench.state.next().unwrap().unwrap();
    assert_eq!((position(&bench, false), position(&bench, true)), (1, 2));
    assert!(bench.state.next().is_none());
    assert_eq!(position(&bench, false), 2);
}

#[test]
fn what_the_user_commits_of_its_record_is_not_taken_back() {
    let mut bench = Bench::new();
    let (of, other) = (bench.assign(0, 0), bench.assign(1, 0));
    bench.fetch().unwrap();
    bench.answer(vec![(&of, got(9, &[batch(0, 3, 1)])), (&other, got(9, &[]))]);
    let done = |bench: &Bench| bench.state.progress(false)[&of].position.get();
    bench.state.next().unwrap().unwrap();
    for (partition, committed, expected) in
        [(&other, 1, 0), (&of, 0, 0), (&of, 1, 1), (&of, 0, 1), (&of, 7, 1)]
    {
        bench.state.is_done_up_to(partition, Offset::new(committed));
        assert_eq!(done(&bench), expected, "{committed} of {partition}");
    }
    assert!(!bench.state.is_hand_empty());
    bench.state.next().unwrap().unwrap();
    assert_eq!(done(&bench), 1, "the next record is not done");
}

#[test]
fn a_lost_session_is_begun_anew_without_a_pause_or_an_error() {
    let mut bench = Bench::new();
    let of = bench.assign(0, 0);
    bench.fetch().unwrap();
    let partitions = [(of.clone(), got(0, &[]))].into();
    let answer = FetchedAnswer { session_id: 5, partitions, ..FetchedAnswer::default() };
    bench.state.fetched(NODE, Ok(answer), bench.now, 0.5);
    let fetch = bench.fetch().unwrap();
    assert_eq!((fetch.session.id, fetch.session.epoch), (5, 1));
    assert!(fetch.session.asked.is_empty());
    let lost = Error::broker("fetch", ErrorCode::FetchSessionIdNotFound);
    bench.state.fetched(NODE, Err(lost), bench.now, 0.5);
    let fetch = bench.fetch().unwrap();
    assert_eq!((fetch.session.id, fetch.session.epoch), (0, 0));
    assert_eq!(fetch.session.asked.len(), 1);
}

#[test]
fn who_exceeds_a_quota_is_asked_again_when_the_broker_wants_it() {
    let mut bench = Bench::new();
    let of = bench.assign(0, 0);
    bench.fetch().unwrap();
    let throttle = Duration::from_secs(3);
    let nothing = FetchedAnswer { throttle, ..FetchedAnswer::default() };
    assert!(bench.state.fetched(NODE, Ok(nothing), bench.now, 0.5).is_empty());
    assert_eq!(bench.state.next(), None);
    assert!(bench.fetch().is_none());
    assert_eq!(bench.state.next_alarm(bench.now), Some(bench.now + throttle));
    bench.now += throttle;
    assert_eq!(bench.fetch().unwrap().session.epoch, 0);
    bench.answer(vec![]);
    assert!(matches!(bench.state.next(), Some(Err(Error::Protocol { .. }))), "no quota, no excuse");
    assert_eq!(bench.state.position(&of), Some(Offset::ZERO));
}

#[test]
fn an_end_is_told_again_after_a_seek_although_the_session_has_no_news() {
    let mut bench = Bench::new();
    let of = bench.assign(0, 4);
    bench.fetch().unwrap();
    bench.answer_in(77, vec![(&of, got(4, &[]))]);
    assert_eq!(bench.take_all(), [(0, -1)]);
    bench.fetch().unwrap();
    bench.state.seek(&of, StartAt::Offset(Offset::new(4))).unwrap();
    bench.answer_in(77, vec![]);
    assert!(bench.take_all().is_empty(), "that was an answer from before the seek");
    let fetch = bench.fetch().unwrap();
    assert!(fetch.session.asked.is_empty(), "the broker hears of no seek");
    bench.answer_in(77, vec![]);
    assert_eq!(bench.take_all(), [(0, -1)]);
    assert_eq!(bench.state.lag(&of), Some(0));
    bench.fetch().unwrap();
    bench.answer_in(77, vec![]);
    assert!(bench.take_all().is_empty(), "once");
}
