//! Nothing is compacted here, so every offset from the start to the end has its record.

use crate::history::History;

pub fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for (partition, log) in &history.finals {
        let offsets = log.records.iter().map(|(offset, _)| *offset);
        if !offsets.clone().eq(log.start..log.end) {
            let hole = offsets.zip(log.start..).find(|(read, wanted)| read != wanted);
            broken.push(format!("{partition:?} in {}..{}: {hole:?}", log.start, log.end));
        }
    }
    broken
}
