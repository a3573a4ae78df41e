//! Series of single partitions.

use super::exposition::Exposition;
use super::groups::lags_by_partition;
use crate::metrics::{PartitionFigures, ShardFigures};

pub fn render_partitions(partitions: &[PartitionFigures], shards: &[ShardFigures]) -> String {
    let mut text = Exposition::default();
    let indexes: Vec<String> = partitions.iter().map(|it| it.index.to_string()).collect();
    let all = || partitions.iter().zip(indexes.iter().map(String::as_str));
    let mut family = text.gauge("pelton_partition_size_bytes", "Bytes of a partition's log.");
    for (partition, index) in all() {
        family.sample(&[("topic", &partition.topic), ("partition", index)], partition.bytes);
    }
    let mut family = text.gauge("pelton_partition_segments", "Segments of a partition's log.");
    for (partition, index) in all() {
        family.sample(&[("topic", &partition.topic), ("partition", index)], partition.segments);
    }
    let mut family = text.gauge("pelton_partition_offset", "Where a partition's log begins, ends.");
    for (partition, index) in all() {
        for (at, offset) in [
            ("start", partition.start),
            ("high_watermark", partition.high_watermark),
            ("end", partition.end),
        ] {
            let labels = [("topic", &*partition.topic), ("partition", index), ("at", at)];
            family.sample(&labels, offset);
        }
    }
    lags_by_partition(&mut text, shards);
    text.into_text()
}

#[cfg(test)]
#[path = "partitions_test.rs"]
mod partitions_test;
