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

#[test]
fn records_without_a_key_change_partition_when_a_batch_is_full() {
    let mut sticky = Sticky::default();
    let partitions: Vec<_> = (0..7).map(|_| sticky.next(3, 50, 100).get()).collect();
    assert_eq!(partitions, [0, 0, 1, 1, 2, 2, 0]);
}

#[test]
fn the_sticky_partition_is_always_one_that_exists() {
    let mut sticky = Sticky { partition: 9, bytes: 0 };
    assert_eq!(sticky.next(3, 1, 100).get(), 0);
}
