use pelton_kafka::StrBytes;
use pelton_kafka::fetch::{FetchPartition, FetchPartitionResponse, FetchTopic, ForgottenTopic};

use super::*;

const START: Duration = Duration::from_secs(1000);
const TWO_MINUTES: Duration = Duration::from_secs(120);
const A_MOMENT: Duration = Duration::from_millis(1);

fn cache(slots: usize) -> FetchSessions {
    FetchSessions::new(ShardId::new(0), 1, slots)
}

fn named(name: &str) -> TopicRef {
    TopicRef::Name(StrBytes::from(name.to_owned()))
}

/// A request for the first `count` partitions of a topic.
fn request(session_id: i32, session_epoch: i32, count: i32) -> FetchRequest {
    let partitions: Vec<FetchPartition> =
        (0..count).map(|index| FetchPartition::new(index, 0, 100)).collect();
    let topics = match count {
        0 => Vec::new(),
        _ => vec![FetchTopic { topic: named("a"), partitions }],
    };
    FetchRequest { session_id, session_epoch, topics, ..FetchRequest::default() }
}

fn answered(wanted: Vec<Wanted>) -> Vec<Answered> {
    let answer = |wanted: Wanted| {
        let response = FetchPartitionResponse::error(wanted.partition.index, ErrorCode::None);
        Answered { wanted, response }
    };
    wanted.into_iter().map(answer).collect()
}

/// Begins and finishes; how many partitions were wanted, and what the answer says.
fn fetched(cache: &mut FetchSessions, now: Duration, request: &FetchRequest) -> (usize, Finished) {
    match cache.begin(now, request, false) {
        Begun::Wanted { turn, wanted } => {
            let count = wanted.len();
            (count, cache.finish(now, turn, &mut answered(wanted), 41))
        }
        Begun::Refused(error) => (0, Finished { error, session_id: 0 }),
    }
}

fn new_session(cache: &mut FetchSessions, now: Duration, count: i32) -> i32 {
    fetched(cache, now, &request(0, 0, count)).1.session_id
}

#[test]
fn a_full_fetch_begins_a_session_which_incremental_ones_continue() {
    let mut cache = cache(10);
    let id = new_session(&mut cache, START, 3);
    assert!(id > 0);
    for epoch in 1..5 {
        let (wanted, finished) = fetched(&mut cache, START, &request(id, epoch, 0));
        assert_eq!(wanted, 3);
        assert_eq!(finished, Finished { error: ErrorCode::None, session_id: id });
    }
    assert_eq!((cache.count(), cache.partition_count()), (1, 3));
}

#[test]
fn a_fetch_without_a_session_leaves_none() {
    let mut cache = cache(10);
    let (wanted, finished) = fetched(&mut cache, START, &request(0, -1, 2));
    assert_eq!((wanted, finished.session_id, cache.count()), (2, 0, 0));
}

#[test]
fn an_unknown_id_is_refused() {
    let begun = cache(10).begin(START, &request(7, 1, 1), false);
    assert_eq!(begun, Begun::Refused(ErrorCode::FetchSessionIdNotFound));
}

#[test]
fn a_wrong_epoch_is_refused_and_the_session_survives() {
    let mut cache = cache(10);
    let id = new_session(&mut cache, START, 1);
    for epoch in [2, 9, -2] {
        let begun = cache.begin(START, &request(id, epoch, 0), false);
        assert_eq!(begun, Begun::Refused(ErrorCode::InvalidFetchSessionEpoch));
    }
    assert_eq!(fetched(&mut cache, START, &request(id, 1, 0)).1.session_id, id);
}

#[test]
fn ids_in_a_session_of_names_are_refused() {
    let mut cache = cache(10);
    let id = new_session(&mut cache, START, 1);
    let begun = cache.begin(START, &request(id, 1, 0), true);
    assert_eq!(begun, Begun::Refused(ErrorCode::FetchSessionTopicIdError));
}

#[test]
fn the_final_epoch_ends_the_session_and_the_initial_one_replaces_it() {
    let mut cache = cache(10);
    let id = new_session(&mut cache, START, 1);
    assert_eq!(fetched(&mut cache, START, &request(id, -1, 0)).1.session_id, 0);
    assert_eq!(cache.count(), 0);
    let id = new_session(&mut cache, START, 1);
    assert_ne!(fetched(&mut cache, START, &request(id, 0, 2)).1.session_id, 0);
    assert_eq!((cache.count(), cache.partition_count()), (1, 2));
}

#[test]
fn a_session_that_has_forgotten_everything_ends() {
    let mut cache = cache(10);
    let id = new_session(&mut cache, START, 1);
    let forgotten_topics = vec![ForgottenTopic { topic: named("a"), partitions: vec![0] }];
    let request = FetchRequest { forgotten_topics, ..request(id, 1, 0) };
    assert_eq!(fetched(&mut cache, START, &request).1.session_id, 0);
    assert_eq!((cache.count(), cache.partition_count()), (0, 0));
}

#[test]
fn after_the_last_epoch_comes_1() {
    assert_eq!(next_epoch(i32::MAX), 1);
    assert_eq!(next_epoch(1), 2);
}

#[test]
fn a_request_that_another_overtook_is_answered_with_an_error() {
    let mut cache = cache(10);
    let id = new_session(&mut cache, START, 1);
    let Begun::Wanted { turn, wanted } = cache.begin(START, &request(id, 1, 0), false) else {
        panic!("refused");
    };
    fetched(&mut cache, START, &request(id, 2, 0));
    let mut answers = answered(wanted);
    let finished = cache.finish(START, turn, &mut answers, 0);
    let error = ErrorCode::InvalidFetchSessionEpoch;
    assert_eq!(finished, Finished { error, session_id: id });
    assert!(answers.is_empty());
}

#[test]
fn ids_name_their_shard_and_are_positive() {
    for shards in [1, 2, 3, 64] {
        for shard in 0..shards {
            let mut cache = FetchSessions::new(ShardId::new(shard as u16), shards, 1000);
            let bits = usize::BITS - (shards - 1).leading_zeros();
            let Begun::Wanted { turn, wanted } = cache.begin(START, &request(0, 0, 1), false)
            else {
                panic!("refused");
            };
            let id = cache.finish(START, turn, &mut answered(wanted), u64::MAX).session_id;
            assert!(id > 0);
            assert_eq!(id as usize >> (31 - bits), shard);
        }
    }
}

#[test]
fn an_id_that_is_taken_or_0_is_not_drawn() {
    let mut cache = cache(10);
    for _ in 0..3 {
        let turn = Turn::First { by_id: false };
        assert_ne!(cache.finish(START, turn, &mut Vec::new(), 0).session_id, 0);
    }
    assert_eq!(cache.count(), 3);
}

#[test]
fn shards_divide_the_slots_and_none_means_no_sessions() {
    let mut cache = FetchSessions::new(ShardId::new(1), 2, 3);
    for _ in 0..2 {
        assert_ne!(new_session(&mut cache, START, 1), 0);
    }
    assert_eq!(new_session(&mut cache, START, 1), 0);
    assert_eq!(new_session(&mut self::cache(0), START, 1), 0);
}

#[test]
fn a_full_cache_evicts_only_what_is_idle_for_more_than_two_minutes() {
    let mut cache = cache(1);
    new_session(&mut cache, START, 5);
    assert_eq!(new_session(&mut cache, START + TWO_MINUTES, 9), 0);
    assert_ne!(new_session(&mut cache, START + TWO_MINUTES + A_MOMENT, 1), 0);
    assert_eq!((cache.count(), cache.partition_count(), cache.evictions()), (1, 1, 1));
}

#[test]
fn an_old_session_in_use_gives_way_only_to_a_larger_one() {
    let mut cache = cache(1);
    let id = new_session(&mut cache, START, 5);
    let later = START + TWO_MINUTES + A_MOMENT;
    fetched(&mut cache, later, &request(id, 1, 0));
    assert_eq!(new_session(&mut cache, later, 5), 0);
    assert_ne!(new_session(&mut cache, later, 6), 0);
    assert_eq!((cache.count(), cache.partition_count()), (1, 6));
}

#[test]
fn partitions_are_bounded() {
    let mut cache = cache(10);
    cache.partitions_max = 10;
    assert_eq!(new_session(&mut cache, START, 11), 0);
    let id = new_session(&mut cache, START, 6);
    assert_eq!(new_session(&mut cache, START, 5), 0);
    assert_ne!(new_session(&mut cache, START, 4), 0);
    // One that outgrows the bound is ended: its client goes on without.
    let (_, finished) = fetched(&mut cache, START, &request(id, 1, 7));
    assert_eq!(finished.error, ErrorCode::FetchSessionIdNotFound);
    assert_eq!(cache.partition_count(), 4);
}

#[test]
fn names_that_no_topic_can_have_are_not_kept() {
    let mut cache = cache(10);
    let mut long = request(0, 0, 1);
    long.topics[0].topic = named(&"x".repeat(250));
    assert_eq!(fetched(&mut cache, START, &long).1.session_id, 0);
    let id = new_session(&mut cache, START, 1);
    (long.session_id, long.session_epoch) = (id, 1);
    let (_, finished) = fetched(&mut cache, START, &long);
    assert_eq!((finished.error, cache.count()), (ErrorCode::FetchSessionIdNotFound, 0));
}
