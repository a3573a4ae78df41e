use super::Board;

fn board(members: usize) -> Board {
    let mut board = Board::new(3);
    (0..members).for_each(|member| board.expect(member));
    board
}

#[test]
fn a_group_has_settled_when_all_are_in_one_epoch_and_each_partition_has_one_owner() {
    let mut board = board(2);
    assert_eq!(board.settled(), None);
    board.report(0, 1, vec![0, 1, 2]);
    assert_eq!(board.settled(), None, "one has not been heard of");
    board.report(1, 1, vec![2]);
    assert_eq!(board.settled(), None, "two have the last partition");
    board.report(0, 1, vec![0, 1]);
    assert_eq!(board.settled(), Some(1));
    board.report(0, 2, vec![0, 1]);
    assert_eq!(board.settled(), None, "they are in two epochs");
    board.report(1, 2, vec![]);
    assert_eq!(board.settled(), None, "nobody has the last partition");
    board.report(0, 2, vec![0, 1, 2]);
    assert_eq!(board.settled(), None, "one has nothing");
    board.report(0, 2, vec![0]);
    board.report(1, 2, vec![2, 7]);
    assert_eq!(board.settled(), None, "what the topic does not have counts for nothing");
    board.report(1, 2, vec![1, 2]);
    assert_eq!(board.settled(), Some(2));
}

#[test]
fn who_has_gone_has_nothing_and_is_waited_for_no_more() {
    let mut board = board(2);
    board.report(0, 4, vec![0]);
    board.report(1, 4, vec![1, 2]);
    board.dismiss(1);
    assert_eq!(board.settled(), None);
    board.report(1, 5, vec![1, 2]);
    assert_eq!(board.progress(), (1, 1, 1), "it is not listened to");
    board.report(0, 5, vec![0, 1, 2]);
    assert_eq!(board.settled(), Some(5));
}
