use super::*;

fn topic(number: u128) -> TopicId {
    TopicId::from_random(number)
}

#[test]
fn a_topics_partitions_are_spread_evenly_over_the_shards() {
    let placed = spread(&Placement::new(), partitions(topic(1), 0..8).collect(), 3);
    let counts = [0, 1, 2].map(|at| placed.iter().filter(|(_, to)| to.index() == at).count());
    assert_eq!(counts, [3, 3, 2]);
}

#[test]
fn of_shards_with_as_many_partitions_of_the_topic_the_emptier_one_is_taken() {
    let mut placement = Placement::new();
    placement.insert(PartitionId::new(topic(1), PartitionIndex::new(0)), ShardId::new(0));
    let placed = spread(&placement, partitions(topic(2), 0..1).collect(), 2);
    assert_eq!(placed[0].1, ShardId::new(1));
}

#[test]
fn added_partitions_go_where_the_topic_has_fewest() {
    let placement: Placement =
        partitions(topic(1), 0..3).zip([0, 0, 1].map(ShardId::new)).collect();
    let placed = spread(&placement, partitions(topic(1), 3..4).collect(), 2);
    assert_eq!(placed[0].1, ShardId::new(1));
}
