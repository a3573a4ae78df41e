//! Series of consumer groups: what they are, and how far they are behind.

use std::collections::BTreeMap;

use pelton_group::GroupFigures;
use pelton_model::histogram::Latencies;

use super::exposition::Exposition;
use crate::metrics::ShardFigures;

/// How far one group is behind in one partition.
struct Lag<'a> {
    group: &'a str,
    topic: &'a str,
    partition: i32,
    records: i64,
}

pub fn groups(text: &mut Exposition, shards: &[ShardFigures]) {
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

/// One series per group and partition, for the path that has many.
pub fn lags_by_partition(text: &mut Exposition, shards: &[ShardFigures]) {
    let mut family = text.gauge(
        "pelton_group_partition_lag_records",
        "Records of a partition that are there and that a group has not committed.",
    );
    for Lag { group, topic, partition, records } in lags(shards) {
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
                records,
            })
        })
    })
}

#[cfg(test)]
#[path = "groups_test.rs"]
mod groups_test;
