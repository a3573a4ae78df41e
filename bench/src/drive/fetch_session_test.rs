use super::*;

fn asking(
    session_id: i32,
    session_epoch: i32,
    partitions: Option<&[i32]>,
    forgotten: &[i32],
) -> Asking {
    Asking {
        session_id,
        session_epoch,
        partitions: partitions.map(|indexes| indexes.iter().copied().collect()),
        forgotten: forgotten.iter().copied().collect(),
    }
}

#[test]
fn all_is_asked_for_once_and_then_what_has_changed() {
    let mut session = FetchSession::new(true);
    assert_eq!(session.ask(), asking(0, 0, None, &[]));
    session.answered(7);
    session.change(2);
    session.change(5);
    assert_eq!(session.ask(), asking(7, 1, Some(&[2, 5]), &[]));
    session.answered(7);
    session.change(5);
    session.forget(5);
    assert_eq!(session.ask(), asking(7, 2, Some(&[]), &[5]));
    session.answered(7);
    assert_eq!(session.ask(), asking(7, 3, Some(&[]), &[]));
}

#[test]
fn a_broker_without_room_for_a_session_is_asked_for_all_again() {
    let mut session = FetchSession::new(true);
    session.ask();
    session.answered(0);
    session.forget(1);
    assert_eq!(session.ask(), asking(0, 0, None, &[]));
}

#[test]
fn a_lost_session_is_begun_anew_and_other_errors_are_not_its() {
    let mut session = FetchSession::new(true);
    session.ask();
    session.answered(7);
    assert!(!session.is_lost(ErrorCode::NotLeaderOrFollower));
    assert_eq!(session.ask(), asking(7, 1, Some(&[]), &[]));
    assert!(session.is_lost(ErrorCode::FetchSessionIdNotFound));
    assert_eq!(session.ask(), asking(0, 0, None, &[]));
    assert!(!session.is_lost(ErrorCode::FetchSessionIdNotFound));
}

#[test]
fn epochs_wrap_to_one() {
    let mut session = FetchSession { epoch: i32::MAX, id: 7, ..FetchSession::new(true) };
    session.answered(7);
    assert_eq!(session.ask().session_epoch, 1);
}

#[test]
fn without_sessions_all_is_asked_for_each_time() {
    let mut session = FetchSession::new(false);
    for _ in 0..3 {
        session.change(1);
        assert_eq!(session.ask(), asking(0, NO_SESSION_EPOCH, None, &[]));
        session.answered(0);
    }
}
