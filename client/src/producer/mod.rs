//! Records into partitions, batches and requests.

mod accumulator;
mod batch;
mod partitioner;
mod sender;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pelton_kafka::ErrorCode;
use pelton_model::batch::NewRecord;
use pelton_model::{Compression, Offset, PartitionIndex, TimestampMs};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use accumulator::{Accumulator, Limits, record_bytes_max};
use batch::Outcome;
pub use partitioner::partition_of_key;
use sender::Sender;

use crate::clock;
use crate::cluster::Cluster;
use crate::error::{Error, Result};

/// How a producer gathers, compresses and sends.
#[derive(Clone, Debug)]
pub struct ProducerOptions {
    /// Default [`Acks::All`].
    pub acks: Acks,
    /// Whether the broker drops what it got twice (KIP-98); needs [`Acks::All`]. Default yes.
    pub is_idempotent: bool,
    /// Of whole batches. Default none.
    pub compression: Compression,
    /// A batch is full at this size, before compression; a larger record gets one of its own.
    /// Default 256 KiB: a broker's `max.message.bytes` is 1 MiB.
    pub batch_bytes: usize,
    /// A batch that is not full waits this long for more. Default 5 ms.
    pub linger: Duration,
    /// Records that wait or are away, together; [`Producer::send`] waits while there is no room.
    /// Default 32 MiB.
    pub buffer_bytes: usize,
    /// Requests that one broker may owe an answer. Default 5.
    pub requests_in_flight_max: usize,
    /// From the first record of a batch to its last attempt. Default 120 s.
    pub delivery_timeout: Duration,
}

/// Whose copy a record must be in before it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Acks {
    /// Nobody's; there is no answer, and no offset.
    None,
    /// The leader's.
    Leader,
    /// Those of all in-sync replicas.
    #[default]
    All,
}

/// A record to be sent; everything is copied out of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProducerRecord<'a> {
    pub topic: &'a str,
    /// None: by the key's hash as Kafka's clients compute it, or batch by batch in turn.
    pub partition: Option<PartitionIndex>,
    pub key: Option<&'a [u8]>,
    /// None is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Kafka asks for keys in UTF-8.
    pub headers: &'a [(&'a [u8], Option<&'a [u8]>)],
    /// None: now.
    pub timestamp: Option<TimestampMs>,
}

/// A record's result, when it comes.
#[derive(Clone, Debug)]
pub struct Delivery {
    topic: Arc<str>,
    partition: PartitionIndex,
    index_in_batch: i32,
    outcome: watch::Receiver<Option<Outcome>>,
}

/// Where a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    pub topic: Arc<str>,
    pub partition: PartitionIndex,
    /// None with [`Acks::None`], and if the broker only told that it has the record already.
    pub offset: Option<Offset>,
}

/// Sends records of any number of topics.
///
/// Records of one partition are appended in the order of their [`Producer::send`] calls. Dropping
/// the producer drops what is not acknowledged: [`Producer::flush`] first.
#[derive(Debug)]
pub struct Producer {
    cluster: Cluster,
    shared: Arc<Shared>,
    buffer_bytes: usize,
    sender: JoinHandle<()>,
}

/// What the callers' side and the sending task share.
#[derive(Debug)]
struct Shared {
    accumulator: Mutex<Accumulator>,
    /// Bytes of the buffer that are free.
    room: Semaphore,
    news: Notify,
}

impl Default for ProducerOptions {
    fn default() -> Self {
        Self {
            acks: Acks::All,
            is_idempotent: true,
            compression: Compression::None,
            batch_bytes: 256 << 10,
            linger: Duration::from_millis(5),
            buffer_bytes: 32 << 20,
            requests_in_flight_max: 5,
            delivery_timeout: Duration::from_secs(120),
        }
    }
}

impl<'a> ProducerRecord<'a> {
    /// A record for a topic, with everything else to be filled in.
    pub fn to(topic: &'a str) -> Self {
        Self { topic, ..Self::default() }
    }
}

impl Producer {
    /// Starts the task that sends. Fails with [`Error::Invalid`] if the options contradict each
    /// other; must be called within a tokio runtime.
    pub fn new(cluster: Cluster, options: ProducerOptions) -> Result<Producer> {
        if options.is_idempotent && options.acks != Acks::All {
            return Err(Error::Invalid("an idempotent producer needs acks=all".into()));
        }
        let buffer_bytes = options.buffer_bytes.clamp(1, u32::MAX as usize >> 3);
        let shared = Arc::new(Shared {
            accumulator: Mutex::new(Accumulator::new(Limits {
                compression: options.compression,
                batch_bytes: options.batch_bytes,
                linger: options.linger,
                is_idempotent: options.is_idempotent,
            })),
            room: Semaphore::new(buffer_bytes),
            news: Notify::new(),
        });
        let sender = Sender::new(cluster.clone(), shared.clone(), options);
        let sender = tokio::spawn(sender.run());
        Ok(Producer { cluster, shared, buffer_bytes, sender })
    }

    /// Takes a record, as soon as there is room for it. The result tells where it went, once it
    /// is there; who does not want to know may drop it.
    ///
    /// Fails if the topic or the partition is not found.
    pub async fn send(&self, record: &ProducerRecord<'_>) -> Result<Delivery> {
        let topic = self.cluster.topic(record.topic).await?;
        let partition_count = topic.partitions.len();
        if let Some(partition) = record.partition
            && !usize::try_from(partition.get()).is_ok_and(|index| index < partition_count)
        {
            let context = format!("{}/{partition}", topic.name);
            return Err(Error::broker(context, ErrorCode::UnknownTopicOrPartition));
        }
        let new = NewRecord {
            timestamp: record.timestamp.unwrap_or_else(clock::now),
            key: record.key,
            value: record.value,
            headers: record.headers,
        };
        // One record may be larger than the whole buffer; then it has it for itself.
        let bytes = record_bytes_max(&new).min(self.buffer_bytes);
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let room = self.shared.room.acquire_many(permits).await.map_err(|_| Error::Closed)?;
        // The batch gives it back when it is settled.
        room.forget();
        let placed = self.shared.accumulator().append(
            &topic.name,
            partition_count,
            record.partition,
            &new,
            bytes,
            Instant::now(),
        );
        if placed.is_news {
            self.shared.news.notify_one();
        }
        Ok(Delivery {
            topic: topic.name.clone(),
            partition: placed.partition,
            index_in_batch: placed.index_in_batch,
            outcome: placed.outcome,
        })
    }

    /// Sends what waits, and returns when every record that was taken before is settled; with the
    /// first error, if there was one.
    pub async fn flush(&self) -> Result<()> {
        let outcomes = self.shared.accumulator().seal_all();
        self.shared.news.notify_one();
        let mut result = Ok(());
        for mut outcome in outcomes {
            let outcome = settled(&mut outcome).await;
            result = result.and(outcome.map(drop));
        }
        result
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.sender.abort();
    }
}

impl Delivery {
    /// Waits until the record is acknowledged or given up.
    pub async fn wait(mut self) -> Result<Delivered> {
        let base_offset = settled(&mut self.outcome).await?;
        Ok(Delivered {
            topic: self.topic,
            partition: self.partition,
            offset: base_offset.map(|base| base.plus(i64::from(self.index_in_batch))),
        })
    }

    /// Which partition the record goes to.
    pub fn partition(&self) -> PartitionIndex {
        self.partition
    }
}

impl Shared {
    /// Never held across an await.
    fn accumulator(&self) -> MutexGuard<'_, Accumulator> {
        self.accumulator.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn settled(outcome: &mut watch::Receiver<Option<Outcome>>) -> Outcome {
    match outcome.wait_for(Option::is_some).await {
        Ok(outcome) => outcome.clone().unwrap_or(Err(Error::Closed)),
        Err(_) => Err(Error::Closed),
    }
}
