//! A batch of an idempotent producer that comes again is answered with its first offset (KIP-98).

use std::collections::BTreeMap;

use crate::history::{BatchId, History};

pub fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    let mut first: BTreeMap<BatchId, i64> = BTreeMap::new();
    for told in &history.acknowledgements {
        let batch = &history.batches[told.batch];
        if !batch.sender.is_idempotent {
            continue;
        }
        let before = *first.entry(told.batch).or_insert(told.base_offset);
        if before != told.base_offset {
            broken.push(format!(
                "batch {} of {:?}: {before}, then {}",
                told.batch, batch.partition, told.base_offset
            ));
        }
    }
    broken
}
