use super::*;

#[test]
fn counts_that_are_not_given_are_left_to_the_broker() {
    let topic = creatable(&NewTopic {
        name: "a".into(),
        partitions: None,
        replication_factor: None,
        configs: BTreeMap::from([("cleanup.policy".into(), "compact".into())]),
    });
    assert_eq!((topic.num_partitions, topic.replication_factor), (-1, -1));
    assert_eq!(topic.configs.len(), 1);
}
