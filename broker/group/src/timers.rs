//! What a coordinator waits for, in order of time. Nothing here reads a clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::ids::{GroupId, MemberId};

/// What is to happen when its time comes; at most one of each kind, group and member.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// The members that have joined by now go on without the others.
    Join(GroupId),
    /// Members that have not asked for their assignment by now are out.
    Sync(GroupId),
    /// The member has not been heard of.
    Session(GroupId, MemberId),
    /// The member of the consumer protocol has not given up what it was to give up.
    Rebalance(GroupId, MemberId),
    /// Offsets that nobody needs any more are looked for.
    Expiry,
}

/// Deadlines are times since some fixed moment, as [`crate::Now::elapsed`].
#[derive(Clone, Debug, Default)]
pub struct Timers {
    deadlines: BTreeMap<Timer, Duration>,
    queue: BTreeSet<(Duration, Timer)>,
}

impl Timers {
    /// Sets the timer, in place of what it was set to.
    pub fn set(&mut self, timer: Timer, at: Duration) {
        self.cancel(&timer);
        self.deadlines.insert(timer.clone(), at);
        self.queue.insert((at, timer));
    }

    pub fn cancel(&mut self, timer: &Timer) {
        if let Some((timer, at)) = self.deadlines.remove_entry(timer) {
            self.queue.remove(&(at, timer));
        }
    }

    pub fn is_set(&self, timer: &Timer) -> bool {
        self.deadlines.contains_key(timer)
    }

    /// When the first one is due.
    pub fn next(&self) -> Option<Duration> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes the first one that is due.
    pub fn take_due(&mut self, now: Duration) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        let (_, timer) = self.queue.pop_first()?;
        self.deadlines.remove(&timer);
        Some(timer)
    }
}

#[cfg(test)]
#[path = "timers_test.rs"]
mod timers_test;
