//! What goes in, and what is heard of it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::FutureExt;
use futures::future::Shared;
use pelton_model::{Offset, PartitionIndex, TimestampMs};
use tokio::sync::oneshot;

use crate::error::{Error, Result};

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

impl<'a> ProducerRecord<'a> {
    /// A record for a topic, with everything else to be filled in.
    pub fn to(topic: &'a str) -> Self {
        Self { topic, ..Self::default() }
    }
}

/// Where a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    pub topic: Arc<str>,
    pub partition: PartitionIndex,
    /// None with [`Acks::None`](crate::Acks::None), and if the broker only told that it has the
    /// record already.
    pub offset: Option<Offset>,
    /// The broker's for a topic with `message.timestamp.type=LogAppendTime`, else the record's own.
    pub timestamp: TimestampMs,
}

/// What a batch's records learn: where the first of them is, if the broker told, and when it was
/// appended, if that is what counts.
pub(super) type Outcome = Result<Appended>;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Appended {
    pub(super) base_offset: Option<Offset>,
    pub(super) log_append_time: Option<TimestampMs>,
}

/// What has become of a batch.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    Settled(Outcome),
    /// It was split: so many of its records are in the first half, the others in the second.
    Split {
        first_count: i32,
        halves: [Told; 2],
    },
}

/// For whoever waits for a batch's fate; [`Error::Closed`] if nobody decides it.
pub(super) type Told = Shared<oneshot::Receiver<Fate>>;

/// Waits until all records of a batch are settled; with the first error, if there was one.
pub(super) async fn settled(batch: Told) -> Result<()> {
    let mut result = Ok(());
    let mut left = vec![batch];
    while let Some(told) = left.pop() {
        match told.await.unwrap_or(Fate::Settled(Err(Error::Closed))) {
            Fate::Settled(outcome) => result = result.and(outcome.map(drop)),
            Fate::Split { halves, .. } => left.extend(halves.into_iter().rev()),
        }
    }
    result
}

/// A record's result, when it comes: a future that may be cloned, awaited late, or dropped.
#[derive(Clone, Debug)]
pub struct Delivery {
    place: Place,
    batch: Told,
}

/// A record's place in its batch.
#[derive(Clone, Debug)]
struct Place {
    topic: Arc<str>,
    partition: PartitionIndex,
    index_in_batch: i32,
    timestamp: TimestampMs,
}

/// Told what became of one record.
pub(super) type Callback = Box<dyn FnOnce(Result<Delivered>) + Send>;

/// A batch's side of its records' [`Delivery`]s. Dropped unfulfilled, they hear [`Error::Closed`].
pub(super) struct Promise {
    topic: Arc<str>,
    partition: PartitionIndex,
    sender: oneshot::Sender<Fate>,
    told: Told,
    callbacks: Vec<(Place, Callback)>,
}

impl Promise {
    pub(super) fn new(topic: Arc<str>, partition: PartitionIndex) -> Self {
        let (sender, told) = oneshot::channel();
        Self { topic, partition, sender, told: told.shared(), callbacks: Vec::new() }
    }

    /// For the record at a place in the batch.
    pub(super) fn delivery(
        &mut self,
        index_in_batch: i32,
        timestamp: TimestampMs,
        callback: Option<Callback>,
    ) -> Delivery {
        let place = Place {
            topic: self.topic.clone(),
            partition: self.partition,
            index_in_batch,
            timestamp,
        };
        if let Some(callback) = callback {
            self.callbacks.push((place.clone(), callback));
        }
        Delivery { place, batch: self.told.clone() }
    }

    /// For somebody who waits for all of the batch.
    pub(super) fn told(&self) -> Told {
        self.told.clone()
    }

    /// The promises of the two halves that a batch is split into, so many records in the first.
    pub(super) fn split(self, first_count: i32) -> [Promise; 2] {
        let mut halves = [(); 2].map(|()| Promise::new(self.topic.clone(), self.partition));
        for (place, callback) in self.callbacks {
            let (half, place) = place.in_half(first_count);
            halves[half].callbacks.push((place, callback));
        }
        let told = halves.each_ref().map(Promise::told);
        // Whoever asked may have lost interest.
        let _ = self.sender.send(Fate::Split { first_count, halves: told });
        halves
    }

    /// Tells all records where they are, or why they are nowhere: first the callbacks, in the records'
    /// order, so that who waits for the batch comes after them. One that panics is not the end of the
    /// others, nor of the task that sends.
    pub(super) fn fulfil(self, outcome: Outcome) {
        for (place, callback) in self.callbacks {
            let result = place.delivered(outcome.clone());
            // What a panic may leave half done is the callback's own.
            if catch_unwind(AssertUnwindSafe(|| callback(result))).is_err() {
                let (topic, partition) = (&self.topic, self.partition);
                tracing::error!(%topic, %partition, "a callback of a record panicked");
            }
        }
        // Whoever asked may have lost interest.
        let _ = self.sender.send(Fate::Settled(outcome));
    }
}

impl Place {
    /// In which half of its batch, and where there.
    fn in_half(mut self, first_count: i32) -> (usize, Self) {
        if self.index_in_batch < first_count {
            return (0, self);
        }
        self.index_in_batch -= first_count;
        (1, self)
    }

    fn delivered(self, outcome: Outcome) -> Result<Delivered> {
        let appended = outcome?;
        let index = i64::from(self.index_in_batch);
        Ok(Delivered {
            topic: self.topic,
            partition: self.partition,
            offset: appended.base_offset.map(|base| base.plus(index)),
            timestamp: appended.log_append_time.unwrap_or(self.timestamp),
        })
    }
}

impl Delivery {
    /// Waits until the record is acknowledged or given up.
    pub async fn wait(self) -> Result<Delivered> {
        self.await
    }

    /// Which partition the record goes to.
    pub fn partition(&self) -> PartitionIndex {
        self.place.partition
    }
}

impl Future for Delivery {
    type Output = Result<Delivered>;

    /// Must not be polled again once it is ready.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let fate = ready!(self.batch.poll_unpin(context));
            match fate.unwrap_or(Fate::Settled(Err(Error::Closed))) {
                Fate::Settled(outcome) => {
                    return Poll::Ready(self.place.clone().delivered(outcome));
                }
                Fate::Split { first_count, halves: [first, second] } => {
                    let (half, place) = self.place.clone().in_half(first_count);
                    self.place = place;
                    self.batch = if half == 0 { first } else { second };
                }
            }
        }
    }
}

impl fmt::Debug for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Promise").field("callbacks", &self.callbacks.len()).finish_non_exhaustive()
    }
}
