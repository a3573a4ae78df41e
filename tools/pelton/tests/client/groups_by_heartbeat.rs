//! Members by the protocol of KIP-848.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use pelton_client::{
    Admin, Assignor, Consumer, ConsumerOptions, Error, GroupProtocol, TopicPartition,
};
use pelton_kafka::ErrorCode;
use pelton_model::Offset;

use crate::broker::{TestBroker, unique};
use crate::consume::fill;
use crate::members::{self, Diary, SOON, leaves_and_comes_back, member, read_until, settle, told};

fn options(group: &str) -> ConsumerOptions {
    let mut options = members::options(group, &[Assignor::Range]);
    options.group.as_mut().unwrap().protocol = GroupProtocol::Consumer;
    options
}

fn named(group: &str, instance: &str) -> ConsumerOptions {
    let mut options = options(group);
    options.group.as_mut().unwrap().instance_id = Some(instance.into());
    options
}

fn all(members: &[&Consumer]) -> BTreeSet<TopicPartition> {
    members.iter().flat_map(|member| member.assignment()).collect()
}

#[tokio::test]
async fn members_share_the_partitions_and_go_on_when_one_leaves() {
    let broker = TestBroker::get().await;
    for assignor in [None, Some("uniform"), Some("range")] {
        let (topic, group) = (broker.topic(6).await, unique("group"));
        let mut options = options(&group);
        options.group.as_mut().unwrap().server_assignor = assignor.map(String::from);
        let first = member(&broker, &topic, options.clone()).await;
        settle(&[&first], &[6]).await;
        let second = member(&broker, &topic, options.clone()).await;
        settle(&[&first, &second], &[3, 3]).await;
        let third = member(&broker, &topic, options).await;
        settle(&[&first, &second, &third], &[2, 2, 2]).await;
        assert_eq!(all(&[&first, &second, &third]).len(), 6, "{assignor:?}");
        second.close(SOON).await.unwrap();
        settle(&[&first, &third], &[3, 3]).await;
        assert_eq!(all(&[&first, &third]).len(), 6, "{assignor:?}");
        third.close(SOON).await.unwrap();
        settle(&[&first], &[6]).await;
        first.close(SOON).await.unwrap();
    }
}

#[tokio::test]
async fn a_group_goes_on_from_its_commits() {
    let broker = TestBroker::get().await;
    let (topic, group) = (broker.topic_with(3, &[("retention.ms", "-1")]).await, unique("group"));
    fill(&broker, &topic, 3, 0..300).await;
    let first = member(&broker, &topic, options(&group)).await;
    assert_eq!(read_until(&first, |numbers| numbers.len() == 300).await.len(), 300);
    first.commit().await.unwrap();
    first.close(SOON).await.unwrap();

    fill(&broker, &topic, 3, 300..310).await;
    let second = member(&broker, &topic, options(&group)).await;
    let numbers = read_until(&second, |numbers| numbers.len() == 10).await;
    assert_eq!(numbers, (300..310).collect());
    let committed = second.committed(&second.assignment()).await.unwrap();
    assert_eq!(committed.values().map(|committed| committed.offset.get()).sum::<i64>(), 300);
}

#[tokio::test]
async fn what_a_member_that_died_has_not_committed_is_read_by_the_others() {
    let broker = TestBroker::get().await;
    let (topic, group) = (broker.topic_with(4, &[("retention.ms", "-1")]).await, unique("group"));
    let dies = member(&broker, &topic, options(&group)).await;
    let lives = member(&broker, &topic, options(&group)).await;
    settle(&[&dies, &lives], &[2, 2]).await;
    fill(&broker, &topic, 4, 0..100).await;
    let partitions = dies.assignment();
    let is_read = |consumer: &Consumer| {
        let lag = |of| consumer.lag(of).unwrap_or(1);
        consumer.assignment().iter().map(lag).sum::<i64>() == 0
    };
    let done = read_until(&dies, |numbers| !numbers.is_empty() && is_read(&dies)).await;
    dies.commit().await.unwrap();
    fill(&broker, &topic, 4, 100..200).await;
    let undone = read_until(&dies, |numbers| !numbers.is_empty() && is_read(&dies)).await;
    drop(dies);
    let numbers = read_until(&lives, |numbers| {
        lives.assignment().len() == 4 && numbers.is_superset(&undone) && is_read(&lives)
    })
    .await;
    assert!(numbers.is_disjoint(&done), "what was committed is not read again");
    assert_eq!(numbers.union(&done).count(), 200);
    assert!(partitions.iter().all(|of| lives.assignment().contains(of)));
}

#[tokio::test]
async fn a_member_of_either_protocol_shares_with_one_of_the_other() {
    let broker = TestBroker::get().await;
    let classic = |group: &str| members::options(group, &[Assignor::Range]);
    let cooperative = |group: &str| members::options(group, &[Assignor::CooperativeSticky]);
    for (first_as, second_as) in [
        (&classic as &dyn Fn(&str) -> ConsumerOptions, &options as &dyn Fn(&str) -> _),
        (&cooperative, &options),
        (&options, &classic),
        (&options, &cooperative),
    ] {
        let (topic, group) =
            (broker.topic_with(4, &[("retention.ms", "-1")]).await, unique("group"));
        fill(&broker, &topic, 4, 0..100).await;
        let first = member(&broker, &topic, first_as(&group)).await;
        let mine = read_until(&first, |numbers| numbers.len() == 100).await;
        first.commit().await.unwrap();
        let second = member(&broker, &topic, second_as(&group)).await;
        settle(&[&first, &second], &[2, 2]).await;
        assert_eq!(all(&[&first, &second]).len(), 4);
        first.close(SOON).await.unwrap();
        settle(&[&second], &[4]).await;
        // What the one has committed counts for the other.
        fill(&broker, &topic, 4, 100..104).await;
        let yours = read_until(&second, |numbers| numbers.len() == 4).await;
        assert!(yours.is_disjoint(&mine), "{yours:?}");
        second.commit().await.unwrap();
        second.close(SOON).await.unwrap();
    }
}

#[tokio::test]
async fn a_listener_hears_what_comes_and_goes_and_may_commit() {
    let broker = TestBroker::get().await;
    let (topic, group) = (broker.topic_with(4, &[("retention.ms", "-1")]).await, unique("group"));
    fill(&broker, &topic, 4, 0..100).await;
    let diary = Arc::new(Diary::default());
    let first = Consumer::new(broker.connect().await, options(&group)).unwrap();
    first.subscribe_with(&[&topic], diary.clone()).unwrap();
    let mine = read_until(&first, |numbers| numbers.len() == 100).await;
    let second = member(&broker, &topic, options(&group)).await;
    settle(&[&first, &second], &[2, 2]).await;
    first.close(SOON).await.unwrap();
    assert_eq!(diary.read(), [("assigned", 4), ("revoked", 2), ("revoked", 2)]);
    // What was committed on the way out is not read again.
    fill(&broker, &topic, 4, 100..104).await;
    let yours = read_until(&second, |numbers| numbers.len() == 4).await;
    assert!(yours.is_disjoint(&mine), "{yours:?}");
}

#[tokio::test]
async fn what_was_handed_out_is_committed_before_it_goes() {
    let broker = TestBroker::get().await;
    let (topic, group) = (broker.topic_with(4, &[("retention.ms", "-1")]).await, unique("group"));
    fill(&broker, &topic, 4, 0..100).await;
    let mut patient = options(&group);
    // Never in turn, while this test runs.
    patient.group.as_mut().unwrap().auto_commit = Some(Duration::from_secs(300));
    let first = member(&broker, &topic, patient.clone()).await;
    read_until(&first, |numbers| numbers.len() == 100).await;
    let second = member(&broker, &topic, patient).await;
    settle(&[&first, &second], &[2, 2]).await;
    let committed = second.committed(&second.assignment()).await.unwrap();
    assert_eq!(committed.values().map(|committed| committed.offset.get()).sum::<i64>(), 50);
    first.close(SOON).await.unwrap();
    settle(&[&second], &[4]).await;
    let committed = second.committed(&second.assignment()).await.unwrap();
    assert_eq!(committed.values().map(|committed| committed.offset.get()).sum::<i64>(), 100);
}

#[tokio::test]
async fn a_member_that_asks_for_nothing_leaves_and_comes_back() {
    leaves_and_comes_back(options(&unique("group"))).await;
}

#[tokio::test]
async fn a_static_member_that_comes_back_has_what_it_had() {
    let broker = TestBroker::get().await;
    let (topic, group) = (broker.topic(4).await, unique("group"));
    let other = member(&broker, &topic, named(&group, "other")).await;
    let goes = member(&broker, &topic, named(&group, "goes")).await;
    settle(&[&other, &goes], &[2, 2]).await;
    let (had, others) = (goes.assignment(), other.assignment());
    goes.close(SOON).await.unwrap();
    let back = member(&broker, &topic, named(&group, "goes")).await;
    settle(&[&other, &back], &[2, 2]).await;
    assert_eq!((back.assignment(), other.assignment()), (had, others));

    let second = member(&broker, &topic, named(&group, "goes")).await;
    assert_eq!(told(&second).await.code(), Some(ErrorCode::UnreleasedInstanceId));
    assert_eq!(second.assignment(), []);
}

#[tokio::test]
async fn a_static_member_that_asked_for_nothing_comes_back_too() {
    let broker = TestBroker::get().await;
    let (topic, group) = (broker.topic(2).await, unique("group"));
    let mut slow = named(&group, "slow");
    slow.group.as_mut().unwrap().poll_interval_max = Duration::from_secs(1);
    let diary = Arc::new(Diary::default());
    let consumer = Consumer::new(broker.connect().await, slow).unwrap();
    consumer.subscribe_with(&[&topic], diary.clone()).unwrap();
    settle(&[&consumer], &[2]).await;
    // Committing is not asking for records.
    let offsets = BTreeMap::from([(TopicPartition::new(&topic, 0), Offset::new(0).into())]);
    let leaving = async {
        loop {
            match consumer.commit_offsets(&offsets).await {
                Ok(()) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(error) => return error,
            }
        }
    };
    let error = tokio::time::timeout(SOON, leaving).await.expect("in time");
    assert!(matches!(error, Error::NotAMember { .. }), "{error}");
    let coming_back = read_until(&consumer, |_| diary.read().len() == 3);
    coming_back.await;
    assert_eq!(diary.read(), [("assigned", 2), ("lost", 2), ("assigned", 2)]);
    consumer.commit().await.unwrap();
}

#[tokio::test]
async fn who_is_not_let_in_is_told_why() {
    let broker = TestBroker::get().await;
    let (topic, group) = (broker.topic(1).await, unique("group"));
    let mut unknown = options(&group);
    unknown.group.as_mut().unwrap().server_assignor = Some("nobody-has-this".into());
    let consumer = member(&broker, &topic, unknown).await;
    assert_eq!(told(&consumer).await.code(), Some(ErrorCode::UnsupportedAssignor));

    let consumer = Consumer::new(broker.connect().await, options(&group)).unwrap();
    consumer.subscribe_pattern("a(b").unwrap();
    assert_eq!(told(&consumer).await.code(), Some(ErrorCode::InvalidRegularExpression));
    // It may do better.
    consumer.subscribe(&[&topic]).unwrap();
    settle(&[&consumer], &[1]).await;

    let classic = members::options(&group, &[Assignor::Range]);
    let classic = Consumer::new(broker.connect().await, classic).unwrap();
    assert!(matches!(classic.subscribe_pattern("a.*"), Err(Error::Invalid(_))));
}

#[tokio::test]
async fn a_member_that_was_sent_away_cannot_commit_and_comes_back() {
    let broker = TestBroker::get().await;
    let (topic, group) = (broker.topic(1).await, unique("group"));
    let mut slow = options(&group);
    slow.group.as_mut().unwrap().poll_interval_max = Duration::from_secs(2);
    let sent_away = member(&broker, &topic, slow).await;
    settle(&[&sent_away], &[1]).await;
    // It has left because nothing was asked for: the commit has nobody to speak for.
    let away = async {
        let offsets = BTreeMap::from([(TopicPartition::new(&topic, 0), Offset::new(1).into())]);
        let other = member(&broker, &topic, options(&group)).await;
        settle(&[&other], &[1]).await;
        (sent_away.commit_offsets(&offsets).await, other)
    };
    let (commit, other) = tokio::time::timeout(SOON, away).await.expect("in time");
    let error = commit.unwrap_err();
    assert!(matches!(error, Error::NotAMember { .. }), "{error}");
    other.close(SOON).await.unwrap();
    settle(&[&sent_away], &[1]).await;
    sent_away.commit().await.unwrap();
}

#[tokio::test]
async fn a_pattern_finds_topics_that_come_later() {
    let broker = TestBroker::get().await;
    let (prefix, group) = (unique("pattern"), unique("group"));
    let admin = Admin::new(broker.connect().await);
    let create = async |name: &str, partitions| {
        let topic = pelton_client::NewTopic {
            name: name.into(),
            partitions: Some(partitions),
            replication_factor: Some(1),
            configs: BTreeMap::new(),
        };
        admin.create_topics(&[topic], false).await.unwrap().remove(0).unwrap();
    };
    create(&format!("{prefix}-a"), 2).await;
    create(&format!("x-{prefix}-a"), 5).await;
    let consumer = Consumer::new(broker.connect().await, options(&group)).unwrap();
    consumer.subscribe_pattern(&format!("{prefix}-.*")).unwrap();
    settle(&[&consumer], &[2]).await;
    // Back to names, and on to a pattern again.
    consumer.subscribe(&[&format!("x-{prefix}-a")]).unwrap();
    settle(&[&consumer], &[5]).await;
    consumer.subscribe_pattern(&format!("{prefix}-[ab]")).unwrap();
    settle(&[&consumer], &[2]).await;
    create(&format!("{prefix}-b"), 1).await;
    settle(&[&consumer], &[3]).await;
}

#[tokio::test]
async fn a_topic_that_is_made_anew_is_read_from_its_beginning() {
    let broker = TestBroker::get().await;
    let (topic, group) = (broker.topic(1).await, unique("group"));
    fill(&broker, &topic, 1, 0..10).await;
    let consumer = member(&broker, &topic, options(&group)).await;
    read_until(&consumer, |numbers| numbers.len() == 10).await;
    let admin = Admin::new(broker.connect().await);
    admin.delete_topics(std::slice::from_ref(&topic)).await.unwrap().remove(0).unwrap();
    settle(&[&consumer], &[0]).await;
    let again = pelton_client::NewTopic {
        name: topic.clone(),
        partitions: Some(2),
        replication_factor: Some(1),
        configs: BTreeMap::new(),
    };
    admin.create_topics(&[again], false).await.unwrap().remove(0).unwrap();
    settle(&[&consumer], &[2]).await;
    fill(&broker, &topic, 2, 10..14).await;
    let numbers = read_until(&consumer, |numbers| numbers.len() == 4).await;
    assert_eq!(numbers, (10..14).collect());
}

#[tokio::test]
async fn partitions_that_are_added_are_shared_out() {
    let broker = TestBroker::get().await;
    let (topic, group) = (broker.topic(1).await, unique("group"));
    let consumer = member(&broker, &topic, options(&group)).await;
    settle(&[&consumer], &[1]).await;
    Admin::new(broker.connect().await).create_partitions(&topic, 3).await.unwrap();
    settle(&[&consumer], &[3]).await;
}

#[tokio::test]
async fn the_protocol_is_chosen_by_what_the_broker_has() {
    let broker = TestBroker::get().await;
    let (topic, group) = (broker.topic(1).await, unique("group"));
    let mut auto = options(&group);
    auto.group.as_mut().unwrap().protocol = GroupProtocol::Auto;
    let consumer = member(&broker, &topic, auto).await;
    settle(&[&consumer], &[1]).await;
    let groups = Admin::new(broker.connect().await).list_groups().await.unwrap();
    let kind = groups.into_iter().find(|listed| listed.id == group).unwrap().kind;
    assert_eq!(kind.to_lowercase(), "consumer");
}
