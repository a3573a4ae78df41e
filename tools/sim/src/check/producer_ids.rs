//! No producer id is given to two producers.

use std::collections::BTreeSet;

use crate::history::History;

pub fn check(history: &History) -> Vec<String> {
    let mut given = BTreeSet::new();
    let twice = history.producer_ids.iter().filter(|id| !given.insert(**id));
    twice.map(|id| id.to_string()).collect()
}
