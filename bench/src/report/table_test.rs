use super::super::example::outcome;
use super::*;
use crate::failures::Failures;

fn table(outcome: &Outcome) -> String {
    let mut table = Vec::new();
    write_table(outcome, &mut table).unwrap();
    String::from_utf8(table).unwrap()
}

#[test]
fn a_line_a_repeat_with_percentiles_and_what_the_server_paid() {
    let table = table(&outcome());
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|c| !c.is_empty()).collect())
        .collect();
    assert_eq!(
        rows[0],
        [
            "repeat",
            "throughput",
            "records",
            "p50",
            "p90",
            "p99",
            "p99.9",
            "p99.99",
            "max",
            "client CPU",
            "server CPU",
            "per GB",
            "memory",
            "written",
            "read"
        ]
    );
    assert_eq!(
        rows[1],
        [
            "1", "100 MB/s", "100 k/s", "2.00 ms", "2.00 ms", "2.00 ms", "2.00 ms", "2.00 ms",
            "2.00 ms", "0.50 s", "0.50 s", "2.50 s", "105 MB", "200 MB", "0 B"
        ]
    );
    assert_eq!(rows[2][3..9], ["2.00 ms", "2.00 ms", "2.00 ms", "50.0 ms", "50.0 ms", "50.0 ms"]);
    assert!(table.contains("from when they were due, at a fixed rate"));
}

#[test]
fn errors_and_what_was_given_up_are_told() {
    let mut outcome = outcome();
    let failures = Failures { refused: 1, given_up: 2, unsent: 3, unseen: 0 };
    outcome.repeats[1].produce.failures = failures;
    outcome.repeats[1].fetch.failures = Failures { given_up: 4, ..Failures::default() };
    outcome.repeats[1].unseen = 5;
    outcome.repeats[1].produce.retriable_error(|| "Produce: NOT_LEADER".into());
    let table = table(&outcome);
    assert!(table.contains("repeat 2: produce: 3 requests were never sent"), "{table}");
    assert!(table.contains("repeat 2: produce: 2 requests had no answer in the end"), "{table}");
    assert!(table.contains("repeat 2: produce: 1 requests were refused, in whole or in part"));
    assert!(table.contains("repeat 2: fetch: 4 requests had no answer in the end"), "{table}");
    assert!(table.contains("repeat 2: produce: 1 retriable errors; first: Produce: NOT_LEADER"));
    assert!(table.contains("repeat 2: 5 batches were acknowledged and no consumer saw them"));
    assert!(!table.contains("repeat 1:"));
    let json = crate::report::to_json(&outcome);
    let repeat = &json["repeats"][1];
    assert_eq!(
        repeat["failures"],
        serde_json::json!({ "refused": 1, "given_up": 6, "unsent": 3, "unseen": 5 })
    );
    assert_eq!([&repeat["produce"]["refused"], &repeat["produce"]["given_up"]], [1, 2]);
    assert_eq!(repeat["fetch"]["given_up"], 4, "a side that did nothing else is told of");
    let all = outcome.failures();
    assert_eq!((all.refused, all.given_up, all.unsent, all.unseen), (1, 6, 3, 5));
}

#[test]
fn how_newcomers_fared_is_told() {
    let mut outcome = outcome();
    let begin = outcome.repeats[0].newcomers.window().from;
    outcome.repeats[0].newcomers.time(begin, begin + std::time::Duration::from_millis(3));
    let table = table(&outcome);
    assert!(table.contains("repeat 1: 1 new connections"), "{table}");
    assert!(table.contains("p99 3.00 ms") && !table.contains("repeat 2:"), "{table}");
}

#[test]
fn a_side_without_latencies_has_none() {
    let mut outcome = outcome();
    outcome.plan.workload = Workload::EndToEnd;
    outcome.plan.server_pid = None;
    let table = table(&outcome);
    assert!(table.lines().nth(1).unwrap().contains("  -  "), "{table}");
}

#[test]
fn what_carried_nothing_has_no_cost_per_gb() {
    let mut outcome = outcome();
    outcome.repeats[0].produce.counts.bytes = 0;
    let table = table(&outcome);
    let cells: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(cells.iter().filter(|&&cell| cell == "-").count(), 1, "{table}");
    let json = crate::report::to_json(&outcome);
    assert!(json["repeats"][0]["server_cpu_seconds_per_gb"].is_null());
    assert_eq!(json["repeats"][1]["server_cpu_seconds_per_gb"], 2.5);
}
