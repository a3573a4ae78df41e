use super::*;

#[test]
fn a_start_counts_its_shards_down_and_is_ready_only_when_it_accepts() {
    let readiness = Readiness::default();
    readiness.recovering(2);
    assert_eq!(readiness.phase().to_string(), "recovering, 2 left");
    assert_eq!(readiness.partitions_remaining(), 0);
    readiness.partitions_left(ShardId::new(0), 7);
    readiness.partitions_left(ShardId::new(1), 3);
    readiness.partitions_left(ShardId::new(0), 6);
    assert_eq!(readiness.partitions_remaining(), 9);
    readiness.shard_recovered();
    assert_eq!(readiness.phase().to_string(), "recovering, 1 left");
    readiness.shard_recovered();
    assert_eq!(readiness.phase(), Phase::Opening);
    readiness.accepting();
    assert_eq!(readiness.phase(), Phase::Ready);
    readiness.stopping();
    assert_eq!(readiness.phase(), Phase::Stopping);
}
