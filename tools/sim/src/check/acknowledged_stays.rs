//! S2: what was acknowledged is there at the end, at the offset that was told, unless somebody
//! asked to delete it.

use crate::history::History;

pub fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for told in &history.acknowledgements {
        let batch = &history.batches[told.batch];
        if history.may_be_gone(batch.partition) {
            continue;
        }
        let Some(log) = history.finals.get(&batch.partition) else {
            broken.push(format!("{:?} is gone", batch.partition));
            continue;
        };
        for at in 0..batch.records {
            let (offset, record) = (told.base_offset + at as i64, batch.first_record + at);
            if offset >= log.start && log.at(offset) != Some(Some(record)) {
                broken.push(format!(
                    "record {record} of {:?} at {offset}, told in life {}: there is {:?} in {}..{}",
                    batch.partition,
                    told.life,
                    log.at(offset),
                    log.start,
                    log.end
                ));
            }
        }
    }
    broken
}
