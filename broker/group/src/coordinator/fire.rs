//! What happens because nothing has happened.

use super::effects::{Effects, Now};
use super::{Coordinator, Group, Kind};
use crate::cluster::Cluster;
use crate::limits::TIMERS_PER_STEP_MAX;
use crate::timers::Timer;

impl Coordinator {
    /// Does what is due, at most so much as fits into one step (R8): if more is due,
    /// [`Coordinator::next_deadline`] still lies in the past.
    pub fn fire(&mut self, now: Now, cluster: &dyn Cluster) -> Effects {
        let mut effects = Effects::default();
        for _ in 0..TIMERS_PER_STEP_MAX {
            let Some(timer) = self.timers.take_due(now.elapsed) else { break };
            // A look for expired offsets fills a step by itself, and is due again at once until it has
            // been through all groups.
            let fills_the_step = timer == Timer::Expiry;
            self.fire_one(now, cluster, timer, &mut effects);
            if fills_the_step {
                break;
            }
        }
        effects
    }

    fn fire_one(&mut self, now: Now, cluster: &dyn Cluster, timer: Timer, effects: &mut Effects) {
        let group = match &timer {
            Timer::Expiry => None,
            Timer::Join(id) | Timer::Sync(id) => Some(id.clone()),
            Timer::Session(id, _) | Timer::Rebalance(id, _) => Some(id.clone()),
        };
        self.act_on(now, cluster, timer, effects);
        if let Some(group) = group {
            self.has_stepped(&group, now);
        }
    }

    fn act_on(&mut self, now: Now, cluster: &dyn Cluster, timer: Timer, effects: &mut Effects) {
        match timer {
            Timer::Expiry => self.expire(now, effects),
            Timer::Join(id) => {
                if let Some((group, mut step)) = self.classic(&id, now, cluster, effects) {
                    group.join_time_is_up(&mut step);
                }
            }
            Timer::Sync(id) => {
                if let Some((group, mut step)) = self.classic(&id, now, cluster, effects) {
                    group.sync_time_is_up(&mut step);
                }
            }
            Timer::Session(id, member) => {
                match self.group(&id, now, cluster, effects) {
                    Some((Kind::Classic(group), mut step)) => {
                        group.session_is_over(&member, &mut step);
                    }
                    Some((Kind::Consumer(group), mut step)) => {
                        group.session_is_over(&member, &mut step);
                    }
                    None => {}
                }
                self.downgrade(&id, now, cluster, effects);
            }
            Timer::Rebalance(id, member) => {
                if let Some((Kind::Consumer(group), mut step)) =
                    self.group(&id, now, cluster, effects)
                {
                    group.rebalance_time_is_up(&member, &mut step);
                }
                self.downgrade(&id, now, cluster, effects);
            }
        }
    }
}

impl Group {
    /// None: the offsets of a group that somebody may still need.
    pub(super) fn expiry_base(
        &self,
        committed: pelton_model::TimestampMs,
    ) -> Option<pelton_model::TimestampMs> {
        match &self.kind {
            Kind::Classic(group) => group.expiry_base(committed),
            // Topics that nobody subscribes to any more, whoever is there.
            Kind::Consumer(_) => Some(committed),
        }
    }
}
