//! Commits of members: as whom, when, and what of them is refused.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pelton_client::{
    Committed, Consumer, Error, Event, GroupProtocol, Partitions, StartAt, TopicPartition,
};
use pelton_kafka::ErrorCode;
use pelton_model::batch::{BatchBuilder, BatchFields, NewRecord};
use pelton_model::{Compression, Offset, PartitionIndex};
use tokio::sync::mpsc;

use crate::consume::batch;
use crate::fake_broker::{FakeBroker, TOPIC};
use crate::fake_classic::FakeClassic;
use crate::fake_group::{Beaten, FakeGroup};
use crate::members::{Diary, SOON, meanwhile, member, options, until};

#[tokio::test]
async fn a_commit_under_an_epoch_of_the_past_goes_again_after_the_next_heartbeat() {
    let epoch = Arc::new(Mutex::new(1));
    let broker = FakeBroker::start_with_group(FakeGroup::new({
        let epoch = epoch.clone();
        move |beat| {
            Beaten::Answer(*epoch.lock().unwrap(), (beat.member_epoch == 0).then(|| vec![0]))
        }
    }))
    .await;
    let consumer = member(&broker, GroupProtocol::Consumer).await;
    consumer.subscribe(&[TOPIC]).unwrap();
    let of = TopicPartition::new(TOPIC, 0);
    until(&consumer, || consumer.position(&of).is_some()).await;
    // The member hears of the next epoch only when it has been told that its own is stale.
    let goes_on = async |number: i32, asked: fn(&FakeGroup) -> &Vec<i32>| {
        while broker.group(|group| asked(group).last() != Some(&(number - 1))) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        *epoch.lock().unwrap() = number;
    };
    broker.group(|group| group.epoch = Some(2));
    let commit = async { tokio::join!(consumer.commit(), goes_on(2, |group| &group.commits)).0 };
    tokio::time::timeout(SOON, commit).await.expect("in time").unwrap();
    assert_eq!(broker.group(|group| group.commits.clone()), [1, 2]);

    broker.group(|group| group.epoch = Some(3));
    let partitions = [of];
    let fetch = async {
        tokio::join!(consumer.committed(&partitions), goes_on(3, |group| &group.fetches)).0
    };
    let committed = tokio::time::timeout(SOON, fetch).await.expect("in time").unwrap();
    assert!(committed.is_empty());
    assert_eq!(broker.group(|group| group.fetches.clone()), [1, 2, 3], "the first by itself");

    // Nobody tells a new one.
    broker.group(|group| group.epoch = Some(4));
    let error = consumer.commit().await.unwrap_err();
    assert!(matches!(error, Error::NotAMember { .. }), "{error}");
}

/// A member of epoch 1 that has the first of three records, until it is fenced; whoever joins again
/// gets epoch 2.
async fn one_to_be_fenced() -> (FakeBroker, Consumer, Arc<AtomicBool>) {
    let is_fenced = Arc::new(AtomicBool::new(false));
    let broker = FakeBroker::start_with_group(FakeGroup::new({
        let is_fenced = is_fenced.clone();
        move |beat| match (beat.member_epoch, is_fenced.load(Ordering::Relaxed)) {
            (0, is_fenced) => Beaten::Answer(1 + i32::from(is_fenced), Some(vec![0])),
            (1, true) => Beaten::Error(ErrorCode::FencedMemberEpoch),
            (epoch, _) => Beaten::Answer(epoch, None),
        }
    }))
    .await;
    for _ in 0..3 {
        broker.append(0, batch(b"value", Compression::None));
    }
    let consumer = member(&broker, GroupProtocol::Consumer).await;
    consumer.subscribe(&[TOPIC]).unwrap();
    let first = tokio::time::timeout(SOON, consumer.next()).await.expect("in time");
    assert!(matches!(first, Ok(Event::Record(_))), "{first:?}");
    (broker, consumer, is_fenced)
}

/// Its partitions may have been with somebody else meanwhile, who committed more.
#[tokio::test]
async fn what_was_read_before_a_fence_is_not_committed_under_the_epoch_after_it() {
    let (broker, consumer, is_fenced) = one_to_be_fenced().await;
    broker.group(|group| group.hangs_up_on_commits = true);
    let (told, mut heard) = mpsc::unbounded_channel();
    // One is tried again and again; the other waits for its turn.
    for _ in 0..2 {
        let told = told.clone();
        consumer.commit_async(move |result| told.send(result).unwrap()).unwrap();
    }
    meanwhile(|| broker.group(|group| !group.commits.is_empty())).await;
    is_fenced.store(true, Ordering::Relaxed);
    let has_joined = |group: &mut FakeGroup| group.heartbeats.last().unwrap().member_epoch == 2;
    until(&consumer, || broker.group(has_joined)).await;
    broker.group(|group| (group.hangs_up_on_commits, group.epoch) = (false, Some(2)));
    for _ in 0..2 {
        let told = tokio::time::timeout(SOON, heard.recv()).await.expect("in time").unwrap();
        assert!(matches!(told, Err(Error::NotAMember { .. })), "{told:?}");
    }
    assert!(broker.group(|group| group.commits.iter().all(|epoch| *epoch == 1)));

    until(&consumer, || consumer.position(&TopicPartition::new(TOPIC, 0)).is_some()).await;
    consumer.commit().await.unwrap();
    assert_eq!(broker.group(|group| group.commits.last().copied()), Some(2));
}

/// A group without members takes commits of anybody.
#[tokio::test]
async fn who_is_out_of_its_group_does_not_commit_as_nobody() {
    let (broker, consumer, is_fenced) = one_to_be_fenced().await;
    is_fenced.store(true, Ordering::Relaxed);
    broker.group(|group| group.epoch = Some(2));
    // The first finds out that it is fenced. It does not join again before the user has asked.
    for _ in 0..2 {
        let error = consumer.commit().await.unwrap_err();
        assert!(matches!(error, Error::NotAMember { .. }), "{error}");
    }
    assert!(broker.group(|group| group.commits.iter().all(|epoch| *epoch == 1)));
}

#[tokio::test]
async fn a_commit_of_what_goes_does_not_wait_for_the_next_heartbeat_in_turn() {
    let answers = Arc::new(Mutex::new(vec![Beaten::Answer(1, Some(vec![0]))]));
    let broker = FakeBroker::start_with_group(FakeGroup::new({
        let answers = answers.clone();
        move |beat| {
            let next = answers.lock().unwrap().pop();
            next.unwrap_or(Beaten::Answer(beat.member_epoch, None))
        }
    }))
    .await;
    for _ in 0..3 {
        broker.append(0, batch(b"value", Compression::None));
    }
    let mut options = options(GroupProtocol::Consumer);
    options.group.as_mut().unwrap().auto_commit = Some(Duration::from_secs(300));
    let consumer = Consumer::new(broker.connect().await, options).unwrap();
    consumer.subscribe(&[TOPIC]).unwrap();
    let of = TopicPartition::new(TOPIC, 0);
    until(&consumer, || consumer.position(&of).is_some_and(|position| position.get() == 3)).await;
    // The partition goes, and the group is further on already when the member commits.
    broker.group(|group| (group.heartbeat_interval_ms, group.epoch) = (60_000, Some(3)));
    *answers.lock().unwrap() = vec![Beaten::Answer(3, None), Beaten::Answer(2, Some(Vec::new()))];
    until(&consumer, || consumer.assignment().is_empty()).await;
    assert_eq!(broker.group(|group| group.commits.clone()), [2, 3]);
}

#[tokio::test]
async fn what_is_taken_back_while_its_offsets_are_fetched_is_not_read() {
    let mut number = 0;
    let mut group = FakeGroup::new(move |beat| {
        number += 1;
        match number {
            1 => Beaten::Answer(1, Some(vec![0])),
            2 => Beaten::Answer(2, Some(Vec::new())),
            _ => Beaten::Answer(beat.member_epoch, None),
        }
    });
    // So the offsets are there only after the second heartbeat.
    group.epoch = Some(2);
    let broker = FakeBroker::start_with_group(group).await;
    broker.append(0, batch(b"value", Compression::None));
    let (consumer, diary) =
        (member(&broker, GroupProtocol::Consumer).await, Arc::new(Diary::default()));
    consumer.subscribe_with(&[TOPIC], diary.clone()).unwrap();
    until(&consumer, || broker.group(|group| group.heartbeats.len()) > 4).await;
    assert_eq!(broker.group(|group| group.fetches.clone()), [1, 2]);
    assert_eq!((consumer.assignment(), diary.read()), (vec![], vec![]));
}

#[tokio::test]
async fn a_coordinator_that_metadata_does_not_name_is_asked_until_it_is_gone() {
    let nobody = || FakeGroup::new(|_| Beaten::HangUp);
    let broker = FakeBroker::start_with_group(nobody()).await;
    let coordinator = FakeBroker::start_with_group(nobody()).await;
    let port = coordinator.address.rsplit(':').next().unwrap().parse().unwrap();
    broker.group(|group| group.coordinator = Some((2, port)));

    let cluster = broker.connect().await;
    let consumer = Consumer::new(cluster.clone(), options(GroupProtocol::Classic)).unwrap();
    consumer.assign(TOPIC, &Partitions::All, StartAt::Beginning).await.unwrap();
    until(&consumer, || consumer.position(&TopicPartition::new(TOPIC, 0)).is_some()).await;
    consumer.commit().await.unwrap();
    cluster.refresh(TOPIC).await.unwrap();
    assert_eq!(cluster.brokers().len(), 1, "it is not among the brokers");
    consumer.commit().await.unwrap();
    assert_eq!(coordinator.group(|group| group.commits.len()), 2);

    coordinator.kill().await;
    broker.group(|group| group.coordinator = None);
    consumer.commit().await.unwrap();
    assert_eq!(broker.group(|group| group.commits.len()), 1);
}

/// On a thread of a runtime with threads, where a task that is spawned last runs first.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn commits_that_nobody_waits_for_go_in_the_order_of_their_calls() {
    const COUNT: i64 = 8;
    let broker = FakeBroker::start_with_group(FakeGroup::classic(FakeClassic::default())).await;
    let mut records = BatchBuilder::new(BatchFields::default());
    (0..COUNT).for_each(|_| records.push(&NewRecord::default()));
    broker.append(0, records.build());
    let consumer = member(&broker, GroupProtocol::Classic).await;
    let partition = Partitions::Only(vec![PartitionIndex::new(0)]);
    consumer.assign(TOPIC, &partition, StartAt::Beginning).await.unwrap();
    let (told, mut heard) = mpsc::unbounded_channel();
    let committing = tokio::spawn(async move {
        for number in 0..COUNT {
            let record = match consumer.next_ready() {
                Some(ready) => ready,
                None => consumer.next().await,
            };
            assert!(matches!(record, Ok(Event::Record(_))), "{record:?}");
            let told = told.clone();
            consumer.commit_async(move |result| told.send((number, result)).unwrap()).unwrap();
        }
        consumer
    });
    let _consumer = tokio::time::timeout(SOON, committing).await.expect("in time").unwrap();
    for number in 0..COUNT {
        let next = tokio::time::timeout(SOON, heard.recv()).await.expect("in time");
        assert_eq!(next, Some((number, Ok(()))));
    }
    let in_order: Vec<_> = (1..=COUNT).collect();
    assert_eq!(broker.group(|group| group.committed.clone()), in_order);
}

#[tokio::test]
async fn who_leaves_has_its_commits_done_first() {
    const COUNT: i64 = 8;
    let broker =
        FakeBroker::start_with_group(FakeGroup::classic(FakeClassic::new(|| ErrorCode::None)))
            .await;
    let mut records = BatchBuilder::new(BatchFields::default());
    (0..COUNT).for_each(|_| records.push(&NewRecord::default()));
    broker.append(0, records.build());
    let consumer = member(&broker, GroupProtocol::Classic).await;
    consumer.subscribe(&[TOPIC]).unwrap();
    let (told, mut heard) = mpsc::unbounded_channel();
    for _ in 0..COUNT {
        let record = tokio::time::timeout(SOON, consumer.next()).await.expect("in time");
        assert!(matches!(record, Ok(Event::Record(_))), "{record:?}");
        let told = told.clone();
        consumer.commit_async(move |result| told.send(result).unwrap()).unwrap();
    }
    consumer.close(SOON).await.unwrap();
    let in_order: Vec<_> = (1..=COUNT).collect();
    assert_eq!(broker.group(|group| group.committed.clone()), in_order);
    assert_eq!(broker.group(|group| group.classic.leaves.len()), 1);
    for _ in 0..COUNT {
        assert_eq!(tokio::time::timeout(SOON, heard.recv()).await, Ok(Some(Ok(()))));
    }
}

#[tokio::test]
async fn what_is_asked_for_before_a_partition_goes_is_committed_before_it_goes() {
    let goes = Arc::new(AtomicBool::new(false));
    let broker = FakeBroker::start_with_group(FakeGroup::new({
        let goes = goes.clone();
        move |beat| match beat.member_epoch {
            0 => Beaten::Answer(1, Some(vec![0, 1])),
            epoch => Beaten::Answer(epoch, goes.load(Ordering::Relaxed).then(|| vec![1])),
        }
    }))
    .await;
    let consumer = member(&broker, GroupProtocol::Consumer).await;
    consumer.subscribe(&[TOPIC]).unwrap();
    until(&consumer, || consumer.assignment().len() == 2).await;
    broker.group(|group| group.hangs_up_on_commits = true);
    let (told, heard) = tokio::sync::oneshot::channel();
    let both = [0, 1].map(|index| {
        let at = Committed { offset: Offset::new(7), leader_epoch: None, metadata: String::new() };
        (TopicPartition::new(TOPIC, index), at)
    });
    consumer.seek(&both.clone().map(|(of, _)| of), StartAt::Offset(Offset::new(7))).unwrap();
    until(&consumer, || both.iter().all(|(of, _)| consumer.position(of).is_some())).await;
    consumer.commit_async(move |result| told.send(result).unwrap()).unwrap();
    goes.store(true, Ordering::Relaxed);
    // The one after next is sent by who has heard that the partition goes.
    let beats = || broker.group(|group| group.heartbeats.len());
    let before = beats();
    until(&consumer, || beats() > before + 2).await;
    let acknowledges = |group: &mut FakeGroup| {
        let owned = group.heartbeats.iter().rev().find_map(|beat| beat.topic_partitions.clone());
        owned.is_some_and(|topics| topics.iter().any(|topic| topic.partitions == [1]))
    };
    assert!(!broker.group(acknowledges));
    broker.group(|group| group.hangs_up_on_commits = false);
    until(&consumer, || broker.group(acknowledges)).await;
    assert_eq!(tokio::time::timeout(SOON, heard).await.expect("in time"), Ok(Ok(())));
}

/// Else a hand-over would wait for as long as anything is tried again.
#[tokio::test]
async fn a_commit_of_a_topic_that_is_gone_holds_nobody_up() {
    let goes = Arc::new(AtomicBool::new(false));
    let mut group = FakeGroup::new({
        let goes = goes.clone();
        move |beat| match beat.member_epoch {
            0 => Beaten::Answer(1, Some(vec![0, 1])),
            epoch => Beaten::Answer(epoch, goes.load(Ordering::Relaxed).then(|| vec![1])),
        }
    });
    group.refusal = ErrorCode::UnknownTopicOrPartition;
    let broker = FakeBroker::start_with_group(group).await;
    broker.append(0, batch(b"value", Compression::None));
    let mut options = options(GroupProtocol::Consumer);
    // Not in turn, while this test runs.
    options.group.as_mut().unwrap().auto_commit = Some(Duration::from_secs(300));
    let consumer = Consumer::new(broker.connect().await, options).unwrap();
    consumer.subscribe(&[TOPIC]).unwrap();
    let gone = TopicPartition::new(TOPIC, 0);
    until(&consumer, || consumer.position(&gone) == Some(Offset::new(1))).await;
    goes.store(true, Ordering::Relaxed);
    until(&consumer, || consumer.assignment() == [TopicPartition::new(TOPIC, 1)]).await;
    assert_eq!(broker.group(|group| group.commits.clone()), [1], "it is not tried again");
}
