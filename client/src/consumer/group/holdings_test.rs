use super::*;

fn partitions(indexes: &[i32]) -> BTreeSet<TopicPartition> {
    indexes.iter().map(|index| TopicPartition::new("t", *index)).collect()
}

#[test]
fn what_was_given_up_is_told_also_when_it_has_come_back() {
    let mut holdings = Holdings::default();
    holdings.got(&partitions(&[0, 1]));
    let before = holdings.now();
    holdings.gave_up(&partitions(&[1]));
    let given_up = TopicPartition::new("t", 1);
    let both = partitions(&[0, 1]);
    assert_eq!(holdings.given_up_since(&before, both.iter()), Some(&given_up));
    holdings.got(&partitions(&[1]));
    assert_eq!(holdings.given_up_since(&before, both.iter()), Some(&given_up));
    assert_eq!(holdings.given_up_since(&before, partitions(&[0]).iter()), None);
    assert_eq!(holdings.given_up_since(&holdings.now(), both.iter()), None);
}

#[test]
fn what_was_not_held_is_not_given_up() {
    let mut holdings = Holdings::default();
    let before = holdings.now();
    holdings.got(&partitions(&[0]));
    holdings.gave_up(&partitions(&[0]));
    assert_eq!(holdings.given_up_since(&before, partitions(&[0, 7]).iter()), None);
}
