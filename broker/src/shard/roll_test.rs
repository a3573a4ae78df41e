use std::collections::BTreeSet;

use pelton_cluster::Overrides;
use pelton_cluster::config::BrokerLayers;
use pelton_model::{PartitionIndex, TopicId};

use super::*;

const NOW: TimestampMs = TimestampMs::new(1_700_000_000_000);

fn config(configs: &[(&str, &str)]) -> TopicConfig {
    let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
    let (overrides, none) = (configs.iter().map(owned).collect(), Overrides::new());
    let broker = BrokerLayers { dynamic: &none, all_brokers: &none, fixed: &none };
    TopicConfig::resolve(&overrides, &broker)
}

fn partition(index: i32) -> PartitionId {
    PartitionId::new(TopicId::from_bytes([7; 16]), PartitionIndex::new(index))
}

fn ages(config: &TopicConfig) -> Vec<i64> {
    (0..100).map(|index| rules_of(config, partition(index), NOW).segment_ms).collect()
}

#[test]
fn without_jitter_all_partitions_roll_at_the_same_age() {
    let config = config(&[("segment.ms", "5000"), ("segment.bytes", "2000000")]);
    assert_eq!(ages(&config), [5000; 100]);
    assert_eq!(rules_of(&config, partition(0), NOW).segment_bytes, 2_000_000);
}

#[test]
fn jitter_spreads_partitions_over_the_end_of_their_time() {
    let config = config(&[("segment.ms", "5000"), ("segment.jitter.ms", "1000")]);
    let ages = ages(&config);
    assert!(ages.iter().all(|age| (4001..=5000).contains(age)), "{ages:?}");
    assert!(ages.iter().collect::<BTreeSet<_>>().len() > 50, "{ages:?}");
    assert_eq!(rules_of(&config, partition(3), NOW).segment_ms, ages[3], "the same at every look");
}

#[test]
fn jitter_leaves_some_time_however_large_it_is() {
    let config = config(&[("segment.ms", "5000"), ("segment.jitter.ms", "900000")]);
    assert!(ages(&config).iter().all(|age| (1..=5000).contains(age)));
}

#[test]
fn what_is_to_be_compacted_in_time_does_not_stay_in_the_last_segment() {
    let compacted = [("cleanup.policy", "compact"), ("max.compaction.lag.ms", "700")];
    assert_eq!(ages(&config(&compacted)), [700; 100]);
}
