use pelton_kafka::message;
use pelton_kafka::wire::metadata_response::MetadataResponseBroker;

use super::*;

const AGE_MAX: Duration = Duration::from_secs(300);

fn partition(index: i32, leader: i32, epoch: i32) -> MetadataResponsePartition {
    message!(MetadataResponsePartition {
        partition_index: index,
        leader_id: leader,
        leader_epoch: epoch,
    })
}

fn topic(name: &str, partitions: Vec<MetadataResponsePartition>) -> MetadataResponseTopic {
    message!(MetadataResponseTopic { name: Some(name.into()), partitions: partitions })
}

fn answer(topics: Vec<MetadataResponseTopic>) -> MetadataResponse {
    let brokers = [1, 2].map(|id| {
        message!(MetadataResponseBroker { node_id: id, host: "localhost".into(), port: 9000 + id })
    });
    message!(MetadataResponse { brokers: brokers.into(), controller_id: 1, topics: topics })
}

fn leader(metadata: &mut Metadata, now: Instant) -> Option<i32> {
    metadata.topic("t", now)?.partitions[0].leader.map(NodeId::get)
}

#[test]
fn partitions_come_in_order_and_know_whether_they_have_a_leader() {
    let topic = topic_of(&topic("t", vec![partition(1, 0, 3), partition(0, -1, 3)])).unwrap();
    let leaders: Vec<_> = topic.partitions.iter().map(|partition| partition.leader).collect();
    assert_eq!(leaders, [None, Some(NodeId::new(0))]);
}

#[test]
fn a_topic_with_partitions_missing_is_not_taken_for_known() {
    assert_eq!(topic_of(&topic("t", vec![partition(0, 1, 0), partition(2, 1, 0)])), None);
    assert_eq!(topic_of(&topic("t", Vec::new())), None);
}

#[test]
fn a_topic_with_an_error_is_not_taken_for_known() {
    let mut failed = topic("t", vec![partition(0, 1, 0)]);
    failed.error_code = ErrorCode::UnknownTopicOrPartition.code();
    assert_eq!(topic_of(&failed), None);
}

#[test]
fn a_broker_that_lags_behind_does_not_take_a_leader_back() {
    let (mut metadata, now) = (Metadata::default(), Instant::now());
    metadata.learn(&answer(vec![topic("t", vec![partition(0, 2, 5)])]), now);
    metadata.learn(&answer(vec![topic("t", vec![partition(0, 1, 4)])]), now);
    assert_eq!(leader(&mut metadata, now), Some(2));
    metadata.learn(&answer(vec![topic("t", vec![partition(0, 1, 6)])]), now);
    assert_eq!(leader(&mut metadata, now), Some(1));
}

#[test]
fn an_answer_that_names_a_newer_leader_is_believed() {
    let (mut metadata, now) = (Metadata::default(), Instant::now());
    metadata.learn(&answer(vec![topic("t", vec![partition(0, 1, 5)])]), now);
    let partition = PartitionIndex::new(0);
    let named = |leader_id, leader_epoch| CurrentLeader { leader_id, leader_epoch };
    assert!(!metadata.learn_leader("t", partition, &named(2, 5), &[]));
    assert!(!metadata.learn_leader("t", partition, &named(7, 6), &[]), "nobody knows where 7 is");
    assert!(metadata.learn_leader("t", partition, &named(2, 6), &[]));
    assert_eq!(leader(&mut metadata, now), Some(2));
    let endpoint = NodeEndpoint { node_id: 7, host: "elsewhere".into(), port: 1, rack: None };
    assert!(metadata.learn_leader("t", partition, &named(7, 8), &[endpoint]));
    assert_eq!(&*metadata.brokers[&NodeId::new(7)].address, "elsewhere:1");
}

#[test]
fn what_is_old_is_asked_for_if_in_use_and_forgotten_if_not() {
    let (mut metadata, now) = (Metadata::default(), Instant::now());
    let both = ["t", "idle"].map(|name| topic(name, vec![partition(0, 1, 0)]));
    metadata.learn(&answer(both.into()), now);
    metadata.topic("t", now + Duration::from_secs(1));
    assert!(metadata.due(now + Duration::from_secs(299), AGE_MAX).is_empty());
    assert_eq!(metadata.due(now + AGE_MAX, AGE_MAX), [Arc::from("t")]);
    assert_eq!(metadata.topic("idle", now), None);
}

#[test]
fn a_topic_that_is_wanted_stays_known_until_it_is_known_better() {
    let (mut metadata, now) = (Metadata::default(), Instant::now());
    metadata.learn(&answer(vec![topic("t", vec![partition(0, 1, 0)])]), now);
    assert!(metadata.want("t"));
    assert!(!metadata.want("t"));
    assert_eq!(leader(&mut metadata, now), Some(1));
    assert_eq!(metadata.due(now, AGE_MAX), [Arc::from("t")]);
    metadata.learn(&answer(vec![topic("t", vec![partition(0, 2, 1)])]), now);
    assert!(metadata.due(now, AGE_MAX).is_empty());
}
