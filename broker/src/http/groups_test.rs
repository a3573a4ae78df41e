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

fn position(partition: i32, offset: i64) -> Position {
    Position { topic: "orders".into(), partition, offset }
}

fn ages() -> Ages {
    let age = Duration::from_millis;
    BTreeMap::from([(position(0, 90), age(1_500)), (position(1, 50), age(700))])
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
    let text = text(|text| groups(text, &shards(), &ages()));
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
fn the_positions_whose_ages_are_asked_for_are_those_that_are_behind_and_each_once() {
    let [mut coordinating, owning] = shards();
    let same = coordinating.groups.shown[0].clone();
    coordinating.groups.shown.push(same);
    assert_eq!(unread_positions(&[coordinating, owning]), [position(0, 90), position(1, 50)]);
}

#[test]
fn there_is_a_bound_to_the_positions_whose_ages_are_asked_for() {
    let [mut coordinating, mut owning] = shards();
    let many = 0..POSITIONS_MAX as i32 + 5;
    coordinating.groups.shown[0].offsets =
        many.clone().map(|partition| ("orders".into(), partition, 1)).collect();
    owning.high_watermarks.insert("orders".into(), many.map(|index| (index, 2)).collect());
    assert_eq!(unread_positions(&[coordinating, owning]).len(), POSITIONS_MAX);
}

#[test]
fn a_lag_in_time_is_that_of_the_oldest_record_and_none_where_it_is_not_known() {
    const SERIES: &str = "pelton_group_lag_seconds{group=\"billing\",topic=\"orders\"}";
    let seconds = |committed: &[(i32, i64)], ages: &Ages| {
        let [mut coordinating, owning] = shards();
        let offsets = committed.iter().map(|(partition, at)| ("orders".into(), *partition, *at));
        coordinating.groups.shown[0].offsets = offsets.collect();
        let text = text(|text| groups(text, &[coordinating, owning], ages));
        let value = text.lines().find_map(|line| line.strip_prefix(SERIES)).map(str::trim);
        value.map(|value| value.parse::<f64>().expect("a number"))
    };
    assert_eq!(seconds(&[(0, 90), (1, 50), (2, 100)], &ages()), Some(1.5));
    assert_eq!(seconds(&[(0, 100), (1, 50)], &ages()), Some(0.7));
    assert_eq!(seconds(&[(0, 100), (1, 100)], &ages()), Some(0.0), "it has read everything");
    assert_eq!(seconds(&[(0, 100), (1, 51)], &ages()), None, "behind for an unknown time");
    assert_eq!(seconds(&[(0, 90), (1, 51)], &ages()), Some(1.5), "at least so long");
    assert_eq!(seconds(&[], &ages()), None);
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
