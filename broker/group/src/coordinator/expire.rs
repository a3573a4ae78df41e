//! Offsets that nobody has needed for `offsets.retention.minutes` go, and with the last one its
//! group.

use std::ops::Bound;

use pelton_model::TimestampMs;

use super::effects::{Effects, Now};
use super::{Coordinator, Group};
use crate::ids::{GroupId, TopicName};
use crate::limits::EXPIRY_GROUPS_PER_STEP_MAX;
use crate::record::CommittedOffset;
use crate::timers::Timer;

impl Coordinator {
    /// An empty coordinator waits for nothing.
    pub(super) fn watch_expiry(&mut self, now: Now) {
        if !self.groups.is_empty() && !self.timers.is_set(&Timer::Expiry) {
            let interval = self.config.offsets_retention_check_interval;
            self.timers.set(Timer::Expiry, now.elapsed.saturating_add(interval));
        }
    }

    /// Looks through some groups; the rest follows at once, in a step of its own.
    pub(super) fn expire(&mut self, now: Now, effects: &mut Effects) {
        let after = self.expiry_after.take();
        let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let groups: Vec<GroupId> = self
            .groups
            .range::<GroupId, _>((from, Bound::Unbounded))
            .take(EXPIRY_GROUPS_PER_STEP_MAX)
            .map(|(id, _)| id.clone())
            .collect();
        for id in &groups {
            self.expire_group(now, id, effects);
        }
        if groups.len() == EXPIRY_GROUPS_PER_STEP_MAX {
            self.expiry_after = groups.last().cloned();
            self.timers.set(Timer::Expiry, now.elapsed);
        } else {
            self.watch_expiry(now);
        }
    }

    fn expire_group(&mut self, now: Now, id: &GroupId, effects: &mut Effects) {
        let Some(group) = self.groups.get(id) else { return };
        let retention_ms = self.config.offsets_retention_ms;
        let gone: Vec<(TopicName, i32)> = group
            .offsets
            .iter()
            .filter(|(topic, _, offset)| {
                !Self::is_subscribed(&group.kind, topic)
                    && group.is_expired(offset, now.wall, retention_ms)
            })
            .map(|(topic, partition, _)| (topic.clone(), partition))
            .collect();
        self.figures.offsets_expired += gone.len() as u64;
        self.forget(id, gone, effects);
        let is_over =
            self.groups.get(id).is_some_and(|group| group.offsets.is_empty() && group.is_empty());
        if is_over {
            self.remove_group(id, effects);
        }
    }
}

impl Group {
    fn is_expired(&self, offset: &CommittedOffset, now: TimestampMs, retention_ms: i64) -> bool {
        if let Some(expire) = offset.expire_timestamp {
            return now >= expire;
        }
        let base = self.expiry_base(offset.commit_timestamp);
        base.is_some_and(|base| now.get().saturating_sub(base.get()) >= retention_ms)
    }
}
