//! R2: a producer's records stand in the order in which it sent them. Of one that is not
//! idempotent this is said of what it sent once: what it sends again comes when it comes.

use std::collections::BTreeMap;

use crate::history::{BatchId, History, RecordId, Sender};

pub fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for (partition, log) in &history.finals {
        let mut last: BTreeMap<Sender, (BatchId, RecordId)> = BTreeMap::new();
        for (offset, record) in &log.records {
            let Some(record) = *record else { continue };
            let Some((id, batch)) = history.batch_of(record) else { continue };
            if !batch.sender.is_idempotent && batch.attempts != 1 {
                continue;
            }
            if let Some(before) = last.insert(batch.sender, (id, record))
                && before > (id, record)
            {
                broken.push(format!(
                    "{record} of {:?} at {offset} of {partition:?} comes after {}",
                    batch.sender, before.1
                ));
            }
        }
    }
    broken
}
