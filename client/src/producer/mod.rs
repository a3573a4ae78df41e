//! Records into partitions, batches and requests.

mod accumulator;
mod answer;
mod batch;
mod lane;
mod options;
mod partitioner;
mod queue;
mod record;
mod sender;

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pelton_kafka::ErrorCode;
use pelton_model::batch::{BatchFields, NewRecord};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use accumulator::{Accumulator, Arrival, record_bytes_max};
pub use options::{Acks, ProducerOptions};
pub use partitioner::partition_of_key;
use queue::{BATCHES_AWAY_MAX, Rules, Settlement};
use record::{Callback, settled};
pub use record::{Delivered, Delivery, ProducerRecord};
use sender::Sender;

use crate::clock;
use crate::cluster::{Cluster, Lane, Topic};
use crate::error::{Error, Result};
use crate::random;
use crate::retry::Retry;

/// Sends records of any number of topics.
///
/// Records of one partition are appended in the order of their [`Producer::send`] calls, whatever
/// fails and is tried again in between; with idempotence, which is the default, each of them once.
/// An error of one record says nothing of those behind it.
///
/// Dropping the producer drops what is not acknowledged: [`Producer::close`] it.
///
/// `examples/produce.rs`:
/// ```no_run
#[doc = include_str!("../../examples/produce.rs")]
/// ```
#[derive(Debug)]
pub struct Producer {
    cluster: Cluster,
    shared: Arc<Shared>,
    options: ProducerOptions,
    sender: JoinHandle<()>,
}

/// What the callers' side and the sending task share.
#[derive(Debug)]
struct Shared {
    accumulator: Mutex<Accumulator>,
    /// Bytes of the buffer that are free.
    room: Semaphore,
    /// Callers that wait for room.
    callers_waiting: AtomicUsize,
    news: Notify,
}

/// A caller waits for room, until this is dropped.
struct CallerWaits<'a>(&'a Shared);

impl Producer {
    /// Starts the task that sends. Fails with [`Error::Invalid`] if the options contradict each
    /// other; must be called within a tokio runtime.
    pub fn new(cluster: Cluster, options: ProducerOptions) -> Result<Producer> {
        options.check()?;
        let rules = Rules {
            is_idempotent: options.is_idempotent,
            batches_away_max: match options.is_idempotent {
                true => options.requests_in_flight_max.min(BATCHES_AWAY_MAX),
                false => 1,
            },
            batch_bytes: options.batch_bytes,
            linger: options.linger,
            delivery_timeout: options.delivery_timeout,
            backoff: cluster.options().retry_backoff(),
        };
        let mut fields = BatchFields::compressed(options.compression);
        fields.compression_level = options.compression_level.unwrap_or(fields.compression_level);
        let shared = Arc::new(Shared {
            accumulator: Mutex::new(Accumulator::new(rules, fields)),
            room: Semaphore::new(options.buffer_bytes),
            callers_waiting: AtomicUsize::new(0),
            news: Notify::new(),
        });
        let lane = Lane::Produce(random::number());
        let sender = Sender::new(cluster.clone(), shared.clone(), options.clone(), lane);
        let sender = tokio::spawn(sender.run());
        Ok(Producer { cluster, shared, options, sender })
    }

    /// Takes a record, as soon as there is room for it. The result tells where it went, once it
    /// is there; who does not want to know may drop it.
    ///
    /// Fails, and the record is not taken, if topic or partition are not found in time
    /// ([`ProducerOptions::block_max`]): with UNKNOWN_TOPIC_OR_PARTITION, or with what kept the
    /// brokers from telling, which is [`Error::TimedOut`] if they answered nothing. With
    /// [`Error::BufferFull`] if the buffer has no room in time, with [`Error::RecordTooLarge`], and
    /// with [`Error::Closed`].
    pub async fn send(&self, record: &ProducerRecord<'_>) -> Result<Delivery> {
        self.take(record, None).await
    }

    /// [`Producer::send`] with a function that is told the outcome: in the order of the records
    /// of a partition, in the task that sends, so it must not block. A panic in it is logged and
    /// goes no further. It is not called if this fails, nor if the producer is dropped instead of
    /// closed.
    pub async fn send_with(
        &self,
        record: &ProducerRecord<'_>,
        callback: impl FnOnce(Result<Delivered>) + Send + 'static,
    ) -> Result<Delivery> {
        self.take(record, Some(Box::new(callback))).await
    }

    async fn take(
        &self,
        record: &ProducerRecord<'_>,
        callback: Option<Callback>,
    ) -> Result<Delivery> {
        let begin = Instant::now();
        let deadline = begin + self.options.block_max;
        let topic = match self.cluster.known_topic(record.topic) {
            Some(topic) => topic,
            None => self.look_up(record.topic, deadline).await?,
        };
        let topic = self.with_partition(topic, record, deadline).await?;
        let new = NewRecord {
            timestamp: record.timestamp.unwrap_or_else(clock::now),
            key: record.key,
            value: record.value,
            headers: record.headers,
        };
        let bytes = record_bytes_max(&new);
        // The buffer alone would wait for ever for room that it never has.
        let bytes_max = self.options.request_bytes_max.min(self.options.buffer_bytes);
        let Some(permits) = u32::try_from(bytes).ok().filter(|_| bytes <= bytes_max) else {
            return Err(Error::RecordTooLarge { bytes, bytes_max });
        };
        self.reserve(permits, begin, deadline).await?;
        let (delivery, is_news) = self.shared.accumulator().append(
            Arrival {
                topic: &topic,
                partition: record.partition,
                record: new,
                reserved_bytes: bytes,
                callback,
            },
            Instant::now(),
            random::chance,
        )?;
        if is_news || self.shared.is_pressed() {
            self.shared.news.notify_one();
        }
        Ok(delivery)
    }

    /// Asks about a topic of which nothing is known, and tries again while it is unknown.
    async fn look_up(&self, name: &str, deadline: Instant) -> Result<Arc<Topic>> {
        let mut retry = Retry::until(self.cluster.options(), deadline);
        let mut last = None;
        loop {
            match self.ask(name, deadline).await {
                Ok(topic) => return Ok(topic),
                // It was cut short: what the attempt before has come to says more.
                Err(error) if Instant::now() >= deadline => return Err(last.unwrap_or(error)),
                Err(error) => retry.after(last.insert(error).clone()).await?,
            }
        }
    }

    /// Asks about a topic once. An attempt to connect or a request by itself may take longer than
    /// the caller may be kept.
    async fn ask(&self, name: &str, deadline: Instant) -> Result<Arc<Topic>> {
        let asking = tokio::time::timeout_at(deadline, self.cluster.refresh(name));
        asking.await.unwrap_or_else(|_| {
            // However short the time was: the next record of the topic may find it known.
            self.cluster.want(name);
            Err(Error::TimedOut { context: format!("topic {name}").into() })
        })
    }

    /// Asks once more about a topic that seems not to have the partition that the record names.
    async fn with_partition(
        &self,
        topic: Arc<Topic>,
        record: &ProducerRecord<'_>,
        deadline: Instant,
    ) -> Result<Arc<Topic>> {
        let Some(partition) = record.partition else { return Ok(topic) };
        let exists = |topic: &Topic| {
            usize::try_from(partition.get()).is_ok_and(|index| index < topic.partitions.len())
        };
        if exists(&topic) {
            return Ok(topic);
        }
        let topic = self.ask(record.topic, deadline).await?;
        match exists(&topic) {
            true => Ok(topic),
            false => {
                let context = format!("{}/{partition}", topic.name);
                Err(Error::broker(context, ErrorCode::UnknownTopicOrPartition))
            }
        }
    }

    /// The batch gives back what is reserved here, when it is settled.
    async fn reserve(&self, permits: u32, begin: Instant, deadline: Instant) -> Result<()> {
        if let Ok(room) = self.shared.room.try_acquire_many(permits) {
            room.forget();
            return Ok(());
        }
        // While somebody waits for room, no batch waits for records: the sender looks.
        let _waits = self.shared.caller_waits();
        self.shared.news.notify_one();
        match tokio::time::timeout_at(deadline, self.shared.room.acquire_many(permits)).await {
            Ok(Ok(room)) => {
                room.forget();
                Ok(())
            }
            Ok(Err(_)) => Err(Error::Closed),
            Err(_) => Err(Error::BufferFull { waited: begin.elapsed() }),
        }
    }

    /// Sends what waits, and returns when every record that was taken before is settled; with the
    /// first error, if there was one.
    pub async fn flush(&self) -> Result<()> {
        let unsettled = {
            let mut accumulator = self.shared.accumulator();
            accumulator.seal_all();
            accumulator.unsettled()
        };
        self.shared.news.notify_one();
        let mut result = Ok(());
        for batch in unsettled {
            result = result.and(settled(batch).await);
        }
        result
    }

    /// Takes no more records, sends what waits, and returns when everything is settled, with the
    /// first error, if there was one. What is not settled in time is given up: its records, and
    /// this, fail with [`Error::Closed`].
    pub async fn close(&self, timeout: Duration) -> Result<()> {
        self.shared.room.close();
        let flushed = tokio::time::timeout(timeout, self.flush()).await;
        self.sender.abort();
        self.shared.close();
        flushed.unwrap_or(Err(Error::Closed))
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.sender.abort();
    }
}

impl Drop for CallerWaits<'_> {
    fn drop(&mut self) {
        self.0.callers_waiting.fetch_sub(1, Relaxed);
    }
}

impl Shared {
    fn caller_waits(&self) -> CallerWaits<'_> {
        self.callers_waiting.fetch_add(1, Relaxed);
        CallerWaits(self)
    }

    /// Whether somebody waits for room. Who has appended and sees nobody here need not tell the sender:
    /// whoever comes to wait afterwards does.
    fn is_pressed(&self) -> bool {
        self.callers_waiting.load(Relaxed) > 0
    }

    /// Takes nothing any more, and gives up what is not settled.
    fn close(&self) {
        self.room.close();
        let given_up = self.accumulator().close();
        given_up.into_iter().for_each(Settlement::announce);
    }

    /// Never held across an await, nor while a callback runs.
    fn accumulator(&self) -> MutexGuard<'_, Accumulator> {
        self.accumulator.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
