use super::*;

#[test]
fn a_partition_says_its_size_and_where_it_begins_and_ends() {
    let partition = PartitionFigures {
        topic: "orders".into(),
        index: 7,
        bytes: 1000,
        segments: 2,
        start: 5,
        high_watermark: 90,
        end: 95,
        retention_bytes: Some(4000),
    };
    let text = render_partitions(std::slice::from_ref(&partition), &[]);
    for line in [
        "pelton_partition_size_bytes{topic=\"orders\",partition=\"7\"} 1000",
        "pelton_partition_retention_used_ratio{topic=\"orders\",partition=\"7\"} 0.25",
        "pelton_partition_segments{topic=\"orders\",partition=\"7\"} 2",
        "pelton_partition_offset{topic=\"orders\",partition=\"7\",at=\"start\"} 5",
        "pelton_partition_offset{topic=\"orders\",partition=\"7\",at=\"high_watermark\"} 90",
        "pelton_partition_offset{topic=\"orders\",partition=\"7\",at=\"end\"} 95",
    ] {
        assert!(text.lines().any(|have| have == line), "no line {line} in\n{text}");
    }
    for unbounded in [None, Some(0)] {
        let partition = PartitionFigures { retention_bytes: unbounded, ..partition.clone() };
        assert!(!render_partitions(&[partition], &[]).contains("used_ratio{"));
    }
}
