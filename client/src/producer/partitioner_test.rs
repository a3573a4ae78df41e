use super::*;

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn keys_go_where_the_java_client_sends_them() {
    let golden = include_str!("../../tests/golden/murmur2.jsonl");
    for line in golden.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let key = unhex(line["key"].as_str().unwrap());
        assert_eq!(i64::from(murmur2(&key) as i32), line["murmur2"].as_i64().unwrap(), "{line}");
        for (count, partition) in line["partition"].as_object().unwrap() {
            let found = partition_of_key(&key, count.parse().unwrap());
            assert_eq!(i64::from(found.get()), partition.as_i64().unwrap(), "{line}");
        }
    }
}

/// The partitions of seven records of 50 bytes, a batch being 100.
fn seven(sticky: &mut Sticky, chances: &[f64], load: impl Fn(usize) -> Option<usize>) -> Vec<i32> {
    let mut chances = chances.iter().copied();
    (0..7).map(|_| sticky.next(3, 50, 100, || chances.next().unwrap(), &load).get()).collect()
}

#[test]
fn records_without_a_key_change_partition_when_a_batch_is_full() {
    let mut sticky = Sticky::default();
    let partitions = seven(&mut sticky, &[0.0, 0.5, 0.9, 0.0], |_| Some(0));
    assert_eq!(partitions, [0, 0, 1, 1, 2, 2, 0]);
}

#[test]
fn a_partition_without_a_leader_is_not_chosen() {
    let mut sticky = Sticky::default();
    let partitions = seven(&mut sticky, &[0.0, 0.4, 0.6, 0.99], |at| (at != 1).then_some(3));
    assert_eq!(partitions, [0, 0, 0, 0, 2, 2, 2]);
}

#[test]
fn a_busy_partition_is_chosen_less_often() {
    let load = |at| Some(if at == 0 { 9 } else { 0 });
    let picks = (0..210).map(|number| choose(3, f64::from(number) / 210.0, load));
    let mut counts = [0; 3];
    picks.for_each(|partition| counts[partition] += 1);
    assert_eq!(counts, [10, 100, 100]);
}

#[test]
fn without_any_leader_any_partition_will_do() {
    assert_eq!(choose(4, 0.99, |_| None), 3);
    assert_eq!(choose(1, 0.99, |_| None), 0);
}

#[test]
fn the_sticky_partition_is_always_one_that_exists() {
    let mut sticky = Sticky { partition: Some(9), bytes: 0 };
    assert!(sticky.next(3, 1, 100, || 0.99, |_| Some(0)).get() < 3);
}
