//! Clients that live through every crash: writers that send again what was not answered, and
//! readers that hold what they are shown against the ledger.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use pelton_storage::disk::sim::Random;
use rdkafka::ClientContext;
use rdkafka::admin::{NewTopic, TopicReplication};
use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{
    BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer,
};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::content::Id;
use crate::ledger::Ledger;
use crate::support::Broker;
use crate::support::clients::{LATER, SOON, admin, admin_options, config, consumer, wait_for};
use crate::support::patience::eventually;

/// Name, partitions, and bytes of a segment, none of which may be smaller than a batch: one topic
/// rolls all the time, the other now and then.
const TOPICS: [(&str, i32, &str); 2] = [("short", 3, "160000"), ("long", 3, "1048576")];

/// A single record may be larger.
const BATCH_BYTES: &str = "100000";

/// All partitions of all topics, by number.
pub const TRACKS: usize = 6;

/// Of one writer, records that are not answered yet.
const IN_FLIGHT_MAX: &str = "200";

const POLL: Duration = Duration::from_millis(10);

fn place_of(track: usize) -> (&'static str, i32) {
    let (name, partitions, _) = TOPICS[track / 3];
    (name, track as i32 % partitions)
}

fn track_of(topic: &str, partition: i32) -> usize {
    let at = TOPICS.iter().position(|(name, ..)| *name == topic).expect("a topic of ours");
    at * 3 + partition as usize
}

pub fn create_topics(broker: &Broker) {
    let topics = TOPICS.map(|(name, partitions, segment_bytes)| {
        NewTopic::new(name, partitions, TopicReplication::Fixed(1))
            .set("internal.segment.bytes", segment_bytes)
    });
    let created = wait_for(admin(broker).create_topics(&topics, &admin_options()));
    assert!(created.expect("an answer").iter().all(Result::is_ok));
}

/// How many records may be sent by now, so that a crash comes in the midst of them.
#[derive(Default)]
pub struct Allowance {
    allowed: AtomicU64,
    taken: AtomicU64,
    is_over: AtomicBool,
    is_abandoned: AtomicBool,
}

impl Allowance {
    pub fn grant(&self, records: u64) {
        self.allowed.fetch_add(records, Ordering::Relaxed);
    }

    /// Nothing more is to be sent.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// The run has failed: nobody need wait for anything any more.
    pub fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Relaxed);
        self.end();
    }

    fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Relaxed)
    }

    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Waits for leave to send one record; `false` when it is over.
    fn take(&self) -> bool {
        eventually("leave to send a record", LATER, || {
            if self.is_over() {
                return Some(false);
            }
            let allowed = self.allowed.load(Ordering::Relaxed);
            let one_more = |taken| (taken < allowed).then_some(taken + 1);
            let order = Ordering::Relaxed;
            self.taken.fetch_update(order, order, one_more).ok().map(|_| true)
        })
    }
}

/// Tells the ledger what became of each record.
struct Answers(Arc<Ledger>);

impl ClientContext for Answers {}

impl ProducerContext for Answers {
    type DeliveryOpaque = Box<Id>;

    fn delivery(&self, result: &DeliveryResult<'_>, id: Box<Id>) {
        match result {
            Ok(message) => self.0.acknowledged(*id, message.offset()),
            Err((error, _)) => self.0.refused(*id, &error.to_string()),
        }
    }
}

/// Sends records to all partitions, by chance, until the allowance is over and all are answered.
pub struct Writer {
    number: usize,
    ledger: Arc<Ledger>,
    producer: ThreadedProducer<Answers>,
}

impl Writer {
    pub fn new(broker: &Broker, ledger: &Arc<Ledger>, number: usize, is_idempotent: bool) -> Self {
        let mut config: ClientConfig = config(broker);
        config
            .set("enable.idempotence", is_idempotent.to_string())
            .set("acks", "all")
            .set("max.in.flight", "5")
            .set("linger.ms", "1")
            .set("batch.num.messages", "50")
            .set("batch.size", BATCH_BYTES)
            .set("queue.buffering.max.messages", IN_FLIGHT_MAX)
            .set("retry.backoff.ms", "10")
            .set("retry.backoff.max.ms", "100")
            .set("retries", "2147483647")
            // For ever: every record is answered some time.
            .set("message.timeout.ms", "0");
        let answers = Answers(ledger.clone());
        let producer = ThreadedProducer::from_config_and_context(&config, answers);
        Self { number, ledger: ledger.clone(), producer: producer.expect("a producer") }
    }

    pub fn run(&self, allowance: &Allowance, seed: u64) {
        let mut random = Random::new(seed);
        while allowance.take() {
            self.send(random.below(TRACKS as u64) as usize, allowance);
        }
        eventually("everything is answered", LATER, || {
            let is_answered = self.producer.flush(POLL).is_ok();
            (is_answered || allowance.is_abandoned()).then_some(())
        });
    }

    fn send(&self, track: usize, allowance: &Allowance) {
        let id = self.ledger.next(self.number, track);
        let (topic, partition) = place_of(track);
        let payload = id.payload();
        let mut record = Some(Box::new(id));
        eventually("room in the producer's queue", LATER, || {
            if allowance.is_abandoned() {
                return Some(());
            }
            let opaque = record.take()?;
            let sent = BaseRecord::<[u8], [u8], Box<Id>>::with_opaque_to(topic, opaque)
                .partition(partition)
                .payload(&payload);
            match self.producer.send(sent) {
                Ok(()) => Some(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = Some(back.delivery_opaque);
                    None
                }
                Err((error, _)) => panic!("{error}"),
            }
        });
    }
}

/// Reads all partitions, each record once.
pub struct Reader {
    consumer: BaseConsumer,
    /// For each track, the offset that is to come.
    next: Vec<i64>,
}

impl Reader {
    /// Begins at these offsets.
    pub fn new(broker: &Broker, from: &[i64]) -> Self {
        // What was shown once is there: a position that is out of range would be a finding.
        let options = [("enable.partition.eof", "false"), ("auto.offset.reset", "error")];
        let mut reader = Self { consumer: consumer(broker, &options), next: Vec::new() };
        reader.seek(from);
        reader
    }

    pub fn seek(&mut self, from: &[i64]) {
        let mut list = TopicPartitionList::new();
        for (track, from) in from.iter().enumerate() {
            let (topic, partition) = place_of(track);
            list.add_partition_offset(topic, partition, Offset::Offset(*from)).expect("an offset");
        }
        self.consumer.assign(&list).expect("assigned");
        self.next = from.to_vec();
    }

    /// Whether it has read up to these offsets.
    fn is_at(&self, ends: &[i64]) -> bool {
        self.next.iter().zip(ends).all(|(next, end)| next >= end)
    }

    /// Reads what comes within [`POLL`]; whose record it is, if one comes.
    fn step(&mut self, ledger: &Ledger) -> Option<Id> {
        let message = match self.consumer.poll(POLL)? {
            Ok(message) => message,
            Err(KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset)) => {
                ledger.has_no_place();
                return None;
            }
            // The broker is away.
            Err(KafkaError::MessageConsumption(_)) => return None,
            Err(error) => panic!("{error}"),
        };
        let track = track_of(message.topic(), message.partition());
        let (expected, offset) = (self.next[track], message.offset());
        if offset != expected {
            ledger.jumped(track, expected, offset);
        }
        self.next[track] = offset + 1;
        ledger.saw(track, offset, message.payload().unwrap_or_default())
    }

    /// Reads through all crashes, until the allowance is over and all that is claimed is read.
    pub fn live(mut self, ledger: &Ledger, allowance: &Allowance) {
        while !allowance.is_over() {
            self.step(ledger);
        }
        eventually("a reader comes to the end", LATER, || {
            if allowance.is_abandoned() {
                return Some(());
            }
            let ends = ledger.ends();
            while self.step(ledger).is_some() {}
            self.is_at(&ends).then_some(())
        });
    }

    /// Reads up to these offsets, where somebody knows of records below them; what the log does not
    /// have any more the ledger is told. Gives back whose records they are, by track.
    pub fn audit(&mut self, ledger: &Ledger, ends: &[i64]) -> Vec<Vec<Id>> {
        let mut read = vec![Vec::new(); TRACKS];
        let mut reachable = ends.to_vec();
        for (track, end) in reachable.iter_mut().enumerate() {
            let (topic, partition) = place_of(track);
            let (_, high) = eventually("the end of a partition is told", SOON, || {
                self.consumer.fetch_watermarks(topic, partition, SOON).ok()
            });
            if high < *end {
                ledger.ends_at(track, high);
                *end = high;
            }
        }
        eventually("an audit ends", LATER, || {
            while !self.is_at(&reachable) {
                let id = self.step(ledger)?;
                read[id.track].push(id);
            }
            Some(())
        });
        read
    }
}

/// Nothing was broken.
pub fn assert_nothing_wrong(ledger: &Ledger) {
    let account = ledger.account();
    let first = &account.wrongs[..account.wrongs.len().min(20)];
    assert!(first.is_empty(), "{account}\n{first:#?}");
}
