//! What an operator is told by brokers that are old, starting, or configured otherwise.

use std::time::Duration;

use pelton_client::{Admin, Cluster};
use pelton_kafka::ErrorCode;

use crate::fake_broker::{FakeBroker, Reply, TOPIC};
use crate::fake_group::{Beaten, FakeGroup};

#[tokio::test]
async fn a_classic_group_is_described_where_the_consumer_protocol_is_unknown_or_off() {
    for is_known in [true, false] {
        let mut group = FakeGroup::new(|_| Beaten::Error(ErrorCode::UnsupportedVersion));
        group.has_consumer_protocol = is_known;
        let broker = FakeBroker::start_with_group(group).await;
        let found = Admin::new(broker.connect().await).describe_group("g").await.unwrap();
        assert_eq!((&*found.id, &*found.state, found.epochs), ("g", "Stable", None), "{is_known}");
    }
}

#[tokio::test]
async fn groups_are_listed_when_their_coordinators_have_started() {
    let mut group = FakeGroup::new(|_| Beaten::Error(ErrorCode::UnsupportedVersion));
    group.list_errors =
        [ErrorCode::CoordinatorLoadInProgress, ErrorCode::CoordinatorNotAvailable].into();
    let broker = FakeBroker::start_with_group(group).await;
    let admin = Admin::new(broker.connect().await);
    let listed = admin.list_groups().await.unwrap();
    assert_eq!(listed.iter().map(|group| &*group.id).collect::<Vec<_>>(), ["g"]);

    // What no time mends is told at once.
    let denied = ErrorCode::ClusterAuthorizationFailed;
    broker.group(|group| group.list_errors = [denied].into());
    assert_eq!(admin.list_groups().await.unwrap_err().code(), Some(denied));
}

#[tokio::test]
async fn a_topic_is_asked_for_again_after_a_broken_connection_but_not_if_it_is_unknown() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let mut options = broker.options();
    options.retry_timeout = Duration::from_secs(3600);
    let admin = Admin::new(Cluster::connect(options).await.unwrap());
    broker.be_deaf_to_topics(2);
    assert_eq!(admin.describe_topic(TOPIC).await.unwrap().partitions.len(), 3);
    assert!(!broker.is_deaf_to_topics());
    let unknown = tokio::time::timeout(Duration::from_secs(30), admin.describe_topic("unknown"));
    let error = unknown.await.expect("at once").unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UnknownTopicOrPartition));
}
