use super::*;

#[test]
fn blocks_follow_one_another() {
    let mut state = ClusterState::default();
    let (first, record) = allocate_block(&state).unwrap();
    assert_eq!(first, 0..1000);
    state.apply(1, &[record]).unwrap();
    assert_eq!(allocate_block(&state).unwrap().0, 1000..2000);
}

#[test]
fn the_last_ids_are_not_followed_by_negative_ones() {
    let mut state = ClusterState::default();
    state.apply(1, &[Record::ProducerIdBlock { next: ProducerId::new(i64::MAX - 5) }]).unwrap();
    assert_eq!(allocate_block(&state), None);
}
