//! S2: no record is served that was not sent to its partition, and none more often than it was
//! sent; an idempotent producer's once.

use std::collections::BTreeMap;

use crate::history::{History, RecordId};

pub fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for (partition, places) in history.places() {
        let mut counts: BTreeMap<RecordId, u32> = BTreeMap::new();
        for (offset, record) in places {
            let batch = record.and_then(|record| history.batch_of(record));
            match (record, batch) {
                (Some(record), Some((_, batch))) if batch.partition == partition => {
                    *counts.entry(record).or_default() += 1;
                }
                _ => broken.push(format!("{record:?} at {offset} of {partition:?}")),
            }
        }
        for (record, count) in counts {
            let Some((_, batch)) = history.batch_of(record) else { continue };
            let most = if batch.sender.is_idempotent { 1 } else { batch.attempts };
            if count > most {
                broken.push(format!(
                    "record {record} of {partition:?} is there {count} times, sent {} times by {:?}",
                    batch.attempts, batch.sender
                ));
            }
        }
    }
    broken
}
