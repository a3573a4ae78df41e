use super::*;

fn codes(codes: &[ErrorCode]) -> Result<()> {
    retriable(codes.iter().map(|code| code.code()))
}

#[test]
fn a_request_is_repeated_only_if_nothing_of_it_was_done() {
    assert!(codes(&[]).is_ok());
    assert!(codes(&[ErrorCode::None]).is_ok());
    assert!(codes(&[ErrorCode::NotController, ErrorCode::None]).is_ok());
    assert!(codes(&[ErrorCode::NotController, ErrorCode::NotController]).is_err());
    assert!(codes(&[ErrorCode::TopicAlreadyExists]).is_ok());
}

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
