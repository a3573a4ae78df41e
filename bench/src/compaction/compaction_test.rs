use super::*;
use crate::tally::{Counts, Window};

pub(super) fn plan() -> CompactionPlan {
    CompactionPlan {
        bootstrap: "127.0.0.1:9092".into(),
        records: 1000,
        keys: 100,
        value_bytes: 100,
        compression: Compression::None,
        batch_records: 100,
        partitions: 3,
        segment_bytes: 1 << 20,
        load_batch_records: 10,
        rate: Rate::RecordsPerSecond(100.0),
        connections: 3,
        warm_up: Duration::from_secs(1),
        before: Duration::from_secs(8),
        settle: Duration::from_secs(1),
        within: Duration::from_secs(10),
        disk_bytes_max: 4 << 20,
        threads: 1,
        server_pid: None,
        metrics: None,
    }
}

#[test]
fn partitions_share_records_and_keys_to_the_last() {
    let fillings = plan().fillings();
    let of = |count: fn(&Filling) -> u64| fillings.iter().map(count).collect::<Vec<_>>();
    assert_eq!(of(|it| it.records), [334, 333, 333]);
    assert_eq!(of(|it| it.keys), [34, 33, 33]);
    // The same number is another key in another partition.
    assert_ne!(fillings[0].key(7), fillings[1].key(7));
    assert_ne!(fillings[0].key_of(7), fillings[1].key_of(7), "and is drawn by other chance");
}

#[test]
fn what_would_not_fit_on_the_disk_is_refused_before_it_begins() {
    let mut plan = plan();
    assert!(plan.check().is_ok());
    // 1,000 records and 100 anew of 118 bytes, 2,000 of 126 in 20 s of load, three segments.
    assert_eq!(plan.disk_bytes(), 1_100 * 118 + 2_000 * 126 + (3 << 20));
    plan.rate = Rate::BytesPerSecond(1e6);
    let refused = plan.check().unwrap_err().to_string();
    assert!(refused.contains("--disk-bytes says 4194304"), "{refused}");
}

#[test]
fn plans_of_no_sense_are_refused() {
    let changes: [fn(&mut CompactionPlan); 10] = [
        |plan| plan.partitions = 0,
        |plan| plan.keys = 2,
        |plan| plan.keys = 501,
        |plan| plan.value_bytes = 7,
        |plan| plan.batch_records = 0,
        |plan| plan.load_batch_records = 0,
        |plan| plan.before = Duration::MAX,
        |plan| plan.within = Duration::MAX,
        |plan| plan.settle = Duration::MAX,
        |plan| (plan.batch_records, plan.disk_bytes_max) = (1 << 32, u64::MAX),
    ];
    for change in changes {
        let mut plan = plan();
        change(&mut plan);
        assert!(plan.check().is_err(), "{plan:?}");
    }
}

#[test]
fn latencies_are_those_of_the_seconds_in_which_it_compacted() {
    let begin = crate::clock::now();
    let mut tally = Tally::new(Window::open_ended(begin));
    let second = Duration::from_secs(1);
    for at in 0..10 {
        let due = begin + at * second;
        tally.time(due, due + (at + 1) * Duration::from_millis(10));
        tally.count(due, Counts { requests: 1, records: 1, bytes: 1 });
    }
    assert_eq!(latencies(&tally, None).len(), 10);
    let part = latencies(&tally, Some((begin + second * 5 / 2, begin + second * 4)));
    assert_eq!(part.len(), 2, "the third and the fourth");
    assert!((29_500_000..30_500_000).contains(&part.min()), "{}", part.min());
    assert!((39_500_000..40_500_000).contains(&part.max()), "{}", part.max());
}

#[test]
fn a_compaction_that_takes_longer_than_five_minutes_is_told_of_to_its_end() {
    let begin = crate::clock::now();
    let mut tally = Tally::new(Window::open_ended(begin));
    let second = Duration::from_secs(1);
    for at in 0..600 {
        let due = begin + at * second;
        tally.time(due, due + Duration::from_millis(if at < 300 { 1 } else { 50 }));
    }
    let during = latencies(&tally, Some((begin + second * 100, begin + second * 600)));
    assert_eq!(during.len(), 500);
    assert!(during.value_at_quantile(0.5) > 40_000_000, "{}", during.value_at_quantile(0.5));
}
