//! Which partition of `__consumer_offsets` a group lives on.

/// `abs(hash) % count`, where the hash is that of a Java string: over UTF-16 units, base 31.
///
/// Source: `Utils.abs(groupId.hashCode()) % numPartitions` of Kafka's group coordinator.
pub fn partition_of(group: &str, partition_count: i32) -> i32 {
    let hash = group
        .encode_utf16()
        .fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    // Java's abs of the least number is itself; Kafka takes 0 for it.
    hash.checked_abs().unwrap_or(0) % partition_count.max(1)
}

#[cfg(test)]
#[path = "partition_test.rs"]
mod partition_test;
