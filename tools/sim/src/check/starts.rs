//! A log begins where it was told to, and no later than somebody asked.

use crate::history::History;

pub fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for (partition, log) in &history.finals {
        let facts = history.partitions.get(partition).copied().unwrap_or_default();
        if log.start < facts.start_told {
            broken.push(format!(
                "{partition:?} begins at {}, and {} was told",
                log.start, facts.start_told
            ));
        }
        let start_max = history.start_max(*partition);
        if log.start > start_max {
            broken.push(format!(
                "{partition:?} begins at {}, and {start_max} was asked for",
                log.start
            ));
        }
    }
    broken
}
