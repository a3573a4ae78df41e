//! librdkafka as tests need it: producers that remember every answer, readers of whole partitions.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::{ClientConfig, FromClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{
    BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer,
};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::Broker;
use super::patience::eventually;

/// For one answer of a broker that is there.
pub const SOON: Duration = Duration::from_secs(30);

/// For work of many requests.
pub const LATER: Duration = Duration::from_secs(60);

pub fn config(broker: &Broker) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", broker.address.to_string())
        // Brokers come back in no time here.
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "200");
    config
}

/// A record's offset, or why it has none.
pub type Delivery = Result<i64, RDKafkaErrorCode>;

/// What became of each record, by its number.
#[derive(Default)]
pub struct Deliveries(Mutex<BTreeMap<usize, Delivery>>);

impl Deliveries {
    pub fn so_far(&self) -> BTreeMap<usize, Delivery> {
        self.0.lock().expect("no panics").clone()
    }

    pub fn count(&self) -> usize {
        self.0.lock().expect("no panics").len()
    }
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let delivery = match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.rdkafka_error_code().expect("a code")),
        };
        let before = self.0.lock().expect("no panics").insert(number, delivery);
        assert!(before.is_none(), "record {number} was answered twice");
    }
}

pub struct Producer(ThreadedProducer<Deliveries>);

impl Producer {
    pub fn new(config: &ClientConfig) -> Self {
        let producer = ThreadedProducer::from_config_and_context(config, Deliveries::default());
        Self(producer.expect("a producer"))
    }

    pub fn deliveries(&self) -> &Deliveries {
        self.0.client().context()
    }

    /// Sends; waits while librdkafka's queue is full.
    pub fn send(&self, record: Record<'_>) {
        let mut record = Some(record);
        eventually("room in the producer's queue", LATER, || {
            match self.0.send(record.take().expect("not sent yet")) {
                Ok(()) => Some(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = Some(back);
                    None
                }
                Err((error, _)) => panic!("{error}"),
            }
        })
    }

    /// Waits for all answers.
    pub fn finish(&self) -> BTreeMap<usize, Delivery> {
        self.0.flush(LATER).expect("flushed");
        self.deliveries().so_far()
    }
}

/// With the number under which its answer will be found.
pub type Record<'a> = BaseRecord<'a, [u8], [u8], usize>;

pub fn record<'a>(number: usize, topic: &'a str, partition: i32, payload: &'a [u8]) -> Record<'a> {
    BaseRecord::with_opaque_to(topic, number).partition(partition).payload(payload)
}

/// Produces one record after the other, and gives back the answer to each.
pub fn produce(
    config: &ClientConfig,
    topic: &str,
    partition: i32,
    payloads: &[Vec<u8>],
) -> Vec<Delivery> {
    let producer = Producer::new(config);
    for (number, payload) in payloads.iter().enumerate() {
        producer.send(record(number, topic, partition, payload));
    }
    let deliveries = producer.finish();
    assert_eq!(deliveries.len(), payloads.len());
    deliveries.into_values().collect()
}

/// `prefix-0`, `prefix-1`, and so on.
pub fn numbered(prefix: &str, numbers: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    numbers.map(|number| format!("{prefix}-{number}").into_bytes()).collect()
}

/// What a reader got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    pub offset: i64,
    pub timestamp_ms: Option<i64>,
    pub key: Option<Vec<u8>>,
    pub payload: Vec<u8>,
}

/// A consumer without a group: it is told what to read, and commits nothing.
pub fn consumer(broker: &Broker, options: &[(&str, &str)]) -> BaseConsumer {
    let mut config = config(broker);
    config
        // librdkafka wants a name even though nobody joins.
        .set("group.id", "none")
        .set("enable.auto.commit", "false")
        // The end is told by an empty answer.
        .set("fetch.wait.max.ms", "10")
        .set("enable.partition.eof", "true")
        .set("check.crcs", "true");
    for (name, value) in options {
        config.set(*name, *value);
    }
    BaseConsumer::from_config(&config).expect("a consumer")
}

pub fn assign(consumer: &BaseConsumer, topic: &str, partition: i32, offset: Offset) {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, offset).expect("an offset");
    consumer.assign(&list).expect("assigned");
}

/// The next record; `None` at the end of the partition.
pub fn next(consumer: &BaseConsumer) -> Option<Read> {
    match consumer.poll(SOON).expect("a record or the end within 20 s") {
        Ok(message) => Some(Read {
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis(),
            key: message.key().map(<[u8]>::to_vec),
            payload: message.payload().unwrap_or_default().to_vec(),
        }),
        Err(KafkaError::PartitionEOF(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

/// A partition from its beginning to its end.
pub fn read_all(broker: &Broker, topic: &str, partition: i32) -> Vec<Read> {
    let consumer = consumer(broker, &[]);
    assign(&consumer, topic, partition, Offset::Beginning);
    std::iter::from_fn(|| next(&consumer)).collect()
}

/// The same, of which only the payloads matter; the offsets have no gaps.
pub fn payloads(broker: &Broker, topic: &str, partition: i32) -> Vec<Vec<u8>> {
    let records = read_all(broker, topic, partition);
    let first = records.first().map_or(0, |record| record.offset);
    for (expected, record) in (first..).zip(&records) {
        assert_eq!(record.offset, expected, "a gap or a repetition");
    }
    records.into_iter().map(|record| record.payload).collect()
}

pub fn admin(broker: &Broker) -> AdminClient<DefaultClientContext> {
    AdminClient::from_config(&config(broker)).expect("an admin client")
}

pub fn admin_options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(SOON)).operation_timeout(Some(SOON))
}

/// One partition, with configs.
pub fn create_topic_with(broker: &Broker, name: &str, configs: &[(&str, &str)]) {
    let topic = NewTopic::new(name, 1, TopicReplication::Fixed(1));
    let topic = configs.iter().fold(topic, |topic, (name, value)| topic.set(name, value));
    let created = wait_for(admin(broker).create_topics([&topic], &admin_options()));
    assert_eq!(created.expect("an answer"), [Ok(name.to_owned())]);
}

pub fn create_topic(broker: &Broker, name: &str, partitions: i32) {
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let created = wait_for(admin(broker).create_topics([&topic], &admin_options()));
    assert_eq!(created.expect("an answer"), [Ok(name.to_owned())]);
}

/// Runs one future on this thread.
pub fn wait_for<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(future)
}
