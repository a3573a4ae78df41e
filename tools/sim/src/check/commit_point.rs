//! S4: consumers see nothing past the commit point; what they are told of the end never goes back.

use crate::history::History;

pub fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for seen in &history.sightings {
        if seen.offset >= seen.high_watermark {
            broken.push(format!(
                "{} of {:?}, in an answer that says {}",
                seen.offset, seen.partition, seen.high_watermark
            ));
        }
    }
    for (partition, facts) in &history.partitions {
        if let Some(log) = history.finals.get(partition)
            && log.end < facts.end_told
        {
            broken.push(format!(
                "{partition:?} ends at {}, and {} was told",
                log.end, facts.end_told
            ));
        }
    }
    broken
}
