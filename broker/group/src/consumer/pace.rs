//! How soon a member is to beat again.
//!
//! A member hears of a new target with its next heartbeat, so the interval that it is told is what a
//! group takes to come to rest. The configured interval is the longest. A shorter one is told as far
//! as the core can afford it: heartbeats of all of its members together keep within a rate, a higher
//! one for members that have something to wait for. Clients take the interval of every answer over.
//!
//! Holding a heartbeat until there is news would be faster still. But clients have one heartbeat under
//! way at a time and would hold back what they have to say themselves, that they have given something
//! up for one; and librdkafka gives a heartbeat up that takes as long as the interval.

use super::{ConsumerGroup, Member};
use crate::cluster::ConsumerGroupConfig;
use crate::coordinator::effects::Step;
use crate::limits::{BEATS_A_SECOND_AT_REST, BEATS_A_SECOND_UNDER_WAY};
use crate::record::MemberState;

impl ConsumerGroup {
    pub(super) fn heartbeat_interval_ms(&self, member: Option<&Member>, step: &Step<'_>) -> i32 {
        let config = step.cluster.consumer_group_config(&self.id);
        let is_under_way = member.is_none_or(|member| self.is_under_way(member));
        // The coordinator counts its own when a step is done: somebody who just joined is missing.
        let member_count = step.cluster.consumer_members().max(self.members.len());
        interval_ms(&config, is_under_way, member_count)
    }

    /// It is not where it is to be, or that is about to change.
    fn is_under_way(&self, member: &Member) -> bool {
        self.group_epoch > self.assignment_epoch
            || member.current.member_epoch != self.assignment_epoch
            || member.current.state != MemberState::Stable
    }
}

fn interval_ms(config: &ConsumerGroupConfig, is_under_way: bool, member_count: usize) -> i32 {
    let ConsumerGroupConfig { heartbeat_interval_ms, heartbeat_interval_min_ms, .. } = *config;
    if heartbeat_interval_min_ms <= 0 {
        return heartbeat_interval_ms;
    }
    let beats_a_second = match is_under_way {
        true => BEATS_A_SECOND_UNDER_WAY,
        false => BEATS_A_SECOND_AT_REST,
    };
    let affordable_ms = member_count.saturating_mul(1_000).div_ceil(beats_a_second);
    let affordable_ms = i32::try_from(affordable_ms).unwrap_or(i32::MAX);
    affordable_ms.max(heartbeat_interval_min_ms).min(heartbeat_interval_ms)
}

#[cfg(test)]
#[path = "pace_test.rs"]
mod pace_test;
