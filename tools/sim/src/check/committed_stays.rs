//! A committed offset that was acknowledged is there, and none goes back; none is there that nobody
//! committed.

use crate::history::History;

pub fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    let sightings = history
        .groups
        .iter()
        .flat_map(|(group, it)| it.sightings.iter().map(move |at| (group, at)));
    for (group, seen) in sightings {
        let at = format!("partition {} of {group} in life {}", seen.partition, seen.life);
        if seen.offset < seen.told_before {
            broken.push(format!("{at}: {} after {} was told", seen.offset, seen.told_before));
        }
        if seen.offset > seen.asked {
            broken.push(format!("{at}: {}, and only {} was asked", seen.offset, seen.asked));
        }
    }
    broken
}
