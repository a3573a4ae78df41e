//! `kill -9` in the middle of work.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::Offset;

use crate::support::clients::{
    LATER, Producer, assign, config, consumer, create_topic, numbered, payloads, produce, read_all,
    record,
};
use crate::support::patience::eventually;
use crate::support::{Broker, directory, port_for_life};

/// S2, as a producer and a reader see it that live through all of it.
#[test]
fn what_is_sent_and_read_across_kills_is_there_once_and_in_order() {
    const RECORDS: usize = 20_000;
    /// What may be sent beyond the point of the next kill, so that it comes in the middle.
    const AHEAD: usize = 1_000;
    let data = directory();
    let port = port_for_life();
    let broker = Broker::start_with(data.path(), port, &[]);
    create_topic(&broker, "killed", 1);
    let mut config = config(&broker);
    config
        .set("enable.idempotence", "true")
        .set("batch.num.messages", "50")
        .set("linger.ms", "1")
        .set("retry.backoff.ms", "20");
    let producer = Producer::new(&config);
    let reader = consumer(&broker, &[("enable.partition.eof", "false")]);
    assign(&reader, "killed", 0, Offset::Beginning);
    let sent = numbered("n", 0..RECORDS);
    let may_send = AtomicUsize::new(0);

    let broker = std::thread::scope(|scope| {
        let mut broker = broker;
        scope.spawn(|| {
            for (number, payload) in sent.iter().enumerate() {
                eventually("the kill before this record", LATER, || {
                    (number < may_send.load(Ordering::Relaxed)).then_some(())
                });
                producer.send(record(number, "killed", 0, payload));
            }
        });
        let read = scope.spawn(|| read_across_kills(&reader, RECORDS));
        for kill_at in [RECORDS / 4, RECORDS / 2, RECORDS * 3 / 4] {
            may_send.store(kill_at + AHEAD, Ordering::Relaxed);
            eventually("records are acknowledged", LATER, || {
                (producer.deliveries().count() >= kill_at).then_some(())
            });
            broker.kill();
            let acknowledged = producer.deliveries().so_far();
            broker = Broker::start_with(data.path(), port, &[]);
            assert!(broker.said().contains("recovered after an unclean stop"));
            let log = read_all(&broker, "killed", 0);
            for (number, delivery) in &acknowledged {
                let offset = delivery.expect("acknowledged");
                let kept = log.get(offset as usize).map(|read| read.payload.as_slice());
                assert_eq!(kept, Some(sent[*number].as_slice()), "at {offset}");
            }
        }
        may_send.store(RECORDS, Ordering::Relaxed);
        let read = read.join().expect("a reader");
        assert!(read == sent, "the reader saw what is not there, or not what is");
        broker
    });

    let deliveries = producer.finish();
    assert_eq!(deliveries.len(), RECORDS);
    assert!(payloads(&broker, "killed", 0) == sent, "lost, doubled, or in another order");
    for (number, delivery) in deliveries {
        assert_eq!(delivery, Ok(number as i64), "an offset that is another record's");
    }
}

/// What a reader gets that does not notice that its broker dies now and then.
fn read_across_kills(reader: &BaseConsumer, count: usize) -> Vec<Vec<u8>> {
    const STEP: Duration = Duration::from_millis(10);
    let mut read: Vec<Vec<u8>> = Vec::new();
    eventually("all is read", LATER, || {
        while read.len() < count {
            match reader.poll(STEP)? {
                Ok(message) => {
                    assert_eq!(
                        message.offset(),
                        read.len() as i64,
                        "an offset given twice, or none"
                    );
                    read.push(message.payload().unwrap_or_default().to_vec());
                }
                // The broker is away.
                Err(KafkaError::MessageConsumption(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        Some(())
    });
    read
}

#[test]
fn every_partition_is_whole_after_a_kill_and_goes_on_where_it_was() {
    let data = directory();
    let broker = Broker::start(data.path());
    create_topic(&broker, "many", 8);
    for partition in 0..8 {
        produce(&config(&broker), "many", partition, &numbered("before", 0..500));
    }
    broker.kill();

    let broker = Broker::start(data.path());
    for partition in 0..8 {
        assert_eq!(payloads(&broker, "many", partition), numbered("before", 0..500));
        let deliveries = produce(&config(&broker), "many", partition, &numbered("after", 0..5));
        assert_eq!(deliveries, (500..505).map(Ok).collect::<Vec<_>>());
    }
}
