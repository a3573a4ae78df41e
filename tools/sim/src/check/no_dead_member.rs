//! Nobody who is gone is still a member when a group has come to rest, or has partitions.

use crate::history::History;

pub fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for (group, facts) in &history.groups {
        for rest in &facts.rests {
            let gone = rest.told.iter().filter(|(member, _)| !rest.held.contains_key(*member));
            broken.extend(gone.map(|(member, partitions)| {
                format!("{member} is gone, and {group} has it with {partitions:?}")
            }));
        }
    }
    broken
}
