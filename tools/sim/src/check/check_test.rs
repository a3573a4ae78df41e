use std::time::Duration;

use super::*;
use crate::history::content::some_partition;
use crate::history::groups::{Assignment, Holding, Moment, Rest, Seat, Service};
use crate::history::{BatchId, FinalLog, FinalTopic, Partition, Sender, Sighting, TopicFacts};

const GROUP: &str = "group";
const PRODUCER: Sender = Sender { number: 1, is_idempotent: true };
const PLAIN: Sender = Sender { number: 2, is_idempotent: false };

/// A topic with one partition, two batches of two records, acknowledged, seen, and there.
struct Bench {
    history: History,
    partition: Partition,
    batches: [BatchId; 2],
}

fn bench(sender: Sender) -> Bench {
    let mut history = History::default();
    history.is_read = true;
    let partition = some_partition(1);
    let facts = TopicFacts { partitions_told: 1, partitions_asked: 1, ..TopicFacts::default() };
    history.topics.insert(partition.0, facts);
    let topic = FinalTopic { partitions: 1, ..FinalTopic::default() };
    history.final_topics.insert(partition.0, topic);
    let batches = [0, 2].map(|base_offset| {
        let batch = history.new_batch(sender, partition, 2);
        history.batches[batch].attempts = 1;
        history.acknowledge(batch, base_offset, 1);
        batch
    });
    history.told_end(partition, 4);
    let records = (0..4).map(|at| (at, Some(at as u64))).collect();
    history.finals.insert(partition, FinalLog { start: 0, end: 4, records });
    for offset in 0..4 {
        history.sightings.push(sighting(partition, offset, offset as u64));
    }
    Bench { history, partition, batches }
}

fn sighting(partition: Partition, offset: i64, record: u64) -> Sighting {
    Sighting { partition, offset, record: Some(record), high_watermark: 4, life: 1 }
}

impl Bench {
    fn log(&mut self) -> &mut FinalLog {
        self.history.finals.get_mut(&self.partition).unwrap()
    }

    fn lose_last(&mut self) {
        let log = self.log();
        log.records.pop();
        log.end = 3;
    }
}

#[test]
fn a_run_in_which_all_is_well_breaks_nothing() {
    for sender in [PRODUCER, PLAIN] {
        assert_eq!(violations(&bench(sender).history), [""; 0]);
    }
}

#[test]
fn an_acknowledged_record_that_is_gone_is_found() {
    let mut bench = bench(PRODUCER);
    bench.lose_last();
    assert_eq!(acknowledged_stays::check(&bench.history).len(), 1);
    // Somebody asked for it.
    bench.log().start = 4;
    assert_eq!(acknowledged_stays::check(&bench.history).len(), 0);
}

#[test]
fn a_seen_record_that_is_gone_is_found() {
    let mut bench = bench(PRODUCER);
    bench.history.acknowledgements.clear();
    bench.lose_last();
    assert_eq!(seen_stays::check(&bench.history).len(), 1);
}

#[test]
fn an_offset_with_two_records_is_found() {
    let mut bench = bench(PLAIN);
    bench.history.sightings.push(sighting(bench.partition, 1, 3));
    assert_eq!(offset_once::check(&bench.history).len(), 1);
}

#[test]
fn records_that_nobody_sent_or_that_are_there_too_often_are_found() {
    let mut bench = bench(PLAIN);
    bench.log().records.push((4, None));
    assert_eq!(phantoms::check(&bench.history).len(), 1);
    bench.log().records[4] = (4, Some(0));
    assert_eq!(phantoms::check(&bench.history).len(), 1);
    // It may have been appended each time.
    bench.history.batches[bench.batches[0]].attempts = 2;
    assert_eq!(phantoms::check(&bench.history).len(), 0);
    bench.history.batches[bench.batches[0]].sender = PRODUCER;
    assert_eq!(phantoms::check(&bench.history).len(), 1);
    // Sent to another partition.
    bench.log().records.pop();
    bench.history.batches[bench.batches[0]].partition = some_partition(2);
    assert_eq!(phantoms::check(&bench.history).len(), 2);
}

#[test]
fn records_in_another_order_than_sent_are_found() {
    let mut bench = bench(PRODUCER);
    for (place, record) in [2, 3, 0, 1].into_iter().enumerate() {
        bench.log().records[place].1 = Some(record);
    }
    assert_eq!(order::check(&bench.history).len(), 1);
    for batch in &mut bench.history.batches {
        batch.sender = PLAIN;
        batch.attempts = 2;
    }
    assert_eq!(order::check(&bench.history).len(), 0);
}

#[test]
fn a_record_past_the_high_watermark_and_an_end_that_goes_back_are_found() {
    let mut bench = bench(PRODUCER);
    bench.history.sightings.push(sighting(bench.partition, 4, 9));
    assert_eq!(commit_point::check(&bench.history).len(), 1);
    bench.history.told_end(bench.partition, 5);
    assert_eq!(commit_point::check(&bench.history).len(), 2);
}

#[test]
fn a_duplicate_that_is_told_another_offset_is_found() {
    let mut bench = bench(PRODUCER);
    bench.history.acknowledge(bench.batches[0], 0, 2);
    assert_eq!(duplicates::check(&bench.history).len(), 0);
    bench.history.acknowledge(bench.batches[0], 4, 2);
    assert_eq!(duplicates::check(&bench.history).len(), 1);
}

#[test]
fn a_hole_and_a_start_that_nobody_asked_for_are_found() {
    let mut bench = bench(PRODUCER);
    bench.log().records.remove(1);
    assert_eq!(no_holes::check(&bench.history).len(), 1);
    bench.log().start = 1;
    assert_eq!(starts::check(&bench.history).len(), 1);
    bench.history.partition(bench.partition).start_asked = 2;
    assert_eq!(starts::check(&bench.history).len(), 0);
    bench.history.told_start(bench.partition, 2);
    assert_eq!(starts::check(&bench.history).len(), 1);
}

#[test]
fn metadata_that_is_not_as_it_was_told_is_found() {
    let mut bench = bench(PRODUCER);
    let broken = |bench: &Bench| metadata::check(&bench.history).len();
    let id = bench.partition.0;
    let set = |bench: &mut Bench, value: &str, told| {
        let facts = bench.history.topics.get_mut(&id).unwrap();
        facts.configs.entry("a".into()).or_default().push((value.into(), told));
    };
    set(&mut bench, "1", true);
    assert_eq!(broken(&bench), 1);
    let found = bench.history.final_topics.get_mut(&id).unwrap();
    found.configs.insert("a".into(), "1".into());
    assert_eq!(broken(&bench), 0);
    // It may have come into force, or not.
    set(&mut bench, "2", false);
    assert_eq!(broken(&bench), 0);
    set(&mut bench, "3", true);
    assert_eq!(broken(&bench), 1);
    bench.history.final_topics.get_mut(&id).unwrap().partitions = 2;
    assert_eq!(broken(&bench), 2);
    bench.history.final_topics.clear();
    assert_eq!(broken(&bench), 1);
    bench.history.topics.get_mut(&id).unwrap().deletion_asked = true;
    assert_eq!(broken(&bench), 0);
    bench.history.topics.get_mut(&id).unwrap().deletion_told = true;
    bench.history.final_topics.insert(id, FinalTopic::default());
    assert_eq!(broken(&bench), 1);
}

#[test]
fn a_producer_id_that_was_given_twice_is_found() {
    let mut bench = bench(PRODUCER);
    bench.history.producer_ids = vec![1, 2, 1];
    assert_eq!(producer_ids::check(&bench.history), ["1"]);
}

#[test]
fn a_committed_offset_that_goes_back_is_found() {
    let mut history = bench(PRODUCER).history;
    for number in 0..3 {
        assert_eq!(history.group(GROUP).draw(1), number);
        history.group(GROUP).acknowledge(1, number);
    }
    let told = history.group(GROUP).told(1);
    history.group(GROUP).see(1, 2, told, 1);
    assert_eq!(committed_stays::check(&history), [""; 0]);
    history.group(GROUP).see(1, 1, told, 2);
    assert_eq!(committed_stays::check(&history).len(), 1);
}

#[test]
fn a_committed_offset_that_nobody_sent_is_found() {
    let mut history = bench(PRODUCER).history;
    history.group(GROUP).see(0, 7, -1, 1);
    assert_eq!(committed_stays::check(&history).len(), 1);
}

#[test]
fn a_partition_with_two_owners_in_one_generation_is_found() {
    let mut history = bench(PRODUCER).history;
    let told = |generation, member: &str| Assignment {
        generation,
        partition: 0,
        member: member.into(),
        life: 1,
    };
    history.group(GROUP).assignments = vec![told(1, "a"), told(1, "a"), told(2, "b")];
    assert_eq!(one_owner::check(&history), [""; 0]);
    history.group(GROUP).assignments.push(told(2, "a"));
    assert_eq!(one_owner::check(&history).len(), 1);
}

#[test]
fn a_partition_that_two_members_read_at_once_is_found() {
    let mut history = bench(PRODUCER).history;
    let held = |member: &str, from, until| Holding {
        partition: 0,
        member: member.into(),
        from: Duration::from_millis(from),
        until: Duration::from_millis(until),
    };
    // One after the other, and one that was over before it had begun.
    history.group(GROUP).holdings = vec![held("a", 1, 9), held("b", 9, 20), held("c", 5, 5)];
    assert_eq!(one_reader::check(&history), [""; 0]);
    history.group(GROUP).holdings.push(held("c", 10, 11));
    assert_eq!(one_reader::check(&history).len(), 1);
    // Behind a short one there may still be a long one.
    history.group(GROUP).holdings = vec![held("a", 1, 30), held("a", 2, 3), held("b", 4, 5)];
    assert_eq!(one_reader::check(&history).len(), 1);
}

#[test]
fn a_static_member_that_is_served_behind_its_successor_is_found() {
    let mut history = bench(PRODUCER).history;
    let moment = |millis, life| Moment { at: Duration::from_millis(millis), life };
    let seat = |member: &str, asked, told| Seat { instance: 0, member: member.into(), asked, told };
    let service = |member: &str, sent| Service { instance: 0, member: member.into(), sent };
    let facts = history.group(GROUP);
    facts.seats =
        vec![seat("a", moment(1, 1), moment(2, 1)), seat("b", moment(10, 1), moment(20, 1))];
    // Before the other came, while it was coming, the other itself, and a life that may have forgotten it.
    facts.services = vec![
        service("a", moment(5, 1)),
        service("a", moment(15, 1)),
        service("b", moment(25, 1)),
        service("a", moment(30, 2)),
    ];
    assert_eq!(fenced_stays::check(&history), [""; 0]);
    history.group(GROUP).services.push(service("a", moment(25, 1)));
    assert_eq!(fenced_stays::check(&history).len(), 1);
    // It may have come once more, behind the other.
    history.group(GROUP).seats.push(seat("a", moment(11, 1), moment(24, 1)));
    assert_eq!(fenced_stays::check(&history), [""; 0]);
}

type Shares<'a> = &'a [(&'a str, &'a [i32])];

fn rest(told: Shares<'_>, held: Shares<'_>) -> Rest {
    let shares = |of: Shares<'_>| {
        let shares = of.iter();
        shares.map(|(name, it)| ((*name).into(), it.iter().copied().collect())).collect()
    };
    let partitions = [0, 1, 2].into();
    Rest { state: "Stable".into(), partitions, told: shares(told), held: shares(held) }
}

#[test]
fn a_group_that_is_not_at_rest_is_found() {
    let all: Shares<'_> = &[("a", &[0, 2]), ("b", &[1])];
    assert!(settles::is_settled(&rest(all, all)));
    let others: [(Shares<'_>, Shares<'_>); 4] = [
        (&[("a", &[0]), ("b", &[1])], &[("a", &[0]), ("b", &[1])]),
        (&[("a", &[0, 2]), ("b", &[1, 2])], &[("a", &[0, 2]), ("b", &[1, 2])]),
        (&[("a", &[0, 1, 2, 3])], &[("a", &[0, 1, 2, 3])]),
        (all, &[("a", &[0]), ("b", &[1])]),
    ];
    for (told, held) in others {
        let mut history = bench(PRODUCER).history;
        history.group(GROUP).rests = vec![rest(all, all), rest(told, held)];
        assert_eq!(settles::check(&history).len(), 1, "{told:?}");
    }
    let mut restless = rest(all, all);
    restless.state = "Reconciling".into();
    assert!(!settles::is_settled(&restless));
}

#[test]
fn a_member_that_is_gone_and_still_told_is_found() {
    let mut history = bench(PRODUCER).history;
    let there: Shares<'_> = &[("a", &[0, 1, 2])];
    history.group(GROUP).rests = vec![rest(there, there)];
    assert_eq!(no_dead_member::check(&history), [""; 0]);
    history.group(GROUP).rests.push(rest(&[("a", &[0, 1]), ("dead", &[2])], &[("a", &[0, 1])]));
    assert_eq!(no_dead_member::check(&history).len(), 1);
}
