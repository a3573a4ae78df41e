use super::super::compaction_test::plan;
use super::*;
use crate::compaction::{CompactedBytes, Verdict};
use crate::failures::Failures;
use hdrhistogram::Histogram;

fn load(millis: u64) -> LoadFigures {
    let mut latencies = Histogram::new(2).unwrap();
    latencies.record_n(millis * 1_000_000, 50).unwrap();
    let failures = Failures { refused: 1, unsent: 2, ..Failures::default() };
    LoadFigures { seconds: 8.0, latencies, retriable_errors: 1, failures, server: None }
}

fn figures() -> CompactionFigures {
    CompactionFigures {
        before: load(2),
        during: load(3),
        seconds: 4.0,
        working_seconds: Some(2.5),
        bytes_before: 1_000_000_000,
        bytes_after: 100_000_000,
        compacted: Some(CompactedBytes { read: 2_000_000_000, written: 90_000_000 }),
        cpu_seconds: Some(3.0),
        verdict: Verdict { records: 100, replaced_records: 2, ..Verdict::default() },
    }
}

fn table(figures: &CompactionFigures) -> String {
    let mut text = Vec::new();
    write_compaction_table(&plan(), figures, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn the_load_is_told_before_while_and_as_a_ratio() {
    let text = table(&figures());
    let line = |begin: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(begin)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(line("before").starts_with("before 8.0 50 2"), "{text}");
    assert!(line("compacting").starts_with("compacting 8.0 50 3"), "{text}");
    assert!(line("ratio").starts_with("ratio 1.5"), "{text}");
    assert!(line("compacted in").contains("4.0 s (2.5 s at work): 1.00 GB to 100 MB"), "{text}");
    assert!(text.contains("3.00 s, 1.50 s per GB read"), "{text}");
    assert!(text.contains("100 left, 0 keys lost, 2 records replaced and left, 0 wrong"), "{text}");
    assert!(text.contains("2 batches of the load were refused"), "{text}");
    assert!(text.contains("of the load: requests refused: 2, requests never sent: 4"), "{text}");
    let json = to_json(&plan(), &figures());
    assert_eq!(json["server_cpu_seconds_per_gb_read"], 1.5);
    assert_eq!(json["compacting"]["latency_ns"]["count"], 50);
    assert_eq!(json["compacting"]["failures"]["unsent"], 2);
    assert_eq!(json["verdict"]["replaced_records"], 2);
}

#[test]
fn what_a_broker_does_not_tell_is_left_out() {
    let silent = CompactionFigures {
        working_seconds: None,
        compacted: None,
        cpu_seconds: None,
        ..figures()
    };
    let text = table(&silent);
    assert!(!text.contains("at work") && !text.contains("read") && !text.contains("CPU"), "{text}");
    assert!(to_json(&plan(), &silent)["server_cpu_seconds_per_gb_read"].is_null());
}
