use std::time::Duration;

use pelton_client::{
    Cluster, Consumer, ConsumerOptions, Error, Event, OffsetAt, Partitions, StartAt,
    TopicPartition, list_offsets,
};
use pelton_kafka::ErrorCode;
use pelton_model::batch::{BatchBuilder, BatchFields, NewRecord};
use pelton_model::{Compression, Offset, PartitionIndex};

use crate::fake_broker::{FakeBroker, Reply, TOPIC};

pub fn options() -> ConsumerOptions {
    ConsumerOptions { fetch_wait: Duration::from_millis(50), ..ConsumerOptions::default() }
}

pub fn batch(value: &[u8], compression: Compression) -> Vec<u8> {
    let mut builder = BatchBuilder::new(BatchFields::compressed(compression));
    builder.push(&NewRecord { value: Some(value), ..NewRecord::default() });
    builder.build()
}

/// A consumer of partition 0 from its beginning, which holds `count` records.
async fn consumer(broker: &FakeBroker, count: usize, options: ConsumerOptions) -> Consumer {
    for _ in 0..count {
        broker.append(0, batch(b"value", Compression::None));
    }
    let consumer = Consumer::new(broker.connect().await, options).unwrap();
    let partition = Partitions::Only(vec![PartitionIndex::new(0)]);
    consumer.assign(TOPIC, &partition, StartAt::Beginning).await.unwrap();
    consumer
}

async fn next(consumer: &Consumer) -> Result<Event, Error> {
    tokio::time::timeout(Duration::from_secs(10), consumer.next()).await.expect("in time")
}

/// The offsets of so many records.
async fn offsets(consumer: &Consumer, count: usize) -> Vec<i64> {
    let mut offsets = Vec::new();
    while offsets.len() < count {
        if let Event::Record(record) = next(consumer).await.unwrap() {
            offsets.push(record.offset.get());
        }
    }
    offsets
}

#[tokio::test]
async fn a_broker_that_hangs_up_or_sleeps_is_asked_again() {
    let broker = FakeBroker::start(|number| match number {
        0 => Reply::HangUp,
        1 => Reply::Silence,
        2 => Reply::Error(ErrorCode::NotLeaderOrFollower),
        _ => Reply::Answer,
    })
    .await;
    let consumer = consumer(&broker, 5, options()).await;
    assert_eq!(offsets(&consumer, 5).await, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_broker_that_is_gone_for_good_is_told_when_retries_are_over_and_again_later() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let consumer = consumer(&broker, 1, options()).await;
    assert_eq!(offsets(&consumer, 1).await, [0]);
    broker.kill().await;
    for _ in 0..2 {
        let error = loop {
            match next(&consumer).await {
                Ok(Event::EndOfPartition { .. }) => {}
                Ok(event) => panic!("{event:?}"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::Connection { .. }), "{error}");
        assert!(error.is_retriable());
    }
}

#[tokio::test]
async fn a_topic_that_is_gone_is_told_and_asked_for_ever_more_rarely() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let cluster = broker.connect().await;
    let consumers: Vec<_> =
        (0..10).map(|_| Consumer::new(cluster.clone(), options()).unwrap()).collect();
    for consumer in &consumers {
        consumer.assign(TOPIC, &Partitions::All, StartAt::Beginning).await.unwrap();
        assert!(matches!(next(consumer).await, Ok(Event::EndOfPartition { .. })));
    }
    broker.delete_topic();
    let before = broker.asked_for_topics();
    for consumer in &consumers {
        let error = loop {
            match next(consumer).await {
                Ok(Event::EndOfPartition { .. }) => {}
                Ok(event) => panic!("{event:?}"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.code(), Some(ErrorCode::UnknownTopicOrPartition), "{error}");
    }
    // Each consumer's own pauses would make ten times as many.
    let asked = broker.asked_for_topics() - before;
    assert!((1..=20).contains(&asked), "{asked}");
}

#[tokio::test]
async fn a_partition_that_is_ill_keeps_no_other_of_its_topic_from_being_read() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    broker.make_ill(1);
    for partition in [0, 2] {
        broker.append(partition, batch(b"value", Compression::None));
    }
    let mut client = broker.options();
    // Not while this test runs.
    client.retry_timeout = Duration::from_secs(300);
    let consumer = Consumer::new(Cluster::connect(client).await.unwrap(), options()).unwrap();
    consumer.assign(TOPIC, &Partitions::All, StartAt::BeforeEnd(1)).await.unwrap();
    assert_eq!(offsets(&consumer, 2).await, [0, 0]);
    assert_eq!(consumer.position(&TopicPartition::new(TOPIC, 1)), None);
}

#[tokio::test]
async fn what_is_known_of_a_topic_is_not_forgotten_for_an_error() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    broker.make_ill(1);
    let cluster = broker.connect().await;
    let partitions = [0, 1].map(PartitionIndex::new);
    let failed = list_offsets(&cluster, TOPIC, &partitions, OffsetAt::Latest).await;
    assert_eq!(failed.unwrap_err().code(), Some(ErrorCode::KafkaStorageError));
    assert!(cluster.known_topic(TOPIC).is_some());
    let found = list_offsets(&cluster, TOPIC, &partitions[..1], OffsetAt::Latest).await.unwrap();
    assert_eq!(found, [(partitions[0], Offset::ZERO)].into());
}

#[tokio::test]
async fn a_slow_broker_is_waited_for_beyond_the_time_that_it_may_hold_a_fetch() {
    let broker = FakeBroker::start(|_| Reply::Late(Duration::from_millis(300))).await;
    let consumer = consumer(&broker, 2, options()).await;
    assert_eq!(offsets(&consumer, 2).await, [0, 1]);
    // One for metadata and offsets, one for records: none was given up.
    assert_eq!(broker.connections(), 2);
}

#[tokio::test]
async fn what_is_paused_or_let_go_of_makes_room_for_the_others() {
    type LetGo = fn(&Consumer, &[TopicPartition]);
    let ways: [LetGo; 2] = [
        |consumer, partitions| consumer.pause(partitions).unwrap(),
        |consumer, partitions| consumer.unassign(partitions),
    ];
    for let_go in ways {
        let broker = FakeBroker::start(|_| Reply::Answer).await;
        broker.append(0, batch(b"value", Compression::None));
        let small = ConsumerOptions { prefetch_bytes_max: 1, ..options() };
        let consumer = Consumer::new(broker.connect().await, small).unwrap();
        consumer.assign(TOPIC, &Partitions::All, StartAt::Beginning).await.unwrap();
        let full = TopicPartition::new(TOPIC, 0);
        while consumer.lag(&full).is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // From now on nothing is fetched.
        broker.append(1, batch(b"value", Compression::None));
        let_go(&consumer, &[full]);
        assert_eq!(offsets(&consumer, 1).await, [0]);
        assert_eq!(consumer.position(&TopicPartition::new(TOPIC, 1)).unwrap().get(), 1);
    }
}

#[tokio::test]
async fn a_batch_that_swells_beyond_the_bound_is_an_error() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let small = ConsumerOptions { batch_bytes_max: 10_000, ..options() };
    let consumer = consumer(&broker, 1, small).await;
    broker.append(0, batch(&vec![0; 100_000], Compression::Zstd));
    assert_eq!(offsets(&consumer, 1).await, [0]);
    let error = loop {
        if let Err(error) = next(&consumer).await {
            break error;
        }
    };
    assert!(matches!(error, Error::Protocol { .. }), "{error}");
    assert!(!error.is_retriable());
}

#[tokio::test]
async fn bytes_that_make_no_sense_are_an_error_of_the_protocol() {
    let broker = FakeBroker::start(|_| Reply::Garbage(b"\xff\xff\xff")).await;
    let consumer = consumer(&broker, 1, options()).await;
    let error = next(&consumer).await.unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }), "{error}");
}

#[tokio::test]
async fn a_group_needs_a_name() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let consumer = consumer(&broker, 0, options()).await;
    assert!(matches!(consumer.commit().await, Err(Error::Invalid(_))));
    let nameless = ConsumerOptions::in_group("");
    let refused = Consumer::new(broker.connect().await, nameless);
    assert!(matches!(refused, Err(Error::Invalid(_))));
}
