use super::*;

fn asked(partition: i32, position: i64) -> (TopicPartition, Asked) {
    let asked = Asked {
        topic_id: TopicId::from_random(1),
        position: Offset::new(position),
        leader_epoch: None,
        claim: 0,
    };
    (TopicPartition::new("t", partition), asked)
}

fn named(request: &SessionRequest) -> Vec<i32> {
    request.asked.iter().map(|(of, _)| of.partition.get()).collect()
}

#[test]
fn within_a_session_only_what_changed_is_named() {
    let mut session = Session::default();
    let request = session.request(vec![asked(0, 5), asked(1, 5)]);
    assert_eq!((request.id, request.epoch, named(&request)), (0, 0, vec![0, 1]));
    session.answered(77);
    let request = session.request(vec![asked(0, 5), asked(1, 9)]);
    assert_eq!((request.id, request.epoch, named(&request)), (77, 1, vec![1]));
    assert_eq!(session.told().len(), 2);
    session.answered(77);
    let request = session.request(vec![asked(1, 9), asked(2, 0)]);
    assert_eq!((request.epoch, named(&request)), (2, vec![2]));
    assert_eq!(request.forgotten[0].0, TopicPartition::new("t", 0));
}

#[test]
fn a_topic_made_anew_is_forgotten_and_named() {
    let mut session = Session::default();
    session.request(vec![asked(0, 5)]);
    session.answered(77);
    let (of, old) = asked(0, 5);
    let new = Asked { topic_id: TopicId::from_random(2), ..old };
    let request = session.request(vec![(of.clone(), new)]);
    assert_eq!(request.forgotten, [(of, old.topic_id)]);
    assert_eq!(named(&request), [0]);
}

#[test]
fn a_broker_without_sessions_is_told_all_every_time() {
    let mut session = Session::default();
    for _ in 0..3 {
        let request = session.request(vec![asked(1, 5), asked(0, 5)]);
        assert_eq!((request.id, request.epoch, named(&request)), (0, 0, vec![1, 0]));
        assert!(!session.is_incremental());
        session.answered(0);
    }
}

#[test]
fn a_session_that_the_broker_has_lost_is_begun_anew() {
    let mut session = Session::default();
    session.request(vec![asked(0, 5)]);
    session.answered(77);
    session.failed(Some(ErrorCode::FetchSessionIdNotFound));
    let request = session.request(vec![asked(0, 5)]);
    assert_eq!((request.id, request.epoch, named(&request)), (0, 0, vec![0]));
}

#[test]
fn after_any_other_failure_the_old_session_is_ended_by_the_new_one() {
    let mut session = Session::default();
    session.request(vec![asked(0, 5)]);
    session.answered(77);
    session.request(vec![asked(0, 5)]);
    session.failed(None);
    let request = session.request(vec![asked(0, 5)]);
    assert_eq!((request.id, request.epoch, named(&request)), (77, 0, vec![0]));
}

#[test]
fn epochs_wrap_past_the_one_that_asks_for_a_new_session() {
    let mut session = Session { id: 1, next_epoch: i32::MAX, ..Session::default() };
    session.answered(1);
    assert_eq!(session.request(Vec::new()).epoch, 1);
}

#[test]
fn what_was_told_of_a_partition_is_kept_as_long_as_the_session_has_it() {
    let mut session = Session::default();
    let got = || {
        let (high_watermark, records) = (Offset::new(5), Bytes::from_static(b"records"));
        Got { high_watermark, log_start_offset: None, records }
    };
    let answered = || [0, 1, 2].map(|index| (asked(index, 5).0, Ok(got()))).into();
    session.request(vec![asked(0, 5), asked(1, 5), asked(2, 5)]);
    session.answered(77);
    session.heard(&answered());
    let (of, _) = asked(0, 5);
    let heard = session.last_heard(&of).unwrap();
    assert_eq!((heard.high_watermark.get(), heard.records.len()), (5, 0));

    let error = crate::error::Error::broker("fetch", ErrorCode::NotLeaderOrFollower);
    session.heard(&[(asked(1, 5).0, Err(error))].into());
    assert!(session.last_heard(&asked(1, 5).0).is_none());
    session.request(vec![asked(0, 5), asked(1, 5)]);
    assert!(session.last_heard(&asked(2, 5).0).is_none());
    assert!(session.last_heard(&of).is_some());

    session.failed(None);
    assert!(session.last_heard(&of).is_none());
}
