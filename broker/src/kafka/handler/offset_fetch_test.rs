use super::{ErrorCode, GroupFault, offsets_of};

#[test]
fn no_consumer_is_told_what_ends_old_ones() {
    let told = |fault| offsets_of(Some(Err(fault))).map(drop);
    assert_eq!(told(GroupFault::Unavailable), Err(ErrorCode::NotCoordinator));
    assert_eq!(told(GroupFault::NotCoordinator), Err(ErrorCode::NotCoordinator));
    assert_eq!(told(GroupFault::Loading), Err(ErrorCode::CoordinatorLoadInProgress));
}
