//! A committed offset that was acknowledged is there, and none goes back; none is there that nobody
//! committed.

use crate::history::History;

pub fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for seen in &history.group.sightings {
        let at = format!("partition {} in life {}", seen.partition, seen.life);
        if seen.offset < seen.told_before {
            broken.push(format!("{at}: {} after {} was told", seen.offset, seen.told_before));
        }
        if seen.offset > seen.asked {
            broken.push(format!("{at}: {}, and only {} was asked", seen.offset, seen.asked));
        }
    }
    broken
}
