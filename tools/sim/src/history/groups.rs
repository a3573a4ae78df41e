//! What is known of the consumer groups of a run.

use std::collections::{BTreeMap, BTreeSet};
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
    /// Static members that came under their names.
    pub seats: Vec<Seat>,
    /// Requests of static members that were taken.
    pub services: Vec<Service>,
    /// How the group came to rest when nothing troubled it any more: once for each time that this
    /// was waited for.
    pub rests: Vec<Rest>,
}

/// A time in a life of the broker.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub at: Duration,
    pub life: u64,
}

/// A static member's name (KIP-345) is the member's from here on: who had it before is fenced.
#[derive(Clone, Debug)]
pub struct Seat {
    pub instance: u32,
    pub member: String,
    pub asked: Moment,
    pub told: Moment,
}

/// A request that a static member was answered without an error.
#[derive(Clone, Debug)]
pub struct Service {
    pub instance: u32,
    pub member: String,
    pub sent: Moment,
}

/// The last that was seen of a group whose members all stay.
#[derive(Clone, Debug, Default)]
pub struct Rest {
    /// By the broker, as it calls it.
    pub state: String,
    /// What the group reads.
    pub partitions: BTreeSet<i32>,
    /// By member, as the broker tells it.
    pub told: BTreeMap<String, BTreeSet<i32>>,
    /// By member that is there, as it was told itself.
    pub held: BTreeMap<String, BTreeSet<i32>>,
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
    /// A static one's name, else its id.
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

    /// The member takes nothing for its own any more.
    pub fn give_up(&mut self, member: &str, now: Duration) {
        for holding in self.holdings.iter_mut().filter(|it| it.member == member) {
            holding.until = holding.until.min(now);
        }
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
