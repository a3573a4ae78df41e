use super::*;

fn answered(name: &str, indexes: &[i32]) -> MetadataResponseTopic {
    let partitions = indexes.iter().map(|&index| {
        message!(MetadataResponsePartition { partition_index: index, leader_id: index - 1 })
    });
    message!(MetadataResponseTopic { name: Some(name.into()), partitions: partitions.collect() })
}

#[test]
fn partitions_come_in_order_and_know_whether_they_have_a_leader() {
    let topic = topic_of(&answered("t", &[1, 0])).unwrap();
    let leaders: Vec<_> = topic.partitions.iter().map(|partition| partition.leader).collect();
    assert_eq!(leaders, [None, Some(NodeId::new(0))]);
}

#[test]
fn a_topic_with_partitions_missing_is_not_taken_for_known() {
    assert_eq!(topic_of(&answered("t", &[0, 2])), None);
    assert_eq!(topic_of(&answered("t", &[])), None);
}

#[test]
fn a_topic_with_an_error_is_not_taken_for_known() {
    let mut topic = answered("t", &[0]);
    topic.error_code = ErrorCode::UnknownTopicOrPartition.code();
    assert_eq!(topic_of(&topic), None);
}

#[test]
fn an_address_of_ipv6_has_brackets() {
    assert_eq!(&*address("::1", 9092), "[::1]:9092");
    assert_eq!(&*address("localhost", 9092), "localhost:9092");
}
