use super::*;

fn admitted(admission: &Admission, here: u16) -> ConnectionSlot {
    match admission.place(ShardId::new(here)) {
        Placement::Admitted(slot) => slot,
        Placement::Refused => panic!("refused"),
    }
}

#[test]
fn connections_that_all_come_to_one_shard_are_spread() {
    let admission = Admission::new(3, 100);
    let slots: Vec<_> = (0..10).map(|_| admitted(&admission, 0)).collect();
    let counts = [0, 1, 2].map(|shard| admission.connection_count(ShardId::new(shard)));
    assert_eq!(counts, [4, 3, 3]);
    drop(slots);
    assert_eq!(admission.connection_count(ShardId::new(0)), 0);
}

#[test]
fn a_shard_keeps_what_does_not_put_it_more_than_one_above_the_least() {
    let admission = Admission::new(2, 100);
    let first = admitted(&admission, 1);
    assert_eq!(first.shard(), ShardId::new(1));
    assert_eq!(admitted(&admission, 1).shard(), ShardId::new(0));
    assert_eq!(first.moved_to(ShardId::new(0)).shard(), ShardId::new(0));
}

#[test]
fn connections_beyond_the_maximum_are_refused_until_one_goes() {
    let admission = Admission::new(2, 2);
    let first = admitted(&admission, 0);
    let _second = admitted(&admission, 0);
    assert!(matches!(admission.place(ShardId::new(1)), Placement::Refused));
    assert_eq!(admission.refused_count(), 1);
    drop(first);
    let _third = admitted(&admission, 1);
}
