//! How long rebalances take, for metrics: seen from outside of the protocols, between steps.

use std::time::Duration;

use super::effects::Now;
use super::reply::GroupState;
use super::{Coordinator, Group, Kind};
use crate::classic::State;
use crate::consumer::ConsumerState;
use crate::ids::GroupId;

/// What was seen of one group.
#[derive(Debug, Default)]
pub(super) struct Rebalances {
    /// How many had begun.
    begun: u64,
    /// When the first began of those that have not ended: a group that is disturbed again before it
    /// is stable has been without peace since then.
    since: Option<Duration>,
}

impl Coordinator {
    /// Call it when a step on the group is done. It costs little while nothing is under way.
    pub(super) fn watch_rebalances(&mut self, id: &GroupId, now: Now) {
        let Some(group) = self.groups.get_mut(id) else { return };
        let begun = group.rebalances_begun();
        if begun > group.rebalances.begun {
            group.rebalances.since.get_or_insert(now.elapsed);
        }
        // Less, where the group has turned to the other protocol, which counts anew.
        group.rebalances.begun = begun;
        let Some(since) = group.rebalances.since else { return };
        match group.state() {
            GroupState::Classic(State::Stable) | GroupState::Consumer(ConsumerState::Stable) => {
                group.rebalances.since = None;
                self.figures.rebalances.record_time(now.elapsed.saturating_sub(since));
            }
            // Everybody has gone: there is nobody who waited for its end.
            GroupState::Classic(State::Empty) | GroupState::Consumer(ConsumerState::Empty) => {
                group.rebalances.since = None;
            }
            GroupState::Classic(State::PreparingRebalance | State::CompletingRebalance)
            | GroupState::Consumer(ConsumerState::Assigning | ConsumerState::Reconciling) => {}
        }
    }
}

impl Group {
    /// Since the group was made or loaded, or has turned to its protocol.
    pub(super) fn rebalances_begun(&self) -> u64 {
        match &self.kind {
            Kind::Classic(group) => group.rebalances(),
            Kind::Consumer(group) => group.rebalances(),
        }
    }
}

#[cfg(test)]
#[path = "rebalances_test.rs"]
mod rebalances_test;
