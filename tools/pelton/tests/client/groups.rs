use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use pelton_client::{Assignor, Consumer, Error, OffsetReset, Partitions, StartAt, TopicPartition};
use pelton_kafka::ErrorCode;
use pelton_model::Offset;

use crate::broker::{TestBroker, unique};
use crate::consume::fill;
use crate::members::{
    Diary, SOON, leaves_and_comes_back, member, options, read_until, settle, told,
};

#[tokio::test]
async fn a_lone_member_reads_everything_and_goes_on_from_its_commit() {
    let broker = TestBroker::get().await;
    let (topic, group) = (broker.topic_with(3, &[("retention.ms", "-1")]).await, unique("group"));
    fill(&broker, &topic, 3, 0..300).await;
    let options = options(&group, &[Assignor::Range]);
    let first = member(&broker, &topic, options.clone()).await;
    assert_eq!(read_until(&first, |numbers| numbers.len() == 300).await.len(), 300);
    first.commit().await.unwrap();
    first.close(SOON).await.unwrap();

    fill(&broker, &topic, 3, 300..310).await;
    let second = member(&broker, &topic, options).await;
    let numbers = read_until(&second, |numbers| numbers.len() == 10).await;
    assert_eq!(numbers, (300..310).collect());
    let partitions = second.assignment();
    let committed = second.committed(&partitions).await.unwrap();
    assert_eq!(committed.values().map(|committed| committed.offset.get()).sum::<i64>(), 300);
    second.close(SOON).await.unwrap();
}

#[tokio::test]
async fn members_share_the_partitions_whatever_the_assignor() {
    let broker = TestBroker::get().await;
    for assignor in [Assignor::Range, Assignor::RoundRobin, Assignor::CooperativeSticky] {
        let (topic, group) = (broker.topic(6).await, unique("group"));
        let options = options(&group, &[assignor]);
        let first = member(&broker, &topic, options.clone()).await;
        settle(&[&first], &[6]).await;
        let second = member(&broker, &topic, options.clone()).await;
        settle(&[&first, &second], &[3, 3]).await;
        let third = member(&broker, &topic, options).await;
        settle(&[&first, &second, &third], &[2, 2, 2]).await;
        let all: BTreeSet<_> =
            [&first, &second, &third].iter().flat_map(|member| member.assignment()).collect();
        assert_eq!(all.len(), 6, "{assignor:?}");
        second.close(SOON).await.unwrap();
        settle(&[&first, &third], &[3, 3]).await;
        third.close(SOON).await.unwrap();
        settle(&[&first], &[6]).await;
        first.close(SOON).await.unwrap();
    }
}

#[tokio::test]
async fn a_listener_hears_what_comes_and_goes_and_may_commit() {
    let broker = TestBroker::get().await;
    for (assignors, expected) in [
        (
            [Assignor::Range, Assignor::CooperativeSticky].as_slice(),
            [("assigned", 4), ("revoked", 4), ("assigned", 2), ("revoked", 2)],
        ),
        (
            [Assignor::CooperativeSticky].as_slice(),
            [("assigned", 4), ("revoked", 2), ("revoked", 2), ("", 0)],
        ),
    ] {
        let (topic, group) =
            (broker.topic_with(4, &[("retention.ms", "-1")]).await, unique("group"));
        fill(&broker, &topic, 4, 0..100).await;
        let options = options(&group, assignors);
        let diary = Arc::new(Diary::default());
        let first = Consumer::new(broker.connect().await, options.clone()).unwrap();
        first.subscribe_with(&[&topic], diary.clone()).unwrap();
        let mine = read_until(&first, |numbers| numbers.len() == 100).await;
        let second = member(&broker, &topic, options).await;
        settle(&[&first, &second], &[2, 2]).await;
        first.close(SOON).await.unwrap();
        let expected: Vec<_> = expected.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(diary.read(), expected, "{assignors:?}");
        // What was committed on the way out is not read again.
        fill(&broker, &topic, 4, 100..104).await;
        let yours = read_until(&second, |numbers| numbers.len() == 4).await;
        assert!(yours.is_disjoint(&mine), "{yours:?}");
        second.close(SOON).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_handed_out_is_committed_by_itself() {
    let broker = TestBroker::get().await;
    let (topic, group) = (broker.topic_with(1, &[("retention.ms", "-1")]).await, unique("group"));
    fill(&broker, &topic, 1, 0..10).await;
    let mut options = options(&group, &[Assignor::Range]);
    options.group.as_mut().unwrap().auto_commit = Some(Duration::from_millis(100));
    let consumer = member(&broker, &topic, options.clone()).await;
    read_until(&consumer, |numbers| numbers.len() == 10).await;
    let of = [TopicPartition::new(&topic, 0)];
    let committing = async {
        loop {
            let committed = consumer.committed(&of).await.unwrap();
            // The last record may still be worked on: it is not committed.
            if let Some(committed) = committed.get(&of[0])
                && committed.offset.get() >= 9
            {
                return committed.offset.get();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let committed = tokio::time::timeout(SOON, committing).await.expect("in time");
    assert!(committed <= 10);
    consumer.close(SOON).await.unwrap();
    let again = member(&broker, &topic, options).await;
    settle(&[&again], &[1]).await;
    let committed = again.committed(&of).await.unwrap();
    assert_eq!(committed[&of[0]].offset.get(), 10, "closing commits the last one too");
}

#[tokio::test]
async fn offsets_are_committed_by_hand_without_a_member() {
    let broker = TestBroker::get().await;
    let (topic, group) = (broker.topic(2).await, unique("group"));
    let consumer =
        Consumer::new(broker.connect().await, options(&group, &[Assignor::Range])).unwrap();
    consumer.assign(&topic, &Partitions::All, StartAt::Beginning).await.unwrap();
    let of = TopicPartition::new(&topic, 1);
    let offsets = BTreeMap::from([(of.clone(), Offset::new(42).into())]);
    consumer.commit_offsets(&offsets).await.unwrap();
    let both = [TopicPartition::new(&topic, 0), of.clone()];
    assert_eq!(consumer.committed(&both).await.unwrap(), offsets);
    let (told, heard) = tokio::sync::oneshot::channel();
    consumer.commit_async(move |result| told.send(result).unwrap()).unwrap();
    assert_eq!(heard.await.unwrap(), Ok(()));
    assert!(matches!(consumer.subscribe(&[&topic]), Err(Error::Invalid(_))));
}

#[tokio::test]
async fn a_member_that_asks_for_nothing_leaves_and_comes_back() {
    leaves_and_comes_back(options(&unique("group"), &[Assignor::CooperativeSticky])).await;
}

#[tokio::test]
async fn of_two_static_members_of_one_name_the_first_is_out_for_good() {
    let broker = TestBroker::get().await;
    for assignor in [Assignor::Range, Assignor::CooperativeSticky] {
        let (topic, group) = (broker.topic(1).await, unique("group"));
        let mut named = options(&group, &[assignor]);
        named.group.as_mut().unwrap().instance_id = Some("instance".into());
        let of_first = Arc::new(Diary::default());
        let first = Consumer::new(broker.connect().await, named.clone()).unwrap();
        first.subscribe_with(&[&topic], of_first.clone()).unwrap();
        settle(&[&first], &[1]).await;
        // Another process comes under the same name.
        let of_second = Arc::new(Diary::default());
        let second = Consumer::new(broker.connect().await, named).unwrap();
        second.subscribe_with(&[&topic], of_second.clone()).unwrap();
        settle(&[&second], &[1]).await;
        let offsets = BTreeMap::from([(TopicPartition::new(&topic, 0), Offset::new(1).into())]);
        let error = first.commit_offsets(&offsets).await.unwrap_err();
        assert!(matches!(error, Error::NotAMember { .. }), "{error}");
        assert!(!error.is_retriable());
        assert_eq!(told(&first).await.code(), Some(ErrorCode::FencedInstanceId));
        settle(&[&first, &second], &[0, 1]).await;
        assert_eq!(of_first.read(), [("assigned", 1), ("lost", 1)]);
        // For longer than three heartbeats.
        for _ in 0..40 {
            settle(&[&first, &second], &[0, 1]).await;
        }
        assert_eq!(of_second.read(), [("assigned", 1)], "{assignor:?}");
        second.commit_offsets(&offsets).await.unwrap();
    }
}

#[tokio::test]
async fn without_a_commit_and_without_a_reset_the_user_is_told() {
    let broker = TestBroker::get().await;
    let (topic, group) = (broker.topic(1).await, unique("group"));
    let mut options = options(&group, &[Assignor::Range]);
    options.offset_reset = OffsetReset::Fail;
    let consumer = member(&broker, &topic, options).await;
    let error = tokio::time::timeout(SOON, consumer.next()).await.expect("in time").unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::OffsetOutOfRange));
}

#[tokio::test]
async fn partitions_that_are_added_are_shared_out() {
    let broker = TestBroker::get().await;
    let (topic, group) = (broker.topic(1).await, unique("group"));
    let mut client = broker.options();
    client.metadata_max_age = Duration::from_millis(500);
    let cluster = pelton_client::Cluster::connect(client).await.unwrap();
    let consumer =
        Consumer::new(cluster.clone(), options(&group, &[Assignor::CooperativeSticky])).unwrap();
    consumer.subscribe(&[&topic]).unwrap();
    settle(&[&consumer], &[1]).await;
    pelton_client::Admin::new(broker.connect().await).create_partitions(&topic, 3).await.unwrap();
    settle(&[&consumer], &[3]).await;
}
