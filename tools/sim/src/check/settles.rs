//! Convergence: a group whose members all stay comes to rest. Each partition that it reads is one
//! member's, no other one is, and members and broker say the same.

use std::collections::BTreeMap;

use crate::history::History;
use crate::history::groups::Rest;

pub fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for (group, facts) in &history.groups {
        let rests = facts.rests.iter().filter(|rest| !is_settled(rest));
        broken.extend(rests.map(|rest| format!("{group}: {rest:?}")));
    }
    broken
}

pub(crate) fn is_settled(rest: &Rest) -> bool {
    let mut owners: BTreeMap<i32, usize> = rest.partitions.iter().map(|it| (*it, 0)).collect();
    for partition in rest.told.values().flatten() {
        *owners.entry(*partition).or_insert(1) += 1;
    }
    rest.state == "Stable" && rest.told == rest.held && owners.values().all(|count| *count == 1)
}
