//! Where a group is to go on, decided without asking anybody.

use pelton_client::{StartAt, TopicPartition};
use pelton_model::Offset;

/// Where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    At(StartAt),
    /// So many records on from what is committed, or back.
    Shift(i64),
}

/// What is known of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub of: TopicPartition,
    pub committed: Option<Offset>,
    pub begin: Offset,
    pub end: Offset,
    /// For a target in time: the first record at or after it.
    pub at_time: Option<Offset>,
}

/// One move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    pub of: TopicPartition,
    pub from: Option<Offset>,
    pub to: Offset,
}

/// Every place's move, within what the partition holds: a group must not be sent where it would
/// find nothing and begin by its own rule instead. None for a shift without anything committed.
pub fn plan(target: Target, place: Place) -> Option<Move> {
    let Place { of, committed, begin, end, at_time } = place;
    let to = match target {
        Target::At(StartAt::Beginning) => begin.get(),
        Target::At(StartAt::End) => end.get(),
        Target::At(StartAt::Offset(offset)) => offset.get(),
        Target::At(StartAt::BeforeEnd(count)) => end.get().saturating_sub(count),
        // Nothing is so young: only what is to come.
        Target::At(StartAt::Timestamp(_)) => at_time.unwrap_or(end).get(),
        Target::Shift(count) => committed?.get().saturating_add(count),
    };
    // Not `clamp`, which panics if somebody deletes records between the two questions.
    let to = Offset::new(to.min(end.get()).max(begin.get()));
    Some(Move { of, from: committed, to })
}

#[cfg(test)]
#[path = "plan_test.rs"]
mod plan_test;
