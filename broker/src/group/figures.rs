//! What a scrape takes from the coordinators of a shard.

use super::HostedState;
use crate::metrics::GroupsFigures;
use crate::shard::Shard;

/// Groups of one shard that get series of their own; the others are only counted. Clients choose
/// groups' names, so there is a bound.
const GROUPS_SHOWN_MAX: usize = 1_000;

/// Groups looked at before others get the core.
const GROUPS_A_SLICE: usize = 64;

impl Shard {
    pub(crate) async fn group_figures(&self) -> GroupsFigures {
        let mut all = GroupsFigures::default();
        for hosted in self.groups.all() {
            let mut after = None;
            loop {
                let slice = match &*hosted.state.borrow() {
                    HostedState::Ready(it) => it.group_figures(after.as_ref(), GROUPS_A_SLICE),
                    _ => break,
                };
                let is_last = slice.len() < GROUPS_A_SLICE;
                after = slice.last().map(|group| group.group.clone());
                for group in slice {
                    *all.by_state.entry((group.kind, group.state.name())).or_default() += 1;
                    all.state_bytes += group.state_bytes as u64;
                    if all.shown.len() < GROUPS_SHOWN_MAX {
                        all.shown.push(group);
                    }
                }
                self.env.breathe().await;
                if is_last {
                    break;
                }
            }
            if let HostedState::Ready(coordinator) = &*hosted.state.borrow() {
                let figures = coordinator.figures();
                all.offset_commits += figures.offset_commits;
                all.offsets_expired += figures.offsets_expired;
                all.rebalances.merge(&figures.rebalances);
            }
        }
        all
    }
}
