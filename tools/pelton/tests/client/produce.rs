use std::sync::{Arc, Mutex};
use std::time::Duration;

use pelton_client::{
    Acks, Compression, Consumer, ConsumerOptions, ConsumerRecord, Error, Event, Partitions,
    Producer, ProducerOptions, ProducerRecord, StartAt, partition_of_key,
};
use pelton_kafka::ErrorCode;
use pelton_model::{PartitionIndex, TimestampMs};

use crate::broker::{TestBroker, unique};

/// A topic from its beginning to its end.
pub async fn read_all(broker: &TestBroker, topic: &str) -> Vec<ConsumerRecord> {
    let consumer = Consumer::new(broker.connect().await, ConsumerOptions::default()).unwrap();
    let assigned = consumer.assign(topic, &Partitions::All, StartAt::Beginning).await.unwrap();
    let (mut records, mut ends) = (Vec::new(), 0);
    while ends < assigned.len() {
        match consumer.next().await.unwrap() {
            Event::Record(record) => records.push(record),
            Event::EndOfPartition { .. } => ends += 1,
        }
    }
    records
}

#[tokio::test]
async fn what_is_produced_with_any_codec_is_read_back() {
    let broker = TestBroker::get().await;
    for compression in Compression::ALL {
        let topic = broker.topic(3).await;
        let options = ProducerOptions { compression, ..ProducerOptions::default() };
        let producer = Producer::new(broker.connect().await, options).unwrap();
        let value = "all work and no play makes jack a dull boy ".repeat(10);
        for number in 0..1000_u32 {
            let record = ProducerRecord {
                key: Some(&number.to_be_bytes()),
                value: Some(value.as_bytes()),
                headers: &[(b"codec", Some(compression.name().as_bytes())), (b"null", None)],
                timestamp: Some(TimestampMs::new(1_700_000_000_000 + i64::from(number))),
                ..ProducerRecord::to(&topic)
            };
            producer.send(&record).await.unwrap();
        }
        producer.close(Duration::from_secs(60)).await.unwrap();
        let records = read_all(&broker, &topic).await;
        assert_eq!(records.len(), 1000, "{compression}");
        for record in records {
            let key = record.key.as_deref().unwrap();
            assert_eq!(record.partition, partition_of_key(key, 3));
            assert_eq!(record.value.as_deref(), Some(value.as_bytes()));
            assert_eq!(record.headers[0].value.as_deref(), Some(compression.name().as_bytes()));
            assert_eq!(record.headers[1].value, None);
            let number = u32::from_be_bytes(key.try_into().unwrap());
            assert_eq!(record.timestamp.get(), 1_700_000_000_000 + i64::from(number));
        }
    }
}

#[tokio::test]
async fn every_partition_keeps_the_order_with_many_small_batches_in_flight() {
    let broker = TestBroker::get().await;
    for (acks, is_idempotent) in [(Acks::All, true), (Acks::Leader, false)] {
        let topic = broker.topic(4).await;
        let options = ProducerOptions {
            acks,
            is_idempotent,
            batch_bytes: 200,
            linger: Duration::ZERO,
            ..ProducerOptions::default()
        };
        let producer = Producer::new(broker.connect().await, options).unwrap();
        let mut deliveries = Vec::new();
        for number in 0..4000_u32 {
            let record = ProducerRecord {
                partition: Some(PartitionIndex::new((number % 4) as i32)),
                value: Some(&number.to_be_bytes()),
                ..ProducerRecord::to(&topic)
            };
            deliveries.push(producer.send(&record).await.unwrap());
        }
        let mut offsets = [0; 4];
        for (number, delivery) in deliveries.into_iter().enumerate() {
            let delivered = delivery.await.unwrap();
            assert_eq!(delivered.offset.unwrap().get(), offsets[number % 4]);
            offsets[number % 4] += 1;
        }
        for record in read_all(&broker, &topic).await {
            let number = u32::from_be_bytes(record.value.as_deref().unwrap().try_into().unwrap());
            assert_eq!(record.offset.get(), i64::from(number / 4));
            assert_eq!(record.partition.get(), (number % 4) as i32);
        }
    }
}

#[tokio::test]
async fn records_without_keys_are_spread_over_all_partitions() {
    let broker = TestBroker::get().await;
    let topic = broker.topic(4).await;
    let options = ProducerOptions { batch_bytes: 1000, ..ProducerOptions::default() };
    let producer = Producer::new(broker.connect().await, options).unwrap();
    for _ in 0..2000 {
        let record = ProducerRecord { value: Some(&[7; 100]), ..ProducerRecord::to(&topic) };
        producer.send(&record).await.unwrap();
    }
    producer.close(Duration::from_secs(60)).await.unwrap();
    let mut counts = [0; 4];
    for record in read_all(&broker, &topic).await {
        counts[record.partition.get() as usize] += 1;
    }
    assert_eq!(counts.iter().sum::<i32>(), 2000);
    assert!(counts.iter().all(|&count| count > 100), "{counts:?}");
}

#[tokio::test]
async fn a_log_append_time_is_told_back() {
    let broker = TestBroker::get().await;
    let config = [("message.timestamp.type", "LogAppendTime")];
    let topic = broker.topic_with(1, &config).await;
    let producer = Producer::new(broker.connect().await, ProducerOptions::default()).unwrap();
    let old = Some(TimestampMs::new(1_000));
    let record = ProducerRecord { value: Some(b"x"), timestamp: old, ..ProducerRecord::to(&topic) };
    let delivered = producer.send(&record).await.unwrap().await.unwrap();
    assert!(delivered.timestamp.get() > 1_700_000_000_000);
}

#[tokio::test]
async fn what_the_broker_refuses_is_told_with_its_code() {
    let broker = TestBroker::get().await;
    let topic = broker.topic_with(1, &[("max.message.bytes", "1000")]).await;
    let producer = Producer::new(broker.connect().await, ProducerOptions::default()).unwrap();
    let send = |value: Vec<u8>| {
        let (producer, topic) = (&producer, &topic);
        async move {
            let record = ProducerRecord { value: Some(&value), ..ProducerRecord::to(topic) };
            producer.send(&record).await.unwrap().await
        }
    };
    let error = send(vec![0; 5000]).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::MessageTooLarge));
    assert!(!error.is_retriable());
    assert_eq!(send(vec![0; 500]).await.unwrap().offset.unwrap().get(), 0);
}

#[tokio::test]
async fn batches_above_the_topics_limit_are_split_until_only_records_above_it_fail() {
    let broker = TestBroker::get().await;
    let topic = broker.topic_with(1, &[("max.message.bytes", "10000")]).await;
    let producer = Producer::new(broker.connect().await, ProducerOptions::default()).unwrap();
    let value = |number: u32| {
        let bytes = if number == 500 { 20_000 } else { 500 };
        [number.to_be_bytes().to_vec(), vec![7; bytes]].concat()
    };
    let mut deliveries = Vec::new();
    for number in 0..1000 {
        let value = value(number);
        let record = ProducerRecord { value: Some(&value), ..ProducerRecord::to(&topic) };
        deliveries.push(producer.send(&record).await.unwrap());
    }
    let flushed = producer.flush().await.unwrap_err();
    assert_eq!(flushed.code(), Some(ErrorCode::MessageTooLarge));
    let records = read_all(&broker, &topic).await;
    let values = records.iter().map(|record| record.value.as_deref().unwrap().to_vec());
    assert!(values.eq((0..1000).filter(|&number| number != 500).map(value)));
    let mut offsets = 0..;
    for (number, delivery) in deliveries.into_iter().enumerate() {
        match delivery.await {
            Ok(delivered) => assert_eq!(delivered.offset.unwrap().get(), offsets.next().unwrap()),
            Err(error) => assert_eq!((number, error), (500, flushed.clone())),
        }
    }
}

#[tokio::test]
async fn a_topic_that_does_not_exist_is_told_when_the_wait_is_over() {
    let broker = TestBroker::get().await;
    // Time enough for one answer on a machine that does other things too: without any, another
    // error is told.
    let options =
        ProducerOptions { block_max: Duration::from_secs(5), ..ProducerOptions::default() };
    let producer = Producer::new(broker.connect().await, options).unwrap();
    let topic = unique("nobody-made");
    let error = producer.send(&ProducerRecord::to(&topic)).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UnknownTopicOrPartition));
    let producer = Producer::new(broker.connect().await, ProducerOptions::default()).unwrap();
    let error = match producer
        .send(&ProducerRecord {
            partition: Some(PartitionIndex::new(9)),
            ..ProducerRecord::to(&broker.topic(2).await)
        })
        .await
    {
        Ok(_) => panic!("there is no partition 9"),
        Err(error) => error,
    };
    assert!(matches!(error, Error::Broker { code: ErrorCode::UnknownTopicOrPartition, .. }));
}

#[tokio::test]
async fn callbacks_hear_every_offset_in_order() {
    let broker = TestBroker::get().await;
    let topic = broker.topic(1).await;
    let producer = Producer::new(broker.connect().await, ProducerOptions::default()).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..500 {
        let told = told.clone();
        let record = ProducerRecord { value: Some(b"x"), ..ProducerRecord::to(&topic) };
        producer
            .send_with(&record, move |result| {
                told.lock().unwrap().push(result.unwrap().offset.unwrap().get());
            })
            .await
            .unwrap();
    }
    producer.flush().await.unwrap();
    assert_eq!(*told.lock().unwrap(), (0..500).collect::<Vec<_>>());
}
