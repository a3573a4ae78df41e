use super::partition_of;

#[test]
fn groups_live_where_kafka_looks_for_them() {
    // Seen on Kafka 4.4: the records of group g1 stand in partition 42 of 50.
    assert_eq!(partition_of("g1", 50), 42);
    assert_eq!(partition_of("", 50), 0);
    // Java: "polygenelubricants".hashCode() == Integer.MIN_VALUE.
    assert_eq!(partition_of("polygenelubricants", 50), 0);
    // A character beyond the basic plane counts as two units: "🚀".hashCode() == 1773027.
    assert_eq!(partition_of("🚀", 1_000_000_007), 1_773_027);
}
