//! Listeners of members, and users who ask at bad moments.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use pelton_client::{
    Consumer, ConsumerOptions, Error, Event, GroupProtocol, OffsetReset, RebalanceListener,
    StartAt, TopicPartition,
};
use pelton_kafka::ErrorCode;
use pelton_model::{Compression, Offset};

use crate::consume::batch;
use crate::fake_broker::{FakeBroker, TOPIC};
use crate::fake_classic::FakeClassic;
use crate::fake_group::FakeGroup;
use crate::members::{SOON, meanwhile, options, told};

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
