//! S2: what a consumer was given is there at the end, unless somebody asked to delete it.

use crate::history::History;

pub fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for seen in &history.sightings {
        let Some(log) = history.finals.get(&seen.partition) else { continue };
        if seen.offset >= log.start && log.at(seen.offset) != Some(seen.record) {
            broken.push(format!(
                "{:?} at {} of {:?}, seen in life {}: there is {:?} in {}..{}",
                seen.record,
                seen.offset,
                seen.partition,
                seen.life,
                log.at(seen.offset),
                log.start,
                log.end
            ));
        }
    }
    broken
}
