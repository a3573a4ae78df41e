use super::{ErrorCode, GroupFault, unanswered};

#[test]
fn a_member_of_a_group_that_loads_goes_on_and_of_one_that_is_elsewhere_does_not() {
    assert_eq!(unanswered(GroupFault::Loading), ErrorCode::None);
    assert_eq!(unanswered(GroupFault::NotCoordinator), ErrorCode::NotCoordinator);
}
