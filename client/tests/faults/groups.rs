//! Members of groups, most of them by the protocol of KIP-848, and what may become of their heartbeats.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use pelton_client::{
    Committed, Consumer, ConsumerOptions, Error, Event, GroupOptions, GroupProtocol, OffsetReset,
    Partitions, RebalanceListener, StartAt, TopicPartition,
};
use pelton_kafka::ErrorCode;
use pelton_kafka::messages::StrBytes;
use pelton_model::batch::{BatchBuilder, BatchFields, NewRecord};
use pelton_model::{Compression, Offset, PartitionIndex};
use tokio::sync::{Semaphore, mpsc};

use crate::consume::{self, batch};
use crate::fake_broker::{FakeBroker, TOPIC};
use crate::fake_classic::FakeClassic;
use crate::fake_group::{Beaten, FakeGroup};

const SOON: Duration = Duration::from_secs(10);

fn options(protocol: GroupProtocol) -> ConsumerOptions {
    let group = GroupOptions { protocol, auto_commit: None, ..GroupOptions::new("g") };
    ConsumerOptions { group: Some(group), ..consume::options() }
}

async fn member(broker: &FakeBroker, protocol: GroupProtocol) -> Consumer {
    Consumer::new(broker.connect().await, options(protocol)).unwrap()
}

/// Has the user ask for records until something holds.
async fn until(consumer: &Consumer, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            let next = tokio::time::timeout(Duration::from_millis(10), consumer.next()).await;
            if let Ok(Err(error)) = next {
                panic!("{error}");
            }
        }
    };
    tokio::time::timeout(SOON, waiting).await.expect("in time");
}

async fn told(consumer: &Consumer) -> Error {
    let telling = async {
        loop {
            if let Err(error) = consumer.next().await {
                return error;
            }
        }
    };
    tokio::time::timeout(SOON, telling).await.expect("in time")
}

#[derive(Default)]
struct Diary(Mutex<Vec<(&'static str, Vec<i32>)>>);

impl Diary {
    fn write<'a>(&'a self, what: &'static str, of: &'a [TopicPartition]) -> BoxFuture<'a, ()> {
        let partitions = of.iter().map(|of| of.partition.get()).collect();
        self.0.lock().unwrap().push((what, partitions));
        Box::pin(std::future::ready(()))
    }

    fn read(&self) -> Vec<(&'static str, Vec<i32>)> {
        self.0.lock().unwrap().clone()
    }
}

impl RebalanceListener for Diary {
    fn assigned<'a>(&'a self, _: &'a Consumer, of: &'a [TopicPartition]) -> BoxFuture<'a, ()> {
        self.write("assigned", of)
    }

    fn revoked<'a>(&'a self, _: &'a Consumer, of: &'a [TopicPartition]) -> BoxFuture<'a, ()> {
        self.write("revoked", of)
    }

    fn lost<'a>(&'a self, _: &'a Consumer, of: &'a [TopicPartition]) -> BoxFuture<'a, ()> {
        self.write("lost", of)
    }
}

#[tokio::test]
async fn after_a_lost_answer_a_member_says_everything_again_and_loses_nothing() {
    let mut number = 0;
    let broker = FakeBroker::start_with_group(FakeGroup::new(move |_| {
        number += 1;
        match number {
            1 => Beaten::Answer(1, Some(vec![0, 1])),
            4 => Beaten::HangUp,
            _ => Beaten::Answer(1, None),
        }
    }))
    .await;
    let (consumer, diary) =
        (member(&broker, GroupProtocol::Consumer).await, Arc::new(Diary::default()));
    consumer.subscribe_with(&[TOPIC], diary.clone()).unwrap();
    until(&consumer, || broker.group(|group| group.heartbeats.len()) > 5).await;
    let heartbeats = broker.group(|group| group.heartbeats.clone());
    let epochs: Vec<_> = heartbeats.iter().take(6).map(|beat| beat.member_epoch).collect();
    assert_eq!(epochs, [0, 1, 1, 1, 1, 1]);
    let is_full: Vec<_> =
        heartbeats.iter().take(6).map(|beat| beat.subscribed_topic_names.is_some()).collect();
    assert_eq!(is_full, [true, false, false, false, true, false]);
    assert_eq!(heartbeats[4].topic_partitions.as_ref().unwrap()[0].partitions, [0, 1]);
    assert!(heartbeats.iter().all(|beat| beat.member_id == heartbeats[0].member_id));
    assert_eq!(diary.read(), [("assigned", vec![0, 1])]);
}

#[tokio::test]
async fn a_member_that_is_fenced_has_lost_its_partitions_and_joins_anew() {
    for code in [ErrorCode::FencedMemberEpoch, ErrorCode::UnknownMemberId] {
        let mut number = 0;
        let broker = FakeBroker::start_with_group(FakeGroup::new(move |beat| {
            number += 1;
            match beat.member_epoch {
                0 => Beaten::Answer(number, Some(vec![0, 1])),
                _ if number == 4 => Beaten::Error(code),
                epoch => Beaten::Answer(epoch, None),
            }
        }))
        .await;
        let (consumer, diary) =
            (member(&broker, GroupProtocol::Consumer).await, Arc::new(Diary::default()));
        consumer.subscribe_with(&[TOPIC], diary.clone()).unwrap();
        until(&consumer, || diary.read().len() == 3).await;
        let both = || vec![0, 1];
        assert_eq!(
            diary.read(),
            [("assigned", both()), ("lost", both()), ("assigned", both())],
            "{code}"
        );
        let joins = broker.group(|group| {
            let joins = group.heartbeats.iter().filter(|beat| beat.member_epoch == 0);
            joins.map(|beat| beat.topic_partitions.clone().unwrap().len()).collect::<Vec<_>>()
        });
        assert_eq!(joins, [0, 0], "who joins owns nothing");
    }
}

#[tokio::test]
async fn what_goes_is_acknowledged_before_anything_is_taken() {
    let mut has_moved = false;
    let broker = FakeBroker::start_with_group(FakeGroup::new(move |beat| {
        let owned = beat.topic_partitions.as_ref().map(|topics| {
            topics.iter().flat_map(|topic| topic.partitions.clone()).collect::<Vec<_>>()
        });
        match (beat.member_epoch, owned.as_deref()) {
            (0, _) => Beaten::Answer(1, Some(vec![0, 1])),
            (_, Some([0, 1])) if !has_moved => {
                has_moved = true;
                Beaten::Answer(2, Some(vec![1, 2]))
            }
            (epoch, _) => Beaten::Answer(epoch, None),
        }
    }))
    .await;
    let (consumer, diary) =
        (member(&broker, GroupProtocol::Consumer).await, Arc::new(Diary::default()));
    consumer.subscribe_with(&[TOPIC], diary.clone()).unwrap();
    until(&consumer, || diary.read().len() == 3).await;
    assert_eq!(
        diary.read(),
        [("assigned", vec![0, 1]), ("revoked", vec![0]), ("assigned", vec![2])]
    );
    let said = || {
        broker.group(|group| {
            let said = group.heartbeats.iter().filter_map(|beat| beat.topic_partitions.clone());
            said.flatten().map(|topic| topic.partitions).collect::<Vec<_>>()
        })
    };
    until(&consumer, || said().len() == 3).await;
    assert_eq!(said(), [vec![0, 1], vec![1], vec![1, 2]]);
}

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

#[tokio::test]
async fn who_closes_leaves() {
    for (instance_id, epoch) in [(None, -1), (Some("instance".to_owned()), -2)] {
        let broker = FakeBroker::start_with_group(FakeGroup::new(|beat| match beat.member_epoch {
            0 => Beaten::Answer(1, Some(vec![0])),
            epoch => Beaten::Answer(epoch, None),
        }))
        .await;
        let mut options = options(GroupProtocol::Consumer);
        options.group.as_mut().unwrap().instance_id = instance_id;
        let consumer = Consumer::new(broker.connect().await, options).unwrap();
        let diary = Arc::new(Diary::default());
        consumer.subscribe_with(&[TOPIC], diary.clone()).unwrap();
        until(&consumer, || !diary.read().is_empty()).await;
        consumer.close(SOON).await.unwrap();
        let last = broker.group(|group| group.heartbeats.last().unwrap().member_epoch);
        assert_eq!(last, epoch);
        assert_eq!(diary.read(), [("assigned", vec![0]), ("revoked", vec![0])]);
    }
}

#[tokio::test]
async fn without_the_protocol_a_member_says_so_or_falls_back_to_the_classic_one() {
    for has_it_by_name in [false, true] {
        let mut group = FakeGroup::new(|_| Beaten::Error(ErrorCode::UnsupportedVersion));
        group.has_consumer_protocol = has_it_by_name;
        let broker = FakeBroker::start_with_group(group).await;
        let strict = member(&broker, GroupProtocol::Consumer).await;
        strict.subscribe(&[TOPIC]).unwrap();
        let error = told(&strict).await;
        let is_as_expected = match has_it_by_name {
            true => error.code() == Some(ErrorCode::UnsupportedVersion),
            false => matches!(error, Error::Unsupported { .. }),
        };
        assert!(is_as_expected, "{error}");
        assert_eq!(broker.group(|group| group.classic.joins.len()), 0);

        let auto = member(&broker, GroupProtocol::Auto).await;
        auto.subscribe(&[TOPIC]).unwrap();
        let error = told(&auto).await;
        assert_eq!(error.code(), Some(ErrorCode::GroupAuthorizationFailed), "{error}");
        assert_eq!(broker.group(|group| group.classic.joins.len()), 1);
        auto.subscribe_pattern("t.*").unwrap();
        assert!(matches!(told(&auto).await, Error::Invalid(_)));
    }
}

#[tokio::test]
async fn who_closes_again_waits_for_the_same_leave() {
    let may_leave = Arc::new(Semaphore::new(0));
    let broker =
        FakeBroker::start_with_group(FakeGroup::classic(FakeClassic::new(|| ErrorCode::None)))
            .await;
    broker.append(0, batch(b"value", Compression::None));
    let mut options = options(GroupProtocol::Classic);
    // Not in turn, while this test runs.
    options.group.as_mut().unwrap().auto_commit = Some(Duration::from_secs(300));
    let consumer = Consumer::new(broker.connect().await, options).unwrap();
    consumer.subscribe_with(&[TOPIC], Arc::new(Leaves(may_leave.clone()))).unwrap();
    let first = tokio::time::timeout(SOON, consumer.next()).await.expect("in time");
    assert!(matches!(first, Ok(Event::Record(_))), "{first:?}");

    // Dropped as soon as it waits.
    assert_eq!(consumer.close(SOON).now_or_never(), None);
    let (again, once_more) = (consumer.close(SOON), consumer.close(SOON));
    let let_go = async { may_leave.add_permits(1) };
    let (again, once_more, ()) = tokio::join!(again, once_more, let_go);
    assert_eq!((again, once_more), (Ok(()), Ok(())));
    assert_eq!(broker.group(|group| group.committed.clone()), [1]);
    assert_eq!(broker.group(|group| group.classic.leaves.len()), 1);
}

#[tokio::test]
async fn who_closes_with_another_that_gives_up_is_told_so() {
    let never = Arc::new(Semaphore::new(0));
    let broker =
        FakeBroker::start_with_group(FakeGroup::classic(FakeClassic::new(|| ErrorCode::None)))
            .await;
    let consumer = member(&broker, GroupProtocol::Classic).await;
    consumer.subscribe_with(&[TOPIC], Arc::new(Leaves(never))).unwrap();
    until(&consumer, || !consumer.assignment().is_empty()).await;
    let hasty = consumer.close(Duration::ZERO);
    let (hasty, patient) = tokio::join!(hasty, consumer.close(SOON));
    assert!(matches!(hasty, Err(Error::TimedOut { .. })), "{hasty:?}");
    assert_eq!(patient, Err(Error::Closed));
}

/// Lets nothing go without a permit.
struct Leaves(Arc<Semaphore>);

impl RebalanceListener for Leaves {
    fn revoked<'a>(&'a self, _: &'a Consumer, _: &'a [TopicPartition]) -> BoxFuture<'a, ()> {
        Box::pin(async { self.0.acquire().await.unwrap().forget() })
    }
}

#[tokio::test]
async fn who_falls_back_has_lost_what_it_had_by_the_other_protocol() {
    let mut group = FakeGroup::new(|beat| match beat.member_epoch {
        0 => Beaten::Answer(1, Some(vec![0, 1])),
        _ if beat.topic_partitions.is_some() => Beaten::Answer(1, None),
        _ => Beaten::Error(ErrorCode::UnsupportedVersion),
    });
    group.classic = FakeClassic::new(|| ErrorCode::None);
    let broker = FakeBroker::start_with_group(group).await;
    let (consumer, diary) =
        (member(&broker, GroupProtocol::Auto).await, Arc::new(Diary::default()));
    consumer.subscribe_with(&[TOPIC], diary.clone()).unwrap();
    until(&consumer, || broker.group(|group| group.classic.heartbeats.len()) > 0).await;
    let both = || vec![0, 1];
    assert_eq!(diary.read(), [("assigned", both()), ("lost", both()), ("assigned", vec![0])]);
    assert_eq!(consumer.assignment(), [TopicPartition::new(TOPIC, 0)]);
}

/// Waits until something holds, while the user asks for nothing.
async fn meanwhile(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(SOON, waiting).await.expect("in time");
}

#[tokio::test]
async fn who_closes_in_the_middle_of_a_record_does_not_wait_for_itself() {
    for protocol in [GroupProtocol::Classic, GroupProtocol::Consumer] {
        // Once the user has its record, the partition goes.
        let goes = Arc::new(AtomicBool::new(false));
        let group = match protocol {
            GroupProtocol::Classic => FakeGroup::classic(FakeClassic::new({
                let goes = goes.clone();
                move || match goes.load(Ordering::Relaxed) {
                    true => ErrorCode::RebalanceInProgress,
                    false => ErrorCode::None,
                }
            })),
            _ => FakeGroup::new({
                let goes = goes.clone();
                move |beat| match beat.member_epoch {
                    0 => Beaten::Answer(1, Some(vec![0])),
                    epoch => Beaten::Answer(epoch, goes.load(Ordering::Relaxed).then(Vec::new)),
                }
            }),
        };
        let broker = FakeBroker::start_with_group(group).await;
        broker.append(0, batch(b"value", Compression::None));
        let mut options = options(protocol);
        let group = options.group.as_mut().unwrap();
        // Not in turn, while this test runs.
        group.auto_commit = Some(Duration::from_secs(300));
        group.heartbeat_interval = Duration::from_millis(50);
        let consumer = Consumer::new(broker.connect().await, options).unwrap();
        let diary = Arc::new(Diary::default());
        consumer.subscribe_with(&[TOPIC], diary.clone()).unwrap();
        let first = tokio::time::timeout(SOON, consumer.next()).await.expect("in time");
        assert!(matches!(first, Ok(Event::Record(_))), "{first:?}");

        let beats =
            || broker.group(|group| group.heartbeats.len() + group.classic.heartbeats.len());
        // The second from here on was sent by one that has heard the answer to the first.
        let before = beats();
        goes.store(true, Ordering::Relaxed);
        meanwhile(|| beats() > before + 2).await;
        assert_eq!(consumer.assignment().len(), 1, "the user may still work on its record");
        let closed = tokio::time::timeout(SOON / 2, consumer.close(SOON)).await;
        assert_eq!(closed, Ok(Ok(())), "{protocol:?}");
        assert_eq!(broker.group(|group| group.committed.clone()), [1], "{protocol:?}");
        assert_eq!(diary.read(), [("assigned", vec![0]), ("revoked", vec![0])]);
        let has_left = broker.group(|group| {
            let last = group.heartbeats.last().map(|beat| beat.member_epoch);
            group.classic.leaves.len() == 1 || last == Some(-1)
        });
        assert!(has_left, "{protocol:?}");
    }
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

#[tokio::test]
async fn a_static_member_says_its_name_in_every_request() {
    let fenced = Arc::new(AtomicBool::new(false));
    let group = FakeGroup::classic(FakeClassic::new({
        let fenced = fenced.clone();
        move || match fenced.load(Ordering::Relaxed) {
            true => ErrorCode::FencedInstanceId,
            false => ErrorCode::None,
        }
    }));
    let broker = FakeBroker::start_with_group(group).await;
    let consumer = Consumer::new(broker.connect().await, static_options()).unwrap();
    let diary = Arc::new(Diary::default());
    consumer.subscribe_with(&[TOPIC], diary.clone()).unwrap();
    until(&consumer, || broker.group(|group| group.classic.heartbeats.len()) > 1).await;
    broker.group(|FakeGroup { classic, .. }| {
        let name = |name: &Option<StrBytes>| name.as_deref() == Some("instance");
        assert!(classic.joins.iter().all(|request| name(&request.group_instance_id)));
        assert!(classic.syncs.iter().all(|request| name(&request.group_instance_id)));
        assert!(classic.heartbeats.iter().all(|request| name(&request.group_instance_id)));
    });
    // Another process has come under the same name.
    fenced.store(true, Ordering::Relaxed);
    assert_eq!(told(&consumer).await.code(), Some(ErrorCode::FencedInstanceId));
    until(&consumer, || consumer.assignment().is_empty()).await;
    assert_eq!(diary.read(), [("assigned", vec![0]), ("lost", vec![0])]);
    assert_eq!(
        broker.group(|group| group.classic.joins.len()),
        1,
        "it leaves the name to the other"
    );
}

fn static_options() -> ConsumerOptions {
    let mut options = options(GroupProtocol::Classic);
    let group = options.group.as_mut().unwrap();
    group.instance_id = Some("instance".into());
    group.heartbeat_interval = Duration::from_millis(50);
    options
}

#[tokio::test]
async fn a_leader_watches_its_topics_also_when_it_has_come_back() {
    for has_come_back in [false, true] {
        let mut classic = FakeClassic::new(|| ErrorCode::None);
        classic.leads = Some(has_come_back);
        let broker = FakeBroker::start_with_group(FakeGroup::classic(classic)).await;
        let cluster = broker.connect().await;
        let consumer = Consumer::new(cluster.clone(), static_options()).unwrap();
        consumer.subscribe(&[TOPIC]).unwrap();
        until(&consumer, || !consumer.assignment().is_empty()).await;
        let divided = broker.group(|group| group.classic.syncs[0].assignments.len());
        assert_eq!(divided, if has_come_back { 0 } else { 1 });
        broker.set_partition_count(4);
        cluster.refresh(TOPIC).await.unwrap();
        until(&consumer, || broker.group(|group| group.classic.joins.len()) == 2).await;
    }
}

#[tokio::test]
async fn a_leader_does_not_rebalance_because_somebody_wants_to_know_a_topic_better() {
    let mut classic = FakeClassic::new(|| ErrorCode::None);
    classic.leads = Some(false);
    let broker = FakeBroker::start_with_group(FakeGroup::classic(classic)).await;
    let cluster = broker.connect().await;
    let consumer = Consumer::new(cluster.clone(), static_options()).unwrap();
    consumer.subscribe(&[TOPIC]).unwrap();
    until(&consumer, || !consumer.assignment().is_empty()).await;
    cluster.forget(TOPIC);
    // Has it look at what is known.
    assert!(cluster.refresh("other").await.is_err());
    let beats = || broker.group(|group| group.classic.heartbeats.len());
    let before = beats();
    until(&consumer, || beats() > before + 1).await;
    assert_eq!(broker.group(|group| group.classic.joins.len()), 1);
    broker.set_partition_count(4);
    assert_eq!(cluster.topic(TOPIC).await.unwrap().partitions.len(), 4, "it asks");
}

/// Of a broker that is as old as that.
#[tokio::test]
async fn a_static_member_is_one_without_a_name_where_there_are_none() {
    let mut group = FakeGroup::classic(FakeClassic::new(|| ErrorCode::None));
    group.has_instances = false;
    let broker = FakeBroker::start_with_group(group).await;
    let consumer = Consumer::new(broker.connect().await, static_options()).unwrap();
    consumer.subscribe(&[TOPIC]).unwrap();
    until(&consumer, || broker.group(|group| group.classic.heartbeats.len()) > 1).await;
    consumer.commit().await.unwrap();
    assert_eq!(broker.group(|group| group.committed.clone()), [0]);
}

/// Goes on elsewhere, once there is something to be handed out, or to be told.
struct Elsewhere {
    waits_for_records: bool,
}

impl RebalanceListener for Elsewhere {
    fn assigned<'a>(
        &'a self,
        consumer: &'a Consumer,
        of: &'a [TopicPartition],
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            meanwhile(|| consumer.lag(&of[0]).is_some() || !self.waits_for_records).await;
            // Whoever waits for a record has looked by then.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            consumer.seek(of, StartAt::Offset(Offset::new(2))).unwrap();
        })
    }
}

#[tokio::test]
async fn nothing_is_handed_out_before_the_listener_has_gone_on_elsewhere() {
    let broker =
        FakeBroker::start_with_group(FakeGroup::classic(FakeClassic::new(|| ErrorCode::None)))
            .await;
    for _ in 0..3 {
        broker.append(0, batch(b"value", Compression::None));
    }
    for offset_reset in [OffsetReset::Earliest, OffsetReset::Fail] {
        let options = ConsumerOptions { offset_reset, ..options(GroupProtocol::Classic) };
        let consumer = Consumer::new(broker.connect().await, options).unwrap();
        // Where nothing is committed, only the listener knows where to begin.
        let waits_for_records = offset_reset == OffsetReset::Earliest;
        consumer.subscribe_with(&[TOPIC], Arc::new(Elsewhere { waits_for_records })).unwrap();
        let first = tokio::time::timeout(SOON, consumer.next()).await.expect("in time").unwrap();
        let Event::Record(record) = first else { panic!("{first:?}") };
        assert_eq!(record.offset, Offset::new(2));
    }
}

#[tokio::test]
async fn where_nothing_is_committed_the_user_is_asked_until_it_seeks() {
    let broker =
        FakeBroker::start_with_group(FakeGroup::classic(FakeClassic::new(|| ErrorCode::None)))
            .await;
    broker.append(0, batch(b"value", Compression::None));
    let strict =
        ConsumerOptions { offset_reset: OffsetReset::Fail, ..options(GroupProtocol::Classic) };
    let consumer = Consumer::new(broker.connect().await, strict).unwrap();
    consumer.subscribe(&[TOPIC]).unwrap();
    for _ in 0..2 {
        assert_eq!(told(&consumer).await.code(), Some(ErrorCode::OffsetOutOfRange));
    }
    let of = [TopicPartition::new(TOPIC, 0)];
    assert_eq!((consumer.assignment(), consumer.position(&of[0])), (of.to_vec(), None));
    consumer.seek(&of, StartAt::Beginning).unwrap();
    let first = tokio::time::timeout(SOON, consumer.next()).await.expect("in time");
    assert!(matches!(first, Ok(Event::Record(_))), "{first:?}");
}

type NextEvent = BoxFuture<'static, Result<Event, Error>>;

/// Asks for the next event when the first warning is given, and waits for it.
struct AsksAtWarning {
    consumer: Mutex<Option<Consumer>>,
    waiting: Arc<Mutex<Option<NextEvent>>>,
}

impl tracing::Subscriber for AsksAtWarning {
    fn enabled(&self, of: &tracing::Metadata<'_>) -> bool {
        *of.level() == tracing::Level::WARN
    }

    fn event(&self, _: &tracing::Event<'_>) {
        let Some(consumer) = self.consumer.lock().unwrap().take() else { return };
        let mut next = async move { consumer.next().await }.boxed();
        assert_eq!((&mut next).now_or_never(), None);
        *self.waiting.lock().unwrap() = Some(next);
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn who_asks_at_the_moment_of_being_given_up_is_waited_for_no_longer() {
    let broker =
        FakeBroker::start_with_group(FakeGroup::classic(FakeClassic::new(|| ErrorCode::None)))
            .await;
    let mut options = options(GroupProtocol::Classic);
    options.group.as_mut().unwrap().poll_interval_max = Duration::from_millis(200);
    let consumer = Consumer::new(broker.connect().await, options).unwrap();
    let waiting = Arc::new(Mutex::new(None));
    let asks = Mutex::new(Some(consumer.clone()));
    let asks = AsksAtWarning { consumer: asks, waiting: waiting.clone() };
    consumer.subscribe(&[TOPIC]).unwrap();
    let first = tokio::time::timeout(SOON, consumer.next()).await.expect("in time");
    assert!(matches!(first, Ok(Event::EndOfPartition { .. })), "{first:?}");

    // The warning is that of a member about to leave.
    let _guard = tracing::subscriber::set_default(asks);
    meanwhile(|| waiting.lock().unwrap().is_some()).await;
    let next = waiting.lock().unwrap().take().unwrap();
    let next = tokio::time::timeout(SOON, next).await.expect("in time");
    assert!(matches!(next, Ok(Event::EndOfPartition { .. })), "{next:?}");
    assert_eq!(broker.group(|group| group.classic.leaves.len()), 1);
    assert_eq!(broker.group(|group| group.classic.joins.len()), 2);
}

struct Panics;

impl RebalanceListener for Panics {
    fn assigned<'a>(&'a self, _: &'a Consumer, _: &'a [TopicPartition]) -> BoxFuture<'a, ()> {
        panic!("as this test wants it")
    }
}

#[tokio::test]
async fn a_listener_that_panics_costs_nobody_its_membership() {
    let broker =
        FakeBroker::start_with_group(FakeGroup::classic(FakeClassic::new(|| ErrorCode::None)))
            .await;
    broker.append(0, batch(b"value", Compression::None));
    let mut options = options(GroupProtocol::Classic);
    options.group.as_mut().unwrap().heartbeat_interval = Duration::from_millis(50);
    let consumer = Consumer::new(broker.connect().await, options).unwrap();
    consumer.subscribe_with(&[TOPIC], Arc::new(Panics)).unwrap();
    let error = told(&consumer).await;
    assert!(matches!(error, Error::Invalid(_)), "{error}");
    let first = tokio::time::timeout(SOON, consumer.next()).await.expect("in time");
    assert!(matches!(first, Ok(Event::Record(_))), "{first:?}");
    let beats = || broker.group(|group| group.classic.heartbeats.len());
    let before = beats();
    meanwhile(|| beats() > before + 1).await;
}
