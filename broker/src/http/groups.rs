//! Series of consumer groups: what they are, and how far they are behind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pelton_group::GroupFigures;
use pelton_model::histogram::Latencies;

use super::exposition::Exposition;
use crate::metrics::{Position, ShardFigures};

/// How far one group is behind in one partition.
struct Lag<'a> {
    group: &'a str,
    topic: &'a str,
    partition: i32,
    /// The first offset that the group has not read.
    committed: i64,
    records: i64,
}

impl Lag<'_> {
    fn position(&self) -> Position {
        let (topic, partition) = (self.topic.to_owned(), self.partition);
        Position { topic, partition, offset: self.committed }
    }
}

/// How old the records at some positions are, at least.
pub type Ages = BTreeMap<Position, Duration>;

/// Positions whose ages are asked for by one scrape: some milliseconds of the shards' time. Who has
/// more groups and partitions that are behind sees the times of some.
const POSITIONS_MAX: usize = 10_000;

/// The first records that groups have not read, each once.
pub fn unread_positions(shards: &[ShardFigures]) -> Vec<Position> {
    let behind = lags(shards).filter(|lag| lag.records > 0).map(|lag| lag.position());
    behind.take(POSITIONS_MAX).collect::<BTreeSet<_>>().into_iter().collect()
}

pub fn groups(text: &mut Exposition, shards: &[ShardFigures], ages: &Ages) {
    let mut by_state: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (state, count) in shards.iter().flat_map(|shard| &shard.groups.by_state) {
        *by_state.entry(*state).or_default() += count;
    }
    let mut family = text.gauge("pelton_groups", "Groups, by their protocol and state.");
    for ((kind, state), count) in by_state {
        family.sample(&[("type", kind), ("state", state)], count);
    }
    let mut family = text.gauge("pelton_group_members", "Members of a group.");
    for group in shown(shards) {
        family.sample(&[("group", &group.group)], group.members);
    }
    let mut family = text.counter("pelton_group_rebalances_total", "Rebalances begun by a group.");
    for group in shown(shards) {
        family.sample(&[("group", &group.group)], group.rebalances);
    }
    let mut rebalances = Latencies::default();
    shards.iter().for_each(|shard| rebalances.merge(&shard.groups.rebalances));
    text.histogram(
        "pelton_group_rebalance_seconds",
        "Rebalances of groups, from the first disturbance until the group was stable again.",
    )
    .latencies(&[], &rebalances);
    let (mut sums, mut greatest) = (BTreeMap::new(), BTreeMap::new());
    for Lag { group, topic, records, .. } in lags(shards) {
        *sums.entry((group, topic)).or_insert(0i64) += records;
        let most = greatest.entry(group).or_insert(0);
        *most = records.max(*most);
    }
    let mut family = text.gauge(
        "pelton_group_lag_records",
        "Records of a topic that are there and that a group has not committed.",
    );
    for ((group, topic), records) in sums {
        family.sample(&[("group", group), ("topic", topic)], records);
    }
    let mut family = text
        .gauge("pelton_group_lag_max_records", "The same of the partition that is most behind.");
    for (group, records) in greatest {
        family.sample(&[("group", group)], records);
    }
    lag_times(text, shards, ages);
    let sum = |figure: fn(&ShardFigures) -> u64| shards.iter().map(figure).sum::<u64>();
    text.counter("pelton_offset_commits_total", "Offsets committed.")
        .sample(&[], sum(|shard| shard.groups.offset_commits));
    text.counter("pelton_offsets_expired_total", "Committed offsets that were kept long enough.")
        .sample(&[], sum(|shard| shard.groups.offsets_expired));
    let mut loads = Latencies::default();
    shards.iter().for_each(|shard| loads.merge(&shard.coordinator_loads));
    text.histogram(
        "pelton_coordinator_load_seconds",
        "Reading a coordinator's groups from its log.",
    )
    .latencies(&[], &loads);
}

fn lag_times(text: &mut Exposition, shards: &[ShardFigures], ages: &Ages) {
    // Of the partitions that are behind, if any are: the greatest age that is known.
    let mut behind: BTreeMap<(&str, &str), Option<Option<Duration>>> = BTreeMap::new();
    for lag in lags(shards) {
        let oldest = behind.entry((lag.group, lag.topic)).or_default();
        if lag.records > 0 {
            *oldest = Some(ages.get(&lag.position()).copied().max(oldest.flatten()));
        }
    }
    let mut family = text.gauge(
        "pelton_group_lag_seconds",
        "Age of the oldest record of a topic that is there and that a group has not committed. It \
         is at least so old: what is known is the greatest timestamp of its batch, or of the 64 \
         KiB around it once the batch is only on the disk; of its whole segment until the \
         segment's index is in memory, and a scrape has no more than 8 of a shard read.",
    );
    for ((group, topic), oldest) in behind {
        // Who is behind, it is not known how long, has no series: 0 would be wrong.
        if let Some(age) = oldest.unwrap_or(Some(Duration::ZERO)) {
            family.sample(&[("group", group), ("topic", topic)], age.as_secs_f64());
        }
    }
}

/// One series per group and partition, for the path that has many.
pub fn lags_by_partition(text: &mut Exposition, shards: &[ShardFigures]) {
    let mut family = text.gauge(
        "pelton_group_partition_lag_records",
        "Records of a partition that are there and that a group has not committed.",
    );
    for Lag { group, topic, partition, records, .. } in lags(shards) {
        let partition = partition.to_string();
        family.sample(&[("group", group), ("topic", topic), ("partition", &partition)], records);
    }
}

fn shown(shards: &[ShardFigures]) -> impl Iterator<Item = &GroupFigures> {
    shards.iter().flat_map(|shard| &shard.groups.shown)
}

/// Coordinators and partitions are on shards of their own: here they meet.
fn lags(shards: &[ShardFigures]) -> impl Iterator<Item = Lag<'_>> {
    let end_of = |topic: &str, partition: i32| {
        shards.iter().find_map(|shard| shard.high_watermarks.get(topic)?.get(&partition).copied())
    };
    shown(shards).flat_map(move |group| {
        group.offsets.iter().filter_map(move |(topic, partition, committed)| {
            let end = end_of(topic, *partition)?;
            // A commit beyond the end is not behind; a negative one says nothing.
            let records = end.saturating_sub(*committed).max(0);
            (*committed >= 0).then_some(Lag {
                group: &group.group,
                topic,
                partition: *partition,
                committed: *committed,
                records,
            })
        })
    })
}

#[cfg(test)]
#[path = "groups_test.rs"]
mod groups_test;
