use std::time::Duration;

use pelton_group::{GroupState, State};

use super::*;

/// Shard 0 has the coordinator, shard 1 the topic's partitions.
fn shards() -> [ShardFigures; 2] {
    let mut coordinating = ShardFigures::default();
    coordinating.groups.by_state.insert(("classic", "Stable"), 1);
    coordinating.groups.offset_commits = 7;
    coordinating.groups.shown.push(GroupFigures {
        group: "billing".into(),
        kind: "classic",
        state: GroupState::Classic(State::Stable),
        members: 2,
        rebalances: 3,
        state_bytes: 500,
        offsets: vec![
            ("orders".into(), 0, 90),
            ("orders".into(), 1, 50),
            // Beyond the end, gone, and nothing said.
            ("orders".into(), 2, 500),
            ("gone".into(), 0, 1),
            ("orders".into(), 3, -1),
        ],
    });
    coordinating.groups.rebalances.record_time(Duration::from_millis(3));
    coordinating.coordinator_loads.record_time(Duration::from_millis(5));
    let mut owning = ShardFigures::default();
    owning.groups.by_state.insert(("classic", "Stable"), 2);
    let ends = BTreeMap::from([(0, 100), (1, 100), (2, 100), (3, 100)]);
    owning.high_watermarks.insert("orders".into(), ends);
    [coordinating, owning]
}

fn text(render: impl FnOnce(&mut Exposition)) -> String {
    let mut text = Exposition::default();
    render(&mut text);
    text.into_text()
}

fn has(text: &str, line: &str) {
    assert!(text.lines().any(|have| have == line), "no line {line}\nin\n{text}");
}

#[test]
fn groups_are_counted_over_shards_and_say_how_far_they_are_behind() {
    let text = text(|text| groups(text, &shards()));
    has(&text, "pelton_groups{type=\"classic\",state=\"Stable\"} 3");
    has(&text, "pelton_group_members{group=\"billing\"} 2");
    has(&text, "pelton_group_rebalances_total{group=\"billing\"} 3");
    has(&text, "pelton_group_lag_records{group=\"billing\",topic=\"orders\"} 60");
    has(&text, "pelton_group_lag_max_records{group=\"billing\"} 50");
    has(&text, "pelton_offset_commits_total 7");
    has(&text, "pelton_group_rebalance_seconds_sum 0.003");
    has(&text, "pelton_coordinator_load_seconds_count 1");
    assert!(!text.contains("gone"));
}

#[test]
fn each_partition_has_its_lag_on_the_path_for_many_series() {
    let text = text(|text| lags_by_partition(text, &shards()));
    let name = "pelton_group_partition_lag_records{group=\"billing\",topic=\"orders\"";
    has(&text, &format!("{name},partition=\"0\"}} 10"));
    has(&text, &format!("{name},partition=\"1\"}} 50"));
    has(&text, &format!("{name},partition=\"2\"}} 0"));
    assert!(!text.contains("partition=\"3\""));
}
