use pelton_kafka::ErrorCode;
use pelton_kafka::fetch::EpochEndOffset;
use pelton_model::TopicId;

use super::*;

fn topic(name: &str, partitions: &[(i32, i64)]) -> FetchTopic {
    let partitions =
        partitions.iter().map(|(index, offset)| FetchPartition::new(*index, *offset, 100));
    FetchTopic { topic: named(name), partitions: partitions.collect() }
}

fn named(name: &str) -> TopicRef {
    TopicRef::Name(name.to_owned().into())
}

fn answer(wanted: &Wanted, high_watermark: i64) -> Answered {
    let mut response = FetchPartitionResponse::error(wanted.partition.index, ErrorCode::None);
    response.high_watermark = high_watermark;
    response.log_start_offset = 0;
    Answered { wanted: wanted.clone(), response }
}

/// A session of the partitions 0 to 2, all at high watermark 5.
fn session() -> FetchSession {
    let answers: Vec<Answered> =
        listed(&[topic("a", &[(0, 5), (1, 5), (2, 5)])]).iter().map(|it| answer(it, 5)).collect();
    FetchSession::new(false, &answers)
}

fn indices(wanted: &[Wanted]) -> Vec<i32> {
    wanted.iter().map(|wanted| wanted.partition.index).collect()
}

fn news(session: &mut FetchSession, answers: &[Answered]) -> Vec<i32> {
    let mut answers = answers.to_vec();
    session.retain_news(&mut answers);
    answers.iter().map(|answered| answered.response.index).collect()
}

#[test]
fn of_a_partition_that_is_listed_twice_the_last_counts_in_the_place_of_the_first() {
    let all = listed(&[topic("a", &[(0, 1), (1, 1)]), topic("a", &[(0, 9)])]);
    assert_eq!(indices(&all), [0, 1]);
    assert_eq!(all[0].partition.fetch_offset, 9);
}

#[test]
fn an_update_changes_known_partitions_in_place_and_appends_new_ones() {
    let mut session = session();
    session.update(&[topic("a", &[(3, 0), (1, 7)])], &[]);
    let wanted = session.wanted();
    assert_eq!(indices(&wanted), [0, 1, 2, 3]);
    assert_eq!(wanted[1].partition.fetch_offset, 7);
}

#[test]
fn forgotten_partitions_are_gone_even_those_that_the_same_request_lists() {
    let mut session = session();
    let forgotten = ForgottenTopic { topic: named("a"), partitions: vec![0, 2, 77] };
    session.update(&[topic("a", &[(2, 8)])], &[forgotten]);
    assert_eq!(indices(&session.wanted()), [1]);
}

#[test]
fn nothing_new_is_not_answered() {
    let mut session = session();
    let answers: Vec<Answered> = session.wanted().iter().map(|it| answer(it, 5)).collect();
    assert!(news(&mut session, &answers).is_empty());
}

#[test]
fn a_new_high_watermark_or_start_is_answered_once() {
    let mut session = session();
    let mut answers: Vec<Answered> = session.wanted().iter().map(|it| answer(it, 5)).collect();
    answers[0].response.high_watermark = 6;
    answers[2].response.log_start_offset = 3;
    assert_eq!(news(&mut session, &answers), [0, 2]);
    assert!(news(&mut session, &answers).is_empty());
}

#[test]
fn an_error_is_repeated_and_its_end_is_news() {
    let mut session = session();
    let healthy = answer(&session.wanted()[1], 5);
    let mut failed = healthy.clone();
    failed.response = FetchPartitionResponse::error(1, ErrorCode::OffsetOutOfRange);
    for _ in 0..2 {
        assert_eq!(news(&mut session, std::slice::from_ref(&failed)), [1]);
    }
    assert_eq!(news(&mut session, std::slice::from_ref(&healthy)), [1]);
    assert!(news(&mut session, &[healthy]).is_empty());
}

#[test]
fn a_divergence_is_repeated() {
    let mut session = session();
    let mut diverged = answer(&session.wanted()[0], 5);
    diverged.response.diverging_epoch = Some(EpochEndOffset { epoch: 0, end_offset: 3 });
    for _ in 0..2 {
        assert_eq!(news(&mut session, std::slice::from_ref(&diverged)), [0]);
    }
}

#[test]
fn partitions_with_records_go_to_the_end() {
    let mut session = session();
    let mut answers: Vec<Answered> = session.wanted().iter().map(|it| answer(it, 5)).collect();
    answers[0].response.records = Some(vec![bytes::Bytes::from_static(b"batch")]);
    assert_eq!(news(&mut session, &answers), [0]);
    assert_eq!(indices(&session.wanted()), [1, 2, 0]);
}

#[test]
fn the_name_under_which_a_topic_was_found_outlives_the_request() {
    let by_id =
        FetchTopic { topic: TopicRef::Id(TopicId::from_bytes([7; 16])), ..topic("", &[(0, 0)]) };
    let mut session = FetchSession::new(true, &[]);
    session.update(std::slice::from_ref(&by_id), &[]);
    let mut found = session.wanted()[0].clone();
    assert_eq!(found.topic_name(), "");
    found.name = Some("a".into());
    news(&mut session, &[answer(&found, 5)]);
    session.update(&[by_id], &[]);
    assert_eq!(session.wanted()[0].topic_name(), "a");
}
