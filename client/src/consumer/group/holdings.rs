//! Which partitions a member has, so that nothing is committed of one that it gave up or lost
//! meanwhile, even if it has got that back: somebody else may have read on and committed more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::consumer::record::TopicPartition;

#[derive(Debug, Default)]
pub(super) struct Holdings {
    /// Each with a number that no earlier assignment of it has had.
    held: Held,
    assignments: u64,
}

/// What a member had at one moment.
pub(super) type Held = Arc<BTreeMap<TopicPartition, u64>>;

impl Holdings {
    pub(super) fn now(&self) -> Held {
        self.held.clone()
    }

    pub(super) fn got(&mut self, partitions: &BTreeSet<TopicPartition>) {
        let held = Arc::make_mut(&mut self.held);
        for of in partitions {
            self.assignments += 1;
            held.insert(of.clone(), self.assignments);
        }
    }

    pub(super) fn gave_up(&mut self, partitions: &BTreeSet<TopicPartition>) {
        let held = Arc::make_mut(&mut self.held);
        held.retain(|of, _| !partitions.contains(of));
    }

    /// Whether the member had a partition `before` and has not had it all the time since. Of one that it
    /// did not have it is the user's own business to commit something.
    pub(super) fn is_given_up_since(&self, before: &Held, of: &TopicPartition) -> bool {
        let number = before.get(of);
        number.is_some() && number != self.held.get(of)
    }
}

#[cfg(test)]
#[path = "holdings_test.rs"]
mod holdings_test;
