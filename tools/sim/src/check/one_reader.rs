//! Of groups whose members give things up in time: no two members may take a partition for theirs at
//! the same time. Who is to get it waits until the other has given it up, or could no longer think
//! that it has it; also of two that have the same name.

use std::collections::BTreeMap;

use crate::history::History;
use crate::history::groups::Holding;

pub fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for (group, facts) in &history.groups {
        let mut by_partition: BTreeMap<i32, Vec<&Holding>> = BTreeMap::new();
        for holding in facts.holdings.iter().filter(|it| it.from < it.until) {
            by_partition.entry(holding.partition).or_default().push(holding);
        }
        for (partition, mut holdings) in by_partition {
            holdings.sort_by_key(|it| it.from);
            // Of all that began before, the one that lasts longest.
            let mut last: Option<&Holding> = None;
            for holding in holdings {
                if let Some(before) = last.filter(|it| it.until > holding.from)
                    && before.member != holding.member
                {
                    broken.push(format!(
                        "partition {partition} of {group}: {} from {:.6} to {:.6} s, {} from {:.6} s",
                        before.member,
                        before.from.as_secs_f64(),
                        before.until.as_secs_f64(),
                        holding.member,
                        holding.from.as_secs_f64(),
                    ));
                }
                last = last.filter(|it| it.until > holding.until).or(Some(holding));
            }
        }
    }
    broken
}
