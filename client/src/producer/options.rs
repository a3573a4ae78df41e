//! How a producer gathers, compresses and sends.

use std::time::Duration;

use pelton_model::Compression;

use crate::error::{Error, Result};
use crate::options::check_durations;

/// Kafka's own name of each option stands in brackets.
#[derive(Clone, Debug)]
pub struct ProducerOptions {
    /// Default [`Acks::All`]. \[acks]
    pub acks: Acks,
    /// Whether the broker drops what it got twice (KIP-98); needs [`Acks::All`]. Default yes.
    /// \[enable.idempotence]
    pub is_idempotent: bool,
    /// Of whole batches. Default none. \[compression.type]
    pub compression: Compression,
    /// As Kafka's `compression.<codec>.level`; None is Kafka's default for the codec.
    pub compression_level: Option<i32>,
    /// A batch is full at this size, before compression; a larger record gets one of its own. A
    /// broker refuses batches above the topic's `max.message.bytes`, by default 1 MiB; they are split
    /// until they are taken, at the price of the attempts. Default 256 KiB. \[batch.size]
    pub batch_bytes: usize,
    /// A batch that is not full waits this long for more, unless the buffer is. Default 5 ms.
    /// \[linger.ms]
    pub linger: Duration,
    /// Records that wait or are away, together, before compression; [`Producer::send`] waits while
    /// there is no room. Default 32 MiB. \[buffer.memory]
    ///
    /// [`Producer::send`]: crate::Producer::send
    pub buffer_bytes: usize,
    /// How long [`Producer::send`] may wait, for what is known of the topic and for room in the
    /// buffer together. Default 60 s. \[max.block.ms]
    ///
    /// [`Producer::send`]: crate::Producer::send
    pub block_max: Duration,
    /// A request ends before the batch that takes it beyond this; a record larger than this is
    /// refused at once. Default 4 MiB. \[max.request.size]
    pub request_bytes_max: usize,
    /// Requests that one broker may owe an answer. Order is kept whatever this is: without
    /// idempotence, a partition's next batch waits for the answer to the one before. Default 5.
    /// \[max.in.flight.requests.per.connection]
    pub requests_in_flight_max: usize,
    /// From the first record of a batch to its outcome, whatever happens in between. Default
    /// 120 s. \[delivery.timeout.ms]
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

impl Acks {
    /// The number that stands in a Produce request.
    pub const fn on_the_wire(self) -> i16 {
        match self {
            Acks::None => 0,
            Acks::Leader => 1,
            Acks::All => -1,
        }
    }
}

impl Default for ProducerOptions {
    fn default() -> Self {
        Self {
            acks: Acks::All,
            is_idempotent: true,
            compression: Compression::None,
            compression_level: None,
            batch_bytes: 256 << 10,
            linger: Duration::from_millis(5),
            buffer_bytes: 32 << 20,
            block_max: Duration::from_secs(60),
            request_bytes_max: 4 << 20,
            requests_in_flight_max: 5,
            delivery_timeout: Duration::from_secs(120),
        }
    }
}

impl ProducerOptions {
    pub(super) fn check(&self) -> Result<()> {
        let fail = |reason: &str| Err(Error::Invalid(reason.into()));
        if self.is_idempotent && self.acks != Acks::All {
            return fail("an idempotent producer needs acks=all");
        }
        if self.requests_in_flight_max == 0 || self.requests_in_flight_max > REQUESTS_MAX {
            return fail("max.in.flight.requests.per.connection must be between 1 and 1000");
        }
        if self.request_bytes_max.max(self.batch_bytes) > REQUEST_BYTES_MAX {
            return fail("max.request.size and batch.size must be at most 1 GiB");
        }
        if self.buffer_bytes == 0 || self.buffer_bytes > BUFFER_BYTES_MAX {
            return fail("buffer.memory must be between 1 byte and 1 TiB");
        }
        if self.delivery_timeout < self.linger {
            return fail("delivery.timeout.ms must not be less than linger.ms");
        }
        check_durations(&[
            ("max.block.ms", self.block_max),
            ("delivery.timeout.ms", self.delivery_timeout),
        ])
    }
}

const REQUESTS_MAX: usize = 1000;

/// A frame's length is an i32.
const REQUEST_BYTES_MAX: usize = 1 << 30;

/// Far above any machine, and far below what a semaphore can count.
const BUFFER_BYTES_MAX: usize = 1 << 40;
