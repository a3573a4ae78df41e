//! Members of groups, most of them by the protocol of KIP-848, and what may become of their heartbeats.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use pelton_client::{
    Consumer, ConsumerOptions, Error, Event, GroupProtocol, RebalanceListener, TopicPartition,
};
use pelton_kafka::ErrorCode;
use pelton_kafka::messages::StrBytes;
use pelton_model::Compression;
use tokio::sync::Semaphore;

use crate::consume::batch;
use crate::fake_broker::{FakeBroker, TOPIC};
use crate::fake_classic::FakeClassic;
use crate::fake_group::{Beaten, FakeGroup};
use crate::members::{Diary, SOON, meanwhile, member, options, told, until};

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
