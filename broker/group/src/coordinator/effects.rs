//! What comes out of a coordinator, and what goes into it beside commands.

use std::time::Duration;

use pelton_model::TimestampMs;

use super::reply::Reply;
use crate::cluster::Cluster;
use crate::config::GroupConfig;
use crate::record::Record;
use crate::timers::Timers;

/// The moment of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For what is stored and seen; may jump.
    pub wall: TimestampMs,
    /// Since some fixed moment, for timeouts; never goes back.
    pub elapsed: Duration,
}

/// What the caller knows a waiting request by; the coordinator only hands it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// What a step wants done: the records appended in order, then, once they are durable, the replies
/// sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Effects {
    pub records: Vec<Record>,
    pub replies: Vec<(Token, Reply)>,
}

impl Effects {
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.replies.is_empty()
    }
}

/// Everything but the group itself that a step on a group touches.
pub(crate) struct Step<'a> {
    pub now: Now,
    pub config: &'a GroupConfig,
    pub cluster: &'a dyn Cluster,
    pub timers: &'a mut Timers,
    pub effects: &'a mut Effects,
}

impl Step<'_> {
    pub fn reply(&mut self, token: Token, reply: Reply) {
        self.effects.replies.push((token, reply));
    }

    pub fn after(&self, duration: Duration) -> Duration {
        self.now.elapsed.saturating_add(duration)
    }
}

/// A client's number of milliseconds; negative ones are none.
pub(crate) fn milliseconds(count: i32) -> Duration {
    Duration::from_millis(u64::try_from(count).unwrap_or(0))
}
