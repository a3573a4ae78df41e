use std::collections::BTreeSet;
use std::time::Duration;

use pelton_kafka::ApiKey;
use pelton_storage::Corruptions;

use super::*;
use crate::metrics::CanaryFigures;
use crate::metrics::{ClusterFigures, Pauses, Phase};

fn info() -> BuildInfo {
    BuildInfo {
        version: "0.1.0".into(),
        commit: "abc".into(),
        started: TimestampMs::new(1_700_000_000_250),
    }
}

/// A shard with something in every figure.
fn busy(shard: u16) -> ShardFigures {
    let mut figures = ShardFigures {
        shard,
        requests_hopped: 2,
        connections_opened: 9,
        connections: 3,
        fetch_sessions: 5,
        fetch_session_evictions: 6,
        frames_bytes: 10,
        frames_budget_bytes: 100,
        partitions: 4,
        partitions_offline: u64::from(shard),
        recovery_time: Duration::from_millis(250 * (1 + u64::from(shard))),
        paused_for_budget: Pauses { now: 1, ever: 8 },
        paused_for_mailbox: Pauses { now: 0, ever: 3 },
        journal_live_bytes: 4096,
        journal_used_ratio: 0.25,
        fenced: (shard == 1).then_some(FenceReason::StateFile),
        dir: "/var/lib/pelton".into(),
        state_bytes: 30,
        disk_full: shard == 1,
        disk_free_bytes: 50 + u64::from(shard),
        disk_total_bytes: 200,
        read_bytes_disk: 7,
        corruptions: Corruptions { segment: 2, index: 1 },
        ..ShardFigures::default()
    };
    figures.requests.insert((ApiKey::PRODUCE.get(), 11), 5);
    figures.errors.insert((ApiKey::PRODUCE.get(), 6), 1);
    for key in [(ApiKey::FETCH.get(), true), (ApiKey::FETCH.get(), false), (0, false), (0, true)] {
        figures.durations.entry(key).or_default().record_time(Duration::from_millis(1));
    }
    let traffic = TopicTraffic {
        bytes_received: 100,
        bytes_sent: 50,
        records_produced: 10,
        records_fetched: 7,
    };
    figures.topics.insert("orders".into(), traffic);
    figures.topic_bytes.insert("orders".into(), 1000);
    figures.add_client("librdkafka", "2.12.1");
    figures.batches_rejected.insert("crc", 1);
    figures.batches_recompressed.insert("zstd", 4);
    figures.recompress_time = Duration::from_millis(250);
    let phase = (ApiKey::PRODUCE.get(), Phase::Durable);
    figures.phases.entry(phase).or_default().record_time(Duration::from_micros(90));
    figures.batch_sizes.record(300);
    figures.journal.group_entries.record(5);
    figures.compaction.dirty_ratios.insert("orders".into(), 0.25 * f64::from(shard));
    figures.compaction.last_success = Some(TimestampMs::new(2000 + i64::from(shard)));
    figures.compaction.removed_records = 4;
    figures.tasks.foreground = Duration::from_millis(1500);
    figures.tasks.catch_up = Duration::from_millis(1000);
    figures.tasks.background = Duration::from_millis(250);
    figures.parked.insert(ApiKey::FETCH.get(), 1);
    figures.tasks.steps.record_time(Duration::from_micros(70));
    figures.cluster =
        (shard == 0).then_some(ClusterFigures { brokers: 1, topics: 3, ..Default::default() });
    figures
}

fn has(text: &str, line: &str) {
    assert!(text.lines().any(|have| have == line), "no line {line}\nin\n{text}");
}

/// A label's value ends at the first quote that is not escaped; gives what is behind it.
fn after_value(text: &str) -> Option<&str> {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(&text[at + 1..]),
            _ => {}
        }
    }
    None
}

/// The series that a line gives a value, as it stands there.
fn series(line: &str) -> &str {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = line.trim_start_matches(is_name);
    if let Some(mut labels) = rest.strip_prefix('{') {
        rest = loop {
            let value = labels.trim_start_matches(is_name).strip_prefix("=\"").expect(line);
            let behind = after_value(value).expect(line);
            match behind.strip_prefix(',') {
                Some(more) => labels = more,
                None => break behind.strip_prefix('}').expect(line),
            }
        };
    }
    rest.strip_prefix(' ').expect(line).parse::<f64>().expect(line);
    &line[..line.len() - rest.len()]
}

fn check_exposition(text: &str) {
    assert!(text.ends_with('\n'));
    let (mut families, mut all) = (BTreeSet::new(), BTreeSet::new());
    let (mut helped, mut family) = ("", "");
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            helped = help.split_once(' ').expect(line).0;
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect(line);
            assert_eq!(name, helped, "HELP comes before TYPE");
            assert!(families.insert(name), "{name} comes twice");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
            family = name;
        } else {
            let series = series(line);
            let name = series.split('{').next().unwrap_or_default();
            let suffix = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} in {family}"));
            assert!(["", "_bucket", "_sum", "_count"].contains(&suffix), "{line}");
            assert!(all.insert(series), "{series} comes twice");
        }
    }
}

#[test]
fn every_line_is_valid_and_every_series_comes_once() {
    let mut odd = busy(2);
    odd.topics.insert("a\"b\\c\n{},= ".into(), TopicTraffic::default());
    for unknown in [(999, 0), (1000, 0), (18, 77), (18, 78)] {
        odd.requests.insert(unknown, 1);
        odd.errors.insert((unknown.0, 9999), 1);
    }
    for shards in [vec![], vec![ShardFigures::default()], vec![busy(0), busy(1), odd]] {
        check_exposition(&render(&shards, &Ages::new(), &info()));
    }
}

#[test]
fn figures_are_summed_over_shards() {
    let text = render(&[busy(0), busy(1)], &Ages::new(), &info());
    has(&text, "pelton_requests_total{api=\"produce\",version=\"11\"} 10");
    has(&text, "pelton_errors_total{api=\"produce\",error=\"NOT_LEADER_OR_FOLLOWER\"} 2");
    has(&text, "pelton_requests_hopped_total 4");
    has(&text, "pelton_fetch_sessions 10");
    has(&text, "pelton_fetch_session_evictions_total 12");
    has(&text, "pelton_bytes_received_total{topic=\"orders\"} 200");
    has(&text, "pelton_bytes_sent_total{topic=\"orders\"} 100");
    has(&text, "pelton_records_produced_total{topic=\"orders\"} 20");
    has(&text, "pelton_records_fetched_total{topic=\"orders\"} 14");
    has(&text, "pelton_connections{listener=\"PLAINTEXT\"} 6");
    has(&text, "pelton_connections_opened_total{listener=\"PLAINTEXT\"} 18");
    has(&text, "pelton_requests_parked{api=\"fetch\"} 2");
    has(&text, "pelton_connections_paused{reason=\"budget\"} 2");
    has(&text, "pelton_connections_paused{reason=\"mailbox\"} 0");
    has(&text, "pelton_connection_pauses_total{reason=\"budget\"} 16");
    has(&text, "pelton_connection_pauses_total{reason=\"mailbox\"} 6");
    has(&text, "pelton_read_bytes_total{from=\"disk\"} 14");
}

#[test]
fn figures_about_a_core_keep_its_label() {
    let text = render(&[busy(0), busy(1)], &Ages::new(), &info());
    has(&text, "pelton_memory_used_bytes{shard=\"1\",for=\"frames\"} 10");
    has(&text, "pelton_memory_budget_bytes{shard=\"0\",for=\"frames\"} 100");
    has(&text, "pelton_journal_used_ratio{shard=\"0\"} 0.25");
    has(&text, "pelton_journal_checkpoint_lag_bytes{shard=\"1\"} 4096");
    has(&text, "pelton_shard_busy_seconds_total{shard=\"1\"} 2.75");
    has(&text, "pelton_memory_used_bytes{shard=\"1\",for=\"state\"} 30");
    has(&text, "pelton_partitions{shard=\"1\",role=\"leader\"} 4");
}

#[test]
fn a_fenced_shard_says_why() {
    let text = render(&[busy(0), busy(1)], &Ages::new(), &info());
    let fenced = |shard: u16, reason: &str, value: u8| {
        let labels = format!("dir=\"/var/lib/pelton\",shard=\"{shard}\",reason=\"{reason}\"");
        has(&text, &format!("pelton_storage_fenced{{{labels}}} {value}"));
    };
    for reason in FenceReason::ALL {
        fenced(0, reason.name(), 0);
        fenced(1, reason.name(), u8::from(reason == FenceReason::StateFile));
    }
}

#[test]
fn the_disk_is_counted_once() {
    let text = render(&[busy(0), busy(1)], &Ages::new(), &info());
    has(&text, "pelton_storage_disk_free_bytes{dir=\"/var/lib/pelton\"} 50");
    has(&text, "pelton_storage_disk_total_bytes{dir=\"/var/lib/pelton\"} 200");
    has(&text, "pelton_storage_full 1");
    has(&text, "pelton_storage_corruptions_total{where=\"segment\"} 4");
    has(&text, "pelton_storage_corruptions_total{where=\"index\"} 2");
}

#[test]
fn a_disk_not_yet_looked_at_is_not_said_to_be_full() {
    let text = render(&[ShardFigures::default()], &Ages::new(), &info());
    assert!(!text.contains("\npelton_storage_disk_free_bytes{"));
}

#[test]
fn only_fetches_say_whether_they_waited() {
    let text = render(&[busy(0)], &Ages::new(), &info());
    has(&text, "pelton_request_duration_seconds_count{api=\"fetch\",waited=\"yes\"} 1");
    has(&text, "pelton_request_duration_seconds_count{api=\"fetch\",waited=\"no\"} 1");
    has(&text, "pelton_request_duration_seconds_count{api=\"produce\"} 2");
}

#[test]
fn the_build_and_the_start_are_told() {
    let text = render(&[], &Ages::new(), &info());
    has(&text, "pelton_build_info{version=\"0.1.0\",commit=\"abc\"} 1");
    has(&text, "pelton_start_time_seconds 1700000000.25");
}

#[test]
fn versions_that_a_client_invents_share_one_series() {
    let mut figures = ShardFigures::default();
    figures.requests.insert((ApiKey::API_VERSIONS.get(), 500), 1);
    figures.requests.insert((ApiKey::API_VERSIONS.get(), 501), 1);
    let text = render(&[figures], &Ages::new(), &info());
    has(&text, "pelton_requests_total{api=\"api_versions\",version=\"unsupported\"} 2");
}

#[test]
fn figures_that_one_shard_has_for_all_are_told_once_or_not_at_all() {
    let text = render(&[busy(0), busy(1)], &Ages::new(), &info());
    has(&text, "pelton_controller_active 1");
    has(&text, "pelton_cluster_topics 3");
    assert!(!render(&[busy(1)], &Ages::new(), &info()).contains("\npelton_controller_active "));
}

#[test]
fn what_cores_and_devices_did_is_told() {
    let text = render(&[busy(0), busy(1)], &Ages::new(), &info());
    has(&text, "pelton_clients{software=\"librdkafka\",version=\"2.12.1\"} 2");
    has(&text, "pelton_batches_rejected_total{reason=\"crc\"} 2");
    has(&text, "pelton_batches_recompressed_total{to=\"zstd\"} 8");
    has(&text, "pelton_recompress_duration_seconds_total 0.5");
    has(&text, "pelton_topic_size_bytes{topic=\"orders\",tier=\"local\"} 2000");
    has(&text, "pelton_request_phase_seconds_count{api=\"produce\",phase=\"durable\"} 2");
    has(&text, "pelton_shard_queue_seconds_total{shard=\"1\",queue=\"foreground\"} 1.5");
    has(&text, "pelton_shard_stall_seconds_bucket{le=\"0.0001\"} 2");
    has(&text, "pelton_batch_size_bytes_bucket{le=\"512\"} 2");
    has(&text, "pelton_journal_group_batches_sum 10");
}

#[test]
fn a_start_is_as_slow_as_its_slowest_shard() {
    let text = render(&[busy(0), busy(1)], &Ages::new(), &info());
    has(&text, "pelton_recovery_duration_seconds 0.5");
    has(&text, "pelton_recovery_partitions_remaining 0");
    let starting = render_start(3, &info());
    check_exposition(&starting);
    has(&starting, "pelton_recovery_partitions_remaining 3");
    has(&starting, "pelton_start_time_seconds 1700000000.25");
}

#[test]
fn a_partition_whose_storage_failed_is_offline() {
    let text = render(&[busy(0), busy(1)], &Ages::new(), &info());
    has(&text, "pelton_cluster_partitions_offline 1");
    has(&text, "pelton_partitions_at_min_isr 7");
    has(&text, "pelton_partitions_under_min_isr 0");
    has(&text, "pelton_partitions_under_replicated 0");
}

/// An alert on a series that there is not can never fire.
#[test]
fn alerts_that_are_shipped_are_about_metrics_that_are_shipped() {
    let rules = include_str!("../../../deploy/alerts.yml");
    let text = render(&[busy(0), busy(1)], &Ages::new(), &info());
    let mut named = 0;
    for word in rules.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        if word.starts_with("pelton_") {
            let family = word.strip_suffix("_bucket").unwrap_or(word);
            assert!(text.contains(&format!("# TYPE {family} ")), "no metric {word}");
            named += 1;
        }
    }
    assert!(named > 10);
}

/// Nor can one on a label with a value that there is not.
#[test]
fn alerts_that_are_shipped_ask_for_labels_that_are_shipped() {
    let rules = include_str!("../../../deploy/alerts.yml");
    let text = render(&[busy(0), busy(1)], &Ages::new(), &info());
    let mut asked = 0;
    for (at, _) in rules.match_indices("pelton_") {
        let selector = &rules[at..];
        let end = selector.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, rest) = selector.split_at(end.unwrap_or(selector.len()));
        let Some((labels, _)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
            continue;
        };
        let labels: Vec<&str> = labels.split(',').map(str::trim).collect();
        // Of a label whose values are left out, any other value will do.
        let has_label = |line: &str, label: &str| match label.split_once('!') {
            Some((label, _)) => line.contains(&format!("{label}=\"")),
            None => line.contains(label),
        };
        let is_asked_for = |line: &str| {
            line.starts_with(name) && labels.iter().all(|label| has_label(line, label))
        };
        assert!(text.lines().any(is_asked_for), "nothing is {name}{labels:?}");
        asked += 1;
    }
    assert!(asked >= 3, "{asked}");
}

#[test]
fn compaction_shows_its_worst_partition_and_the_shard_that_is_furthest_behind() {
    let text = render(&[busy(0), busy(1), ShardFigures::default()], &Ages::new(), &info());
    has(&text, "pelton_compaction_dirty_ratio{topic=\"orders\"} 0.25");
    has(&text, "pelton_compaction_last_success_seconds 2");
    has(&text, "pelton_compaction_removed_records_total 8");
    has(&text, "pelton_compaction_failed_partitions 0");
    let text = render(&[ShardFigures::default()], &Ages::new(), &info());
    assert!(!text.contains("\npelton_compaction_last_success_seconds "));
}

#[test]
fn canaries_have_series_only_where_they_are_sent() {
    let mut first = busy(0);
    let name = "pelton_canary_roundtrip_seconds";
    assert!(!render(&[first.clone()], &Ages::new(), &info()).contains("canar"));
    let mut canary = CanaryFigures { lost: 2, ..CanaryFigures::default() };
    canary.roundtrips.record_time(Duration::from_millis(3));
    first.canary = Some(canary);
    let text = render(&[first, busy(1)], &Ages::new(), &info());
    check_exposition(&text);
    assert!(text.contains(&format!("\n{name}_sum 0.003\n")), "{text}");
    assert!(text.contains("\npelton_canaries_lost_total 2\n"), "{text}");
}
