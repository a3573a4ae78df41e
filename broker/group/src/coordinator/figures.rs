//! What a coordinator counts, and what it knows about its groups, for whoever watches.

use pelton_model::histogram::Latencies;

use super::reply::GroupState;
use crate::ids::{GroupId, TopicName};

/// Counted since the coordinator was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub offset_commits: u64,
    pub offsets_expired: u64,
    /// Rebalances that ended with a stable group, from their beginning.
    pub rebalances: Latencies,
}

/// One group as of now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupFigures {
    pub group: GroupId,
    pub kind: &'static str,
    pub state: GroupState,
    pub members: usize,
    /// Begun since the coordinator was made.
    pub rebalances: u64,
    /// What the group keeps in memory, but for names: an estimate.
    pub state_bytes: usize,
    /// Committed offsets by topic and partition.
    pub offsets: Vec<(TopicName, i32, i64)>,
}
