//! What is known of the consumer groups of a run: one for each protocol.

use std::collections::BTreeMap;
use std::time::Duration;

/// Numbers are committed for its partitions instead of offsets: each greater than all before.
#[derive(Debug, Default)]
pub struct GroupFacts {
    /// Commits that were acknowledged.
    pub acknowledged: u64,
    commits: BTreeMap<i32, Commits>,
    pub sightings: Vec<OffsetSighting>,
    /// What members were told to be theirs.
    pub assignments: Vec<Assignment>,
    /// How long they could take it for theirs.
    pub holdings: Vec<Holding>,
}

/// Of one partition.
#[derive(Clone, Copy, Debug)]
struct Commits {
    /// The greatest number that was sent; -1: none.
    asked: i64,
    /// The greatest that was acknowledged.
    told: i64,
}

/// A committed offset that somebody was told.
#[derive(Clone, Copy, Debug)]
pub struct OffsetSighting {
    pub partition: i32,
    pub offset: i64,
    /// What had been acknowledged before the question was sent.
    pub told_before: i64,
    /// What had been sent when the answer came.
    pub asked: i64,
    pub life: u64,
}

/// A partition in the hands of a member.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// Of the consumer protocol, the member's epoch.
    pub generation: i32,
    pub partition: i32,
    pub member: String,
    pub life: u64,
}

/// The time in which a member may take a partition for its own, whatever the broker does meanwhile.
#[derive(Clone, Debug)]
pub struct Holding {
    pub partition: i32,
    pub member: String,
    /// The answer came that gave it.
    pub from: Duration,
    /// It was given up, or the session ended that the last answered heartbeat had begun.
    pub until: Duration,
}

impl Default for Commits {
    fn default() -> Self {
        Self { asked: -1, told: -1 }
    }
}

impl GroupFacts {
    /// The number to commit next.
    pub fn draw(&mut self, partition: i32) -> i64 {
        let commits = self.commits.entry(partition).or_default();
        commits.asked += 1;
        commits.asked
    }

    pub fn acknowledge(&mut self, partition: i32, number: i64) {
        let commits = self.commits.entry(partition).or_default();
        commits.told = commits.told.max(number);
        self.acknowledged += 1;
    }

    /// What has been acknowledged.
    pub fn told(&self, partition: i32) -> i64 {
        self.commits.get(&partition).copied().unwrap_or_default().told
    }

    pub fn see(&mut self, partition: i32, offset: i64, told_before: i64, life: u64) {
        let asked = self.commits.get(&partition).copied().unwrap_or_default().asked;
        self.sightings.push(OffsetSighting { partition, offset, told_before, asked, life });
    }
}
