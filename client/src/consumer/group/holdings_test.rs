use super::*;

fn partitions(indexes: &[i32]) -> BTreeSet<TopicPartition> {
    indexes.iter().map(|index| TopicPartition::new("t", *index)).collect()
}

#[test]
fn what_was_given_up_is_told_also_when_it_has_come_back() {
    let [kept, moved] = [0, 1].map(|index| TopicPartition::new("t", index));
    let mut holdings = Holdings::default();
    holdings.got(&partitions(&[0, 1]));
    let before = holdings.now();
    holdings.gave_up(&partitions(&[1]));
    assert!(holdings.is_given_up_since(&before, &moved));
    holdings.got(&partitions(&[1]));
    assert!(holdings.is_given_up_since(&before, &moved));
    assert!(!holdings.is_given_up_since(&before, &kept));
    assert!(!holdings.is_given_up_since(&holdings.now(), &moved));
}

#[test]
fn what_was_not_held_is_not_given_up() {
    let mut holdings = Holdings::default();
    let before = holdings.now();
    holdings.got(&partitions(&[0]));
    holdings.gave_up(&partitions(&[0]));
    for index in [0, 7] {
        assert!(!holdings.is_given_up_since(&before, &TopicPartition::new("t", index)));
    }
}
