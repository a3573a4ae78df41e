//! A connection that produces batches which are encoded already.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use pelton_kafka::produce::{
    self, ProducePartition, ProduceRequest, ProduceResponse, ProduceTopic,
};
use pelton_kafka::{ApiKey, ErrorCode, Frame, ResponseHeader, TopicRef};

use super::Job;
use super::books::Books;
use super::readers::Readers;
use super::session::Load;
use crate::assignment::Share;
use crate::batches::BatchPool;
use crate::connection::{CLIENT_ID, Connection};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::sightings::{Sightings, UNMATCHED_MAX};
use crate::tally::{Counts, GivenUp};
use crate::topic::TopicNames;

/// How long the broker may take to get its replicas' acknowledgements.
const PRODUCE_TIMEOUT_MS: i32 = 30_000;

/// One producing connection of several.
#[derive(Clone, Debug)]
pub(crate) struct ProduceJob {
    pub share: Share,
    pub index: usize,
    pub count: usize,
    /// None: until the phase ends.
    pub requests: Option<u64>,
    /// Whether to end with the last reader of the phase.
    pub until_read: bool,
    /// Whether the plan's rate holds; filling a topic goes as fast as it can.
    pub is_paced: bool,
}

/// Jobs that have all shares between them.
pub(crate) fn producing(shares: &[Share], is_paced: bool, until_read: bool) -> Vec<Job> {
    let count = shares.len();
    let job = |(index, share): (usize, &Share)| {
        let share = share.clone();
        Job::Produce(ProduceJob { share, index, count, requests: None, is_paced, until_read })
    };
    shares.iter().enumerate().map(job).collect()
}

pub(crate) struct Producer {
    version: i16,
    topic: TopicRef,
    acks: i16,
    partitions: Vec<i32>,
    cursor: usize,
    batches_per_request: usize,
    per_batch: Counts,
    pool: Rc<RefCell<BatchPool>>,
    books: Rc<RefCell<Books>>,
    sightings: Option<Arc<Sightings>>,
    /// Of those whose end is this one's end too.
    end: Option<BoxFuture<'static, Instant>>,
}

impl Producer {
    #[expect(clippy::too_many_arguments, reason = "each is another part of what it stands on")]
    pub fn new(
        connection: &Connection,
        plan: &Plan,
        topic: &TopicNames,
        share: &Share,
        pool: Rc<RefCell<BatchPool>>,
        books: Rc<RefCell<Books>>,
        sightings: Option<Arc<Sightings>>,
        until_read: Option<Arc<Readers>>,
    ) -> Result<Self> {
        let version = connection.version_of(ApiKey::PRODUCE, produce::VERSIONS)?;
        Ok(Self {
            version,
            topic: topic.reference(version >= 13),
            acks: plan.acks.on_the_wire(),
            partitions: share.partitions.clone(),
            cursor: 0,
            batches_per_request: plan.batches_of(share.partitions.len()),
            per_batch: Counts {
                requests: 0,
                records: plan.batch.records.into(),
                bytes: plan.batch.payload_bytes(),
            },
            pool,
            books,
            sightings,
            end: until_read.map(|readers| readers.ended().boxed()),
        })
    }

    fn batches(&self, count: usize) -> Counts {
        let count = count as u64;
        Counts {
            requests: 1,
            records: self.per_batch.records * count,
            bytes: self.per_batch.bytes * count,
        }
    }
}

impl Load for Producer {
    fn request(&mut self, correlation_id: i32) -> Result<Option<Frame>> {
        let mut pool = self.pool.borrow_mut();
        let partitions = (0..self.batches_per_request).map(|_| {
            let index = self.partitions[self.cursor];
            self.cursor = (self.cursor + 1) % self.partitions.len();
            ProducePartition { index, records: Some(pool.next_batch()) }
        });
        let request = ProduceRequest {
            transactional_id: None,
            acks: self.acks,
            timeout_ms: PRODUCE_TIMEOUT_MS,
            topics: vec![ProduceTopic {
                topic: self.topic.clone(),
                partitions: partitions.collect(),
            }],
        };
        request
            .encode(correlation_id, Some(CLIENT_ID), self.version)
            .map(Some)
            .map_err(|error| Error::Invalid(format!("a Produce cannot be encoded: {error}")))
    }

    fn is_answered(&self) -> bool {
        self.acks != 0
    }

    fn answer(&mut self, answer: Bytes, due: Instant, now: Instant) -> Result<()> {
        if !self.is_answered() {
            self.books.borrow_mut().produced(due, now, self.batches(self.batches_per_request));
            return Ok(());
        }
        let decoded = ResponseHeader::decode(answer, ApiKey::PRODUCE, self.version)
            .and_then(|(_, body)| ProduceResponse::decode(body, self.version))
            .map_err(|error| Error::Invalid(format!("an answer to Produce: {error}")))?;
        let mut accepted = 0;
        let mut books = self.books.borrow_mut();
        for partition in decoded.topics.iter().flat_map(|topic| &topic.partitions) {
            match partition.error {
                ErrorCode::None => accepted += 1,
                code if code.is_retriable() => {
                    books.produce.retriable_error(|| format!("Produce: {code}"));
                    continue;
                }
                code => {
                    let context = match partition.error_message.as_deref() {
                        Some(text) => format!("produce to partition {}: {text}", partition.index),
                        None => format!("produce to partition {}", partition.index),
                    };
                    return Err(Error::Broker { context, code });
                }
            }
            let Some(sightings) = &self.sightings else { continue };
            let matched = sightings.sent(partition.index, partition.base_offset, due);
            if let Some(matched) = matched {
                books.arrived(matched);
            } else if sightings.unseen() > UNMATCHED_MAX {
                return Err(Error::Invalid(format!(
                    "consumers are {UNMATCHED_MAX} batches behind: give a --rate that they can keep"
                )));
            }
        }
        // A request that an error or two has shortened is no request of the load's.
        match accepted == self.batches_per_request {
            true => books.produced(due, now, self.batches(accepted)),
            false => books.produce_refused(now, self.batches(accepted)),
        }
        Ok(())
    }

    fn give_up(&mut self, due: Instant, now: Instant, given_up: GivenUp) {
        let mut books = self.books.borrow_mut();
        books.produce.give_up(due, now, given_up);
        if self.sightings.is_some() {
            // Nobody will know which batch it was, if a consumer sees it at all.
            (0..self.batches_per_request).for_each(|_| books.end_to_end.time(due, now));
        }
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        let Some(end) = &mut self.end else { return Poll::Pending };
        let ended = end.poll_unpin(cx);
        if ended.is_ready() {
            self.end = None;
        }
        ended
    }

    fn is_done(&self) -> bool {
        false
    }
}

#[cfg(test)]
#[path = "produce_test.rs"]
mod produce_test;
