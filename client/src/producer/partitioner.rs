//! Which partition a record goes to when its sender does not say.

use pelton_model::PartitionIndex;

/// The partition of a key, as Kafka's Java client computes it, so that both agree.
///
/// `partition_count` is at least 1. Source: `BuiltInPartitioner.partitionForKey`.
pub fn partition_of_key(key: &[u8], partition_count: usize) -> PartitionIndex {
    let positive = murmur2(key) & 0x7fff_ffff;
    let count = u32::try_from(partition_count).unwrap_or(u32::MAX).max(1);
    // Less than 2^31, as it is the rest of a number below that.
    PartitionIndex::new((positive % count) as i32)
}

/// MurmurHash2 with Kafka's seed. Source: `org.apache.kafka.common.utils.Utils.murmur2`.
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;

    let mut hash = SEED ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let word = word.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte));
        let word = word.wrapping_mul(M);
        let word = (word ^ (word >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ word;
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let rest = rest.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte));
        hash = (hash ^ rest).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

/// Keeps records without a key together until a batch's worth has gone to one partition, then
/// takes another one: fuller batches than a partition per record, and as even in the end. Which one
/// is left to chance, in favour of those with fewer batches waiting, so that a slow broker gets
/// less (KIP-480, KIP-794).
#[derive(Clone, Debug, Default)]
pub(super) struct Sticky {
    partition: Option<usize>,
    bytes: usize,
}

impl Sticky {
    /// The partition of the next record, which has about `bytes`. When another one is to be
    /// chosen, `load` tells how many batches wait for each partition, or None for those without a
    /// leader; if all are without one, any will do.
    pub(super) fn next(
        &mut self,
        partition_count: usize,
        bytes: usize,
        batch_bytes: usize,
        chance: impl FnOnce() -> f64,
        load: impl Fn(usize) -> Option<usize>,
    ) -> PartitionIndex {
        let current = self
            .partition
            .filter(|&partition| self.bytes < batch_bytes && partition < partition_count.max(1));
        let partition = current.unwrap_or_else(|| {
            self.bytes = 0;
            choose(partition_count.max(1), chance(), load)
        });
        self.partition = Some(partition);
        self.bytes += bytes;
        PartitionIndex::new(i32::try_from(partition).unwrap_or_default())
    }
}

/// A partition of weight w is chosen w times as often as one of weight 1; the one with the greatest
/// load has weight 1, and each batch less adds 1.
fn choose(partition_count: usize, chance: f64, load: impl Fn(usize) -> Option<usize>) -> usize {
    let loads: Vec<Option<usize>> = (0..partition_count).map(load).collect();
    let greatest = loads.iter().flatten().max().copied().unwrap_or(0);
    let weights = loads.iter().map(|load| load.map_or(0, |load| greatest - load + 1));
    let total: usize = weights.clone().sum();
    if total == 0 {
        return ((chance * partition_count as f64) as usize).min(partition_count - 1);
    }
    let mut rest = ((chance * total as f64) as usize).min(total - 1);
    for (partition, weight) in weights.enumerate() {
        if rest < weight {
            return partition;
        }
        rest -= weight;
    }
    partition_count - 1
}

#[cfg(test)]
#[path = "partitioner_test.rs"]
mod partitioner_test;
