//! What must hold of every run. One invariant, one file: a function from the history to what
//! breaks it.

mod acknowledged_stays;
mod commit_point;
mod committed_stays;
mod duplicates;
mod fenced_stays;
mod metadata;
mod no_dead_member;
mod no_holes;
mod offset_once;
mod one_owner;
mod one_reader;
mod order;
mod phantoms;
mod producer_ids;
mod seen_stays;
pub(crate) mod settles;
mod starts;

use crate::history::History;

type Invariant = (&'static str, fn(&History) -> Vec<String>);

const INVARIANTS: &[Invariant] = &[
    ("acknowledged and lost (S2)", acknowledged_stays::check),
    ("seen by a reader and lost (S2)", seen_stays::check),
    ("an offset given twice (S2)", offset_once::check),
    ("a phantom record (S2)", phantoms::check),
    ("records of a producer out of order (R2)", order::check),
    ("seen past the commit point (S4)", commit_point::check),
    ("an idempotent duplicate with another offset", duplicates::check),
    ("offsets without records", no_holes::check),
    ("a start of a log that nobody asked for", starts::check),
    ("metadata that was told and is not so", metadata::check),
    ("a producer id given twice", producer_ids::check),
    ("a committed offset lost, or gone back (S2)", committed_stays::check),
    ("a partition with two owners", one_owner::check),
    ("a partition that two members read at once", one_reader::check),
    ("a static member that was replaced and is served", fenced_stays::check),
    ("a member that is gone", no_dead_member::check),
    ("a group that does not come to rest", settles::check),
];

/// Violations of one kind that are named.
const NAMED_MAX: usize = 5;

/// Everything that is wrong with a run.
pub fn violations(history: &History) -> Vec<String> {
    let mut found: Vec<String> = history.incidents.iter().take(NAMED_MAX).cloned().collect();
    if !history.is_read {
        found.push("the run did not come to its last reading".into());
        return found;
    }
    for (name, check) in INVARIANTS {
        let broken = check(history);
        let more = broken.len().saturating_sub(NAMED_MAX);
        found.extend(broken.into_iter().take(NAMED_MAX).map(|what| format!("{name}: {what}")));
        if more > 0 {
            found.push(format!("{name}: and {more} more"));
        }
    }
    found
}

#[cfg(test)]
#[path = "check_test.rs"]
mod check_test;
