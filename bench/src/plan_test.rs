use super::*;

fn plan() -> Plan {
    Plan::new(Workload::Produce, "127.0.0.1:9092")
}

#[test]
fn the_default_plan_has_sense() {
    plan().check().unwrap();
}

#[test]
fn a_report_names_the_acks_of_its_plan() {
    let named = [(Acks::None, "none"), (Acks::Leader, "leader"), (Acks::All, "all")];
    for (acks, name) in named {
        let plan = Plan { acks, ..plan() };
        assert_eq!(serde_json::to_value(plan).unwrap()["acks"], name);
    }
}

#[test]
fn what_has_none_is_refused_by_name() {
    let refused = |change: fn(&mut Plan), word: &str| {
        let mut plan = plan();
        change(&mut plan);
        let error = plan.check().unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    };
    refused(|plan| plan.topic.partitions = 0, "--partitions");
    refused(|plan| plan.topic.partitions = -1, "--partitions");
    refused(|plan| plan.connections = 0, "--connections");
    refused(|plan| plan.connections = CONNECTIONS_MAX + 1, "--connections");
    refused(|plan| plan.in_flight = 0, "--in-flight");
    refused(|plan| plan.newcomers_at_once = 0, "--newcomers-at-once");
    refused(|plan| plan.duration = Duration::ZERO, "--duration");
    refused(|plan| plan.rate = Some(Rate::BytesPerSecond(0.0)), "--rate");
    refused(|plan| plan.rate = Some(Rate::RecordsPerSecond(f64::NAN)), "--rate");
    refused(|plan| plan.duration = Duration::MAX, "--duration");
    refused(|plan| plan.warm_up = Duration::MAX, "--warm-up");
    refused(|plan| plan.rate = Some(Rate::RecordsPerSecond(1e15)), "--rate");
    refused(|plan| plan.newcomers_per_second = Some(0.0), "--newcomers");
    refused(|plan| plan.newcomers_per_second = Some(1e15), "--newcomers");
    refused(|plan| (plan.batch.records, plan.batch.value_bytes) = (u32::MAX, 0), "a batch");
    refused(|plan| plan.fetch.max_wait_ms = 30_001, "--fetch-max-wait-ms");
    refused(|plan| plan.batches_per_request = 1000, "a request would have");
    refused(
        |plan| {
            plan.workload = Workload::EndToEnd;
            plan.acks = Acks::None;
        },
        "end-to-end needs acks",
    );
}

#[test]
fn a_rate_counts_what_requests_carry() {
    let mut plan = plan();
    assert_eq!(plan.requests_per_second(8), None);
    plan.batches_per_request = 4;
    plan.rate = Some(Rate::BytesPerSecond(400e6));
    assert_eq!(plan.requests_per_second(8), Some(100.0));
    // A request carries no partition twice.
    assert_eq!(plan.requests_per_second(2), Some(200.0));
}

#[test]
fn a_linger_makes_batches_of_what_arrives_meanwhile() {
    let records = |rate: f64, linger_ms| {
        let mut plan = plan();
        plan.rate = Some(Rate::RecordsPerSecond(rate));
        plan.linger(Duration::from_millis(linger_ms));
        plan.batch.records
    };
    // Of 8 connections each has 5 records a millisecond.
    assert_eq!(records(40_000.0, 1), 5);
    assert_eq!(records(40_000.0, 10), 50);
    // No more than a batch holds, and no less than one.
    assert_eq!(records(40_000.0, 1000), 1000);
    assert_eq!(records(40_000.0, 0), 1);
    let mut unpaced = plan();
    unpaced.linger(Duration::from_millis(1));
    assert_eq!(unpaced.batch.records, 1000);
}

#[test]
fn files_are_counted_for_connections_that_are_there_at_once() {
    let at_once = |workload, rate: Option<f64>, newcomers| {
        let mut plan = Plan { workload, ..plan() };
        (plan.connections, plan.consumers) = (3000, 2000);
        plan.rate = rate.map(Rate::RecordsPerSecond);
        plan.newcomers_per_second = newcomers;
        plan.connections_at_once()
    };
    assert_eq!(at_once(Workload::Produce, None, None), 3000);
    assert_eq!(at_once(Workload::Fetch, None, None), 3000);
    assert_eq!(at_once(Workload::CatchUp, None, None), 3000);
    assert_eq!(at_once(Workload::CatchUp, Some(1.0), None), 5000);
    assert_eq!(at_once(Workload::EndToEnd, None, None), 5000);
    assert_eq!(at_once(Workload::Produce, None, Some(1.0)), 3000 + NEWCOMERS_MAX);
}
