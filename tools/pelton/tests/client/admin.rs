use std::collections::BTreeMap;
use std::time::Duration;

use pelton_client::{
    Admin, ConfigChange, ConfigResource, ConfigSource, Consumer, ConsumerOptions, Error, NewTopic,
    OffsetAt, TopicPartition,
};
use pelton_kafka::ErrorCode;
use pelton_model::{Offset, PartitionIndex};

use crate::broker::{TestBroker, unique};
use crate::consume::fill;

async fn admin(broker: &TestBroker) -> Admin {
    Admin::new(broker.connect().await)
}

fn new_topic(name: &str, partitions: i32) -> NewTopic {
    NewTopic {
        name: name.into(),
        partitions: Some(partitions),
        replication_factor: Some(1),
        configs: BTreeMap::new(),
    }
}

#[tokio::test]
async fn topics_are_created_widened_described_and_deleted() {
    let broker = TestBroker::get().await;
    let (admin, name) = (admin(&broker).await, unique("topic"));
    let dry = admin.create_topics(&[new_topic(&name, 2)], true).await.unwrap();
    assert_eq!(dry[0].as_ref().unwrap().partitions, 2);
    assert!(admin.describe_topic(&name).await.is_err(), "it was only asked whether it could be");

    let made = admin.create_topics(&[new_topic(&name, 2)], false).await.unwrap();
    let made = made.into_iter().next().unwrap().unwrap();
    let topic = admin.cluster().topic(&name).await.unwrap();
    assert_eq!((topic.partitions.len(), topic.id), (2, made.id));
    let again = admin.create_topics(&[new_topic(&name, 2)], false).await.unwrap();
    let error = again.into_iter().next().unwrap().unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::TopicAlreadyExists));

    admin.create_partitions(&name, 5).await.unwrap();
    let error = admin.create_partitions(&name, 3).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::InvalidPartitions));
    assert!(admin.list_topics().await.unwrap().iter().any(|topic| *topic.name == *name));

    let gone = admin.delete_topics(&[name.clone(), unique("never")]).await.unwrap();
    assert_eq!(gone[0], Ok(()));
    let error = gone[1].clone().unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UnknownTopicOrPartition));
}

#[tokio::test]
async fn configs_are_set_seen_and_taken_back() {
    let broker = TestBroker::get().await;
    let (admin, topic) = (admin(&broker).await, broker.topic(1).await);
    let resource = ConfigResource::Topic(topic);
    let value = async || {
        let configs = admin.describe_configs(&resource).await.unwrap();
        let found = configs.into_iter().find(|config| config.name == "retention.ms").unwrap();
        (found.value.unwrap(), found.source == ConfigSource::Topic)
    };
    // Kafka's brokers hear of a change a little later than its controller has answered.
    let becomes = async |expected: (&str, bool)| {
        let waiting = async {
            while value().await != (expected.0.into(), expected.1) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waiting = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        assert!(waiting.is_ok(), "{expected:?} does not become of {:?}", value().await);
    };
    assert_eq!(value().await, ("604800000".into(), false));
    let change = |change| BTreeMap::from([("retention.ms".into(), change)]);
    let set = change(ConfigChange::Set("1000000".into()));
    admin.alter_configs(&resource, &set, true).await.unwrap();
    assert_eq!(value().await, ("604800000".into(), false));
    admin.alter_configs(&resource, &set, false).await.unwrap();
    becomes(("1000000", true)).await;
    admin.alter_configs(&resource, &change(ConfigChange::Delete), false).await.unwrap();
    becomes(("604800000", false)).await;
    let wrong = change(ConfigChange::Set("soon".into()));
    let error = admin.alter_configs(&resource, &wrong, false).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::InvalidConfig));
}

#[tokio::test]
async fn old_records_are_deleted() {
    let broker = TestBroker::get().await;
    let topic = broker.topic_with(2, &[("retention.ms", "-1")]).await;
    fill(&broker, &topic, 2, 0..20).await;
    let admin = admin(&broker).await;
    let both = [PartitionIndex::new(0), PartitionIndex::new(1)];
    let before = BTreeMap::from([(both[0], Some(Offset::new(4))), (both[1], None)]);
    let begins = admin.delete_records(&topic, &before).await.unwrap();
    assert_eq!(begins.values().map(|begin| begin.get()).collect::<Vec<_>>(), [4, 10]);
    let earliest = admin.list_offsets(&topic, &both, OffsetAt::Earliest).await.unwrap();
    assert_eq!(earliest, begins);
    let latest = admin.list_offsets(&topic, &both, OffsetAt::Latest).await.unwrap();
    assert!(latest.values().all(|end| end.get() == 10));
    let beyond = BTreeMap::from([(both[0], Some(Offset::new(500)))]);
    let error = admin.delete_records(&topic, &beyond).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::OffsetOutOfRange));
}

#[tokio::test]
async fn groups_are_listed_described_moved_and_deleted() {
    let broker = TestBroker::get().await;
    let (admin, topic, group) = (admin(&broker).await, broker.topic(3).await, unique("group"));
    let consumer =
        Consumer::new(broker.connect().await, ConsumerOptions::in_group(&group)).unwrap();
    consumer.subscribe(&[&topic]).unwrap();
    let assigned = async {
        while consumer.assignment().len() < 3 {
            let _ = tokio::time::timeout(Duration::from_millis(20), consumer.next()).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), assigned).await.expect("in time");

    let described = admin.describe_group(&group).await.unwrap();
    assert_eq!((&*described.state, &*described.protocol), ("Stable", "range"));
    assert_eq!(described.members.len(), 1);
    assert_eq!(described.members[0].client_id, "pelton-client");
    assert_eq!(described.members[0].assignment, consumer.assignment().into_iter().collect());
    let listed = admin.list_groups().await.unwrap();
    let listed = listed.into_iter().find(|listed| listed.id == group).unwrap();
    assert_eq!((&*listed.state, &*listed.protocol_type), ("Stable", "consumer"));

    let of = TopicPartition::new(&topic, 1);
    let offsets = BTreeMap::from([(of.clone(), Offset::new(7).into())]);
    let error = admin.alter_group_offsets(&group, &offsets).await.unwrap_err();
    assert!(matches!(error, Error::NotAMember { .. }), "it has members: {error}");
    assert_eq!(
        admin.delete_group(&group).await.unwrap_err().code(),
        Some(ErrorCode::NonEmptyGroup)
    );

    consumer.close(Duration::from_secs(60)).await.unwrap();
    admin.alter_group_offsets(&group, &offsets).await.unwrap();
    assert_eq!(admin.group_offsets(&group).await.unwrap()[&of], offsets[&of]);
    admin.delete_group_offsets(&group, std::slice::from_ref(&of)).await.unwrap();
    assert!(!admin.group_offsets(&group).await.unwrap().contains_key(&of));
    admin.delete_group(&group).await.unwrap();
    assert!(!admin.list_groups().await.unwrap().iter().any(|listed| listed.id == group));
    let error = admin.delete_group(&group).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::GroupIdNotFound));
}

#[tokio::test]
async fn the_cluster_shows_its_face() {
    let broker = TestBroker::get().await;
    let cluster = admin(&broker).await.describe_cluster().await.unwrap();
    assert!(!cluster.id.is_empty());
    assert_eq!(cluster.brokers.len(), 1);
    assert_eq!(*cluster.brokers[0].address, *broker.bootstrap);
}
