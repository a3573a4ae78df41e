//! No two members are told that a partition is theirs in the same generation (or epoch) of their
//! group, be it that the broker has crashed in between. A static member that comes back is the same.

use std::collections::BTreeMap;

use crate::history::History;

pub fn check(history: &History) -> Vec<String> {
    let mut owners = BTreeMap::new();
    let mut broken = Vec::new();
    for (group, facts) in &history.groups {
        for told in &facts.assignments {
            let place = (group, told.generation, told.partition);
            let owner = owners.entry(place).or_insert(&told.member);
            if **owner != told.member {
                broken.push(format!(
                    "partition {} of {group} in generation {}: {owner}, and in life {} {}",
                    told.partition, told.generation, told.life, told.member
                ));
            }
        }
    }
    broken
}
