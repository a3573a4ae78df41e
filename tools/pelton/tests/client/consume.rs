use std::time::Duration;

use futures::StreamExt;
use pelton_client::{
    Consumer, ConsumerOptions, Error, Event, OffsetReset, Partitions, Producer, ProducerOptions,
    ProducerRecord, StartAt, TopicPartition,
};
use pelton_kafka::ErrorCode;
use pelton_model::{Offset, PartitionIndex, TimestampMs};

use crate::broker::TestBroker;

/// `count` records in turn over the partitions, each a batch of its own, with their numbers as
/// values and timestamps of 1000, 2000, and so on.
pub async fn fill(
    broker: &TestBroker,
    topic: &str,
    partitions: u32,
    numbers: std::ops::Range<u32>,
) {
    let options = ProducerOptions { batch_bytes: 1, ..ProducerOptions::default() };
    let producer = Producer::new(broker.connect().await, options).unwrap();
    for number in numbers {
        let record = ProducerRecord {
            partition: Some(PartitionIndex::new((number % partitions) as i32)),
            value: Some(&number.to_be_bytes()),
            timestamp: Some(TimestampMs::new(1000 * (i64::from(number) + 1))),
            ..ProducerRecord::to(topic)
        };
        producer.send(&record).await.unwrap();
    }
    producer.close(Duration::from_secs(60)).await.unwrap();
}

async fn consumer(broker: &TestBroker, options: ConsumerOptions) -> Consumer {
    Consumer::new(broker.connect().await, options).unwrap()
}

/// The offset of the next record.
async fn next_offset(consumer: &Consumer) -> i64 {
    loop {
        let next = tokio::time::timeout(Duration::from_secs(60), consumer.next()).await;
        if let Event::Record(record) = next.expect("in time").unwrap() {
            return record.offset.get();
        }
    }
}

#[tokio::test]
async fn a_consumer_begins_where_it_is_told() {
    let broker = TestBroker::get().await;
    let topic = broker.topic_with(1, &[("retention.ms", "-1")]).await;
    fill(&broker, &topic, 1, 0..20).await;
    for (start, first) in [
        (StartAt::Beginning, 0),
        (StartAt::Offset(Offset::new(7)), 7),
        (StartAt::BeforeEnd(3), 17),
        (StartAt::BeforeEnd(300), 0),
        (StartAt::Timestamp(TimestampMs::new(9500)), 9),
        (StartAt::Timestamp(TimestampMs::new(10_000)), 9),
    ] {
        let consumer = consumer(&broker, ConsumerOptions::default()).await;
        consumer.assign(&topic, &Partitions::All, start).await.unwrap();
        assert_eq!(next_offset(&consumer).await, first, "{start:?}");
    }
    let at_end = consumer(&broker, ConsumerOptions::default()).await;
    at_end.assign(&topic, &Partitions::All, StartAt::End).await.unwrap();
    let event = at_end.next().await.unwrap();
    assert!(matches!(event, Event::EndOfPartition { offset, .. } if offset.get() == 20));
    fill(&broker, &topic, 1, 20..21).await;
    assert_eq!(next_offset(&at_end).await, 20);
}

#[tokio::test]
async fn seek_position_and_lag() {
    let broker = TestBroker::get().await;
    let topic = broker.topic_with(1, &[("retention.ms", "-1")]).await;
    fill(&broker, &topic, 1, 0..10).await;
    let consumer = consumer(&broker, ConsumerOptions::default()).await;
    consumer.assign(&topic, &Partitions::All, StartAt::Beginning).await.unwrap();
    let of = TopicPartition::new(&topic, 0);
    assert_eq!(next_offset(&consumer).await, 0);
    assert_eq!(consumer.position(&of), Some(Offset::new(1)));
    assert_eq!(consumer.lag(&of), Some(9));
    consumer.seek(std::slice::from_ref(&of), StartAt::Offset(Offset::new(8))).unwrap();
    assert_eq!(next_offset(&consumer).await, 8);
    consumer.seek(std::slice::from_ref(&of), StartAt::Timestamp(TimestampMs::new(3000))).unwrap();
    assert_eq!(next_offset(&consumer).await, 2);
    assert_eq!(consumer.lag(&of), Some(7));
    let elsewhere = TopicPartition::new(&topic, 5);
    assert!(matches!(consumer.seek(&[elsewhere], StartAt::End), Err(Error::Invalid(_))));
}

#[tokio::test]
async fn a_paused_partition_says_nothing_until_it_is_resumed() {
    let broker = TestBroker::get().await;
    let topic = broker.topic_with(2, &[("retention.ms", "-1")]).await;
    fill(&broker, &topic, 2, 0..100).await;
    let consumer = consumer(&broker, ConsumerOptions::default()).await;
    consumer.assign(&topic, &Partitions::All, StartAt::Beginning).await.unwrap();
    let first = TopicPartition::new(&topic, 0);
    consumer.pause(std::slice::from_ref(&first)).unwrap();
    let mut counts = [0, 0];
    while counts[1] < 50 {
        if let Event::Record(record) = consumer.next().await.unwrap() {
            counts[record.partition.get() as usize] += 1;
        }
    }
    assert_eq!(counts, [0, 50]);
    consumer.resume(&[first]).unwrap();
    while counts[0] < 50 {
        if let Event::Record(record) = consumer.next().await.unwrap() {
            counts[record.partition.get() as usize] += 1;
        }
    }
    assert_eq!(counts, [50, 50]);
}

#[tokio::test]
async fn a_stream_gives_all_records_of_a_partition_in_order() {
    let broker = TestBroker::get().await;
    let topic = broker.topic_with(3, &[("retention.ms", "-1")]).await;
    fill(&broker, &topic, 3, 0..3000).await;
    // Little is fetched at a time, and little ahead.
    let options = ConsumerOptions {
        fetch_bytes_max: 4000,
        partition_bytes_max: 2000,
        prefetch_bytes_max: 10_000,
        ..ConsumerOptions::default()
    };
    let consumer = consumer(&broker, options).await;
    consumer.assign(&topic, &Partitions::All, StartAt::Beginning).await.unwrap();
    let mut next = [0; 3];
    let mut records = consumer.stream().take(3000);
    while let Some(record) = records.next().await {
        let record = record.unwrap();
        let expected = &mut next[record.partition.get() as usize];
        assert_eq!(record.offset.get(), *expected);
        *expected += 1;
    }
    assert_eq!(next, [1000, 1000, 1000]);
}

#[tokio::test]
async fn an_offset_out_of_range_is_handled_as_the_options_say() {
    let broker = TestBroker::get().await;
    let topic = broker.topic_with(1, &[("retention.ms", "-1")]).await;
    fill(&broker, &topic, 1, 0..5).await;
    let beyond = StartAt::Offset(Offset::new(500));
    let options = |offset_reset| ConsumerOptions { offset_reset, ..ConsumerOptions::default() };

    let earliest = consumer(&broker, options(OffsetReset::Earliest)).await;
    earliest.assign(&topic, &Partitions::All, beyond).await.unwrap();
    assert_eq!(next_offset(&earliest).await, 0);

    let latest = consumer(&broker, options(OffsetReset::Latest)).await;
    latest.assign(&topic, &Partitions::All, beyond).await.unwrap();
    let event = latest.next().await.unwrap();
    assert!(matches!(event, Event::EndOfPartition { offset, .. } if offset.get() == 5));

    let strict = consumer(&broker, options(OffsetReset::Fail)).await;
    strict.assign(&topic, &Partitions::All, beyond).await.unwrap();
    let error = strict.next().await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::OffsetOutOfRange));
}

#[tokio::test]
async fn a_closed_consumer_says_so() {
    let broker = TestBroker::get().await;
    let topic = broker.topic(1).await;
    let consumer = consumer(&broker, ConsumerOptions::default()).await;
    consumer.assign(&topic, &Partitions::All, StartAt::Beginning).await.unwrap();
    consumer.close(Duration::from_secs(5)).await.unwrap();
    assert_eq!(consumer.next().await, Err(Error::Closed));
    assert!(consumer.stream().next().await.is_none());
}

#[tokio::test]
async fn a_partition_that_does_not_exist_is_not_assigned() {
    let broker = TestBroker::get().await;
    let topic = broker.topic(2).await;
    let consumer = consumer(&broker, ConsumerOptions::default()).await;
    let missing = Partitions::Only(vec![PartitionIndex::new(2)]);
    let error = consumer.assign(&topic, &missing, StartAt::Beginning).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UnknownTopicOrPartition));
    assert!(consumer.assignment().is_empty());
    assert!(matches!(consumer.subscribe(&[&topic]), Err(Error::Invalid(_))), "it has no group");
}
