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
    let mut family = text.gauge(
        "pelton_partition_retention_used_ratio",
        "Bytes of a log over retention.bytes, where its topic has one: far above 1 means that \
         retention does not keep up.",
    );
    for (partition, index) in all() {
        // By 0 bytes everything goes that can: there is nothing to be a part of.
        if let Some(retention) = partition.retention_bytes.filter(|bytes| *bytes > 0) {
            let used = partition.bytes as f64 / retention as f64;
            family.sample(&[("topic", &partition.topic), ("partition", index)], used);
        }
    }
    lags_by_partition(&mut text, shards);
    text.into_text()
}

#[cfg(test)]
#[path = "partitions_test.rs"]
mod partitions_test;
