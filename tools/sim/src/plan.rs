//! What a seed decides before a run begins.

use std::time::Duration;

use pelton_storage::disk::sim::{Lie, Operation, Random};

use crate::client::role::Role;
use crate::machine::Weather;

/// Requests of a run, at least.
pub const REQUESTS_MIN: u64 = 520;

const SHARDS_MAX: u64 = 4;

/// See the module.
#[derive(Clone, Debug)]
pub struct Plan {
    pub shards: usize,
    pub producers: u32,
    pub plain_producers: u32,
    pub consumers: u32,
    /// Of the group by the classic protocol.
    pub members: u32,
    /// Of the group by the consumer protocol.
    pub consumer_members: u32,
    /// Of the group that speaks both.
    pub mixed_members: u32,
    /// Of each group, those that come back under a name: two have the same.
    pub static_members: u32,
    pub weather: Weather,
    /// What goes wrong when so many requests have been sent, in that order.
    pub disruptions: Vec<(u64, Disruption)>,
    /// How the broker ends before everything is read.
    pub last: Disruption,
    pub requests: u64,
    /// A planted bug, for the tests of the simulator itself.
    pub lie: Option<Lie>,
}

/// Something that goes wrong.
#[derive(Clone, Debug)]
pub enum Disruption {
    /// The broker is gone, and comes back with so many shards.
    Restart { how: Ending, down: Duration, shards: usize, interrupted: Option<Duration> },
    /// The disk fails once, so much later the broker is restarted.
    DiskError { operation: Operation, nth: u64, lasting: Duration, how: Ending, shards: usize },
    /// The clients are quiet, and the broker gets round to what it does when nobody presses.
    Lull { lasting: Duration },
    /// The disk has no room for so long.
    DiskFull { room_bytes: u64, lasting: Duration },
}

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing survives that was not promised to.
    PowerCutLosingAll,
    /// Everything survives that was begun.
    PowerCutKeepingAll,
    /// Any mixture.
    PowerCut(u64),
    Kill(u64),
    Stop,
}

impl Plan {
    pub fn draw(random: &mut Random) -> Self {
        let mut disruptions = Vec::new();
        let mut at = 0;
        for _ in 0..1 + random.below(4) {
            at += 60 + random.below(160);
            disruptions.push((at, Disruption::draw(random)));
        }
        // A run without a crash would show little.
        let crash = at + 40;
        disruptions.push((crash, Disruption::restart(random, Ending::crash)));
        Self {
            shards: shards(random),
            producers: 1 + random.below(3) as u32,
            plain_producers: 1 + random.below(2) as u32,
            consumers: 1 + random.below(2) as u32,
            members: 1 + random.below(4) as u32,
            consumer_members: 1 + random.below(4) as u32,
            mixed_members: 1 + random.below(4) as u32,
            static_members: random.below(4) as u32,
            weather: match random.below(3) {
                0 => Weather::FAIR,
                1 => Weather { cut_one_in: 8, hole_one_in: 60, slow_one_in: 200 },
                _ => Weather { cut_one_in: 3, hole_one_in: 30, slow_one_in: 60 },
            },
            disruptions,
            last: Disruption::restart(random, Ending::draw),
            requests: REQUESTS_MIN.max(crash + 60),
            lie: None,
        }
    }
}

impl Plan {
    /// Of one of a group's so many members.
    pub fn role(&self, group: &'static str, number: u32, count: u32) -> Role {
        match self.static_members.min(count) {
            named if number < named => Role::named(group, number, named),
            _ => Role::new(group),
        }
    }
}

impl Disruption {
    fn draw(random: &mut Random) -> Self {
        match random.below(12) {
            10 | 11 => Disruption::Lull { lasting: Duration::from_millis(random.below(25_000)) },
            0 | 1 => Disruption::DiskFull {
                room_bytes: random.below(256 << 10),
                lasting: Duration::from_millis(random.below(6_000)),
            },
            2 | 3 => Disruption::DiskError {
                operation: [Operation::Write, Operation::Sync, Operation::Allocate]
                    [random.below(3) as usize],
                nth: 1 + random.below(60),
                lasting: Duration::from_millis(random.below(3_000)),
                how: Ending::draw(random),
                shards: shards(random),
            },
            _ => Disruption::restart(random, Ending::draw),
        }
    }

    fn restart(random: &mut Random, ending: fn(&mut Random) -> Ending) -> Self {
        let interrupted = Duration::from_micros(random.below(60_000));
        Disruption::Restart {
            how: ending(random),
            down: Duration::from_millis(random.below(500)),
            shards: shards(random),
            interrupted: (random.below(4) == 0).then_some(interrupted),
        }
    }
}

impl Ending {
    fn crash(random: &mut Random) -> Self {
        match random.below(6) {
            0 | 1 => Ending::PowerCutLosingAll,
            2 => Ending::PowerCutKeepingAll,
            3 => Ending::Kill(random.next_u64()),
            _ => Ending::PowerCut(random.next_u64()),
        }
    }

    fn draw(random: &mut Random) -> Self {
        match random.below(5) {
            0 => Ending::Stop,
            _ => Ending::crash(random),
        }
    }
}

fn shards(random: &mut Random) -> usize {
    1 + random.below(SHARDS_MAX) as usize
}
