//! A connection that fetches, and looks at nothing but headers.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use pelton_kafka::fetch::{self, FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use pelton_kafka::{ApiKey, ErrorCode, Frame, ResponseHeader, TopicRef};
use pelton_model::batch::Batches;

use super::books::Books;
use super::session::Load;
use crate::assignment::Share;
use crate::connection::{CLIENT_ID, Connection};
use crate::error::{Error, Result};
use crate::plan::{FetchPlan, Plan};
use crate::sightings::Sightings;
use crate::tally::Counts;
use crate::topic::TopicNames;

/// Where a connection reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub partition: i32,
    pub start: i64,
    pub next: i64,
    /// Where reading ends, or turns back.
    pub end: i64,
}

/// What happens at the end of what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadMode {
    /// Begin again.
    Over,
    /// Be done.
    Once,
    /// Wait for more, until all that was produced is seen.
    Follow,
}

/// One fetching connection of several.
#[derive(Clone, Debug)]
pub(crate) struct FetchJob {
    pub share: Share,
    /// Of the share's partitions.
    pub positions: Vec<Position>,
    pub mode: ReadMode,
    pub index: usize,
    pub count: usize,
}

/// Partitions are split into lanes, each with one request in flight at most: two requests for the
/// same partition would fetch the same bytes.
pub(crate) struct Fetcher {
    version: i16,
    topic: TopicRef,
    plan: FetchPlan,
    mode: ReadMode,
    lanes: Vec<Lane>,
    free: VecDeque<usize>,
    /// The lanes of requests in flight, in order.
    asked: VecDeque<usize>,
    books: Rc<RefCell<Books>>,
    sightings: Option<Arc<Sightings>>,
}

struct Lane {
    /// In the order in which they are asked for: those that got bytes go last, since a broker
    /// fills its answer from the front.
    positions: VecDeque<Position>,
}

impl Fetcher {
    pub fn new(
        connection: &Connection,
        plan: &Plan,
        topic: &TopicNames,
        job: &FetchJob,
        books: Rc<RefCell<Books>>,
        sightings: Option<Arc<Sightings>>,
    ) -> Result<Self> {
        let version = connection.version_of(ApiKey::FETCH, fetch::VERSIONS)?;
        let positions: Vec<Position> = match job.mode {
            ReadMode::Follow => job.positions.clone(),
            // An empty partition is at its end for ever.
            _ => job.positions.iter().copied().filter(|at| at.start < at.end).collect(),
        };
        let lane_count = plan.in_flight.min(positions.len());
        let lane = |lane| Lane {
            positions: positions.iter().copied().skip(lane).step_by(lane_count).collect(),
        };
        let lanes: Vec<_> = (0..lane_count).map(lane).collect();
        Ok(Self {
            version,
            topic: topic.reference(version >= 13),
            plan: plan.fetch,
            mode: job.mode,
            free: (0..lanes.len()).collect(),
            lanes,
            asked: VecDeque::new(),
            books,
            sightings,
        })
    }

    /// How many partitions one Fetch asks for at most.
    pub fn lane_partitions(&self) -> usize {
        self.lanes.iter().map(|lane| lane.positions.len()).max().unwrap_or(0)
    }

    fn read_partition(
        &mut self,
        lane: usize,
        index: i32,
        records: &[Bytes],
        now: Instant,
    ) -> Result<Counts> {
        let mut counts = Counts::default();
        let positions = &mut self.lanes[lane].positions;
        let Some(at) = positions.iter().position(|position| position.partition == index) else {
            return Err(Error::Invalid(format!(
                "an answer about partition {index}, not asked for"
            )));
        };
        let Some(mut position) = positions.remove(at) else { return Ok(counts) };
        for batch in records.iter().flat_map(|slice| Batches::new(slice)) {
            let (header, batch) = batch.map_err(|error| {
                Error::Invalid(format!("partition {index} has a damaged batch: {error}"))
            })?;
            counts.records += u64::try_from(header.record_count).unwrap_or(0);
            counts.bytes += batch.len() as u64;
            position.next = header.next_offset().get();
            if let Some(sightings) = &self.sightings
                && let Some(matched) = sightings.seen(index, header.base_offset.get(), now)
            {
                self.books.borrow_mut().arrived(matched);
            }
        }
        let is_at_end = position.next >= position.end;
        let positions = &mut self.lanes[lane].positions;
        match self.mode {
            ReadMode::Once if is_at_end => return Ok(counts),
            ReadMode::Over if is_at_end => position.next = position.start,
            _ => {}
        }
        if counts.bytes > 0 {
            positions.push_back(position)
        } else {
            positions.push_front(position)
        }
        Ok(counts)
    }
}

impl Load for Fetcher {
    fn request(&mut self, correlation_id: i32) -> Result<Option<Frame>> {
        let Some(lane) = self.free.pop_front() else { return Ok(None) };
        let partitions = self.lanes[lane].positions.iter().map(|position| {
            FetchPartition::new(position.partition, position.next, self.plan.partition_max_bytes)
        });
        let request = FetchRequest {
            max_wait_ms: self.plan.max_wait_ms,
            min_bytes: self.plan.min_bytes,
            max_bytes: self.plan.max_bytes,
            topics: vec![FetchTopic {
                topic: self.topic.clone(),
                partitions: partitions.collect(),
            }],
            ..FetchRequest::default()
        };
        self.asked.push_back(lane);
        request
            .encode(correlation_id, Some(CLIENT_ID), self.version)
            .map(Some)
            .map_err(|error| Error::Invalid(format!("a Fetch cannot be encoded: {error}")))
    }

    fn answer(&mut self, answer: Bytes, due: Instant, now: Instant) -> Result<()> {
        let decoded = ResponseHeader::decode(answer, ApiKey::FETCH, self.version)
            .and_then(|(_, body)| FetchResponse::decode(body, self.version))
            .map_err(|error| Error::Invalid(format!("an answer to Fetch: {error}")))?;
        let Some(lane) = self.asked.pop_front() else {
            return Err(Error::Invalid("an answer to no Fetch".into()));
        };
        if decoded.error != ErrorCode::None {
            return Err(Error::Broker { context: "fetch".into(), code: decoded.error });
        }
        let mut counts = Counts { requests: 1, ..Counts::default() };
        for partition in decoded.topics.iter().flat_map(|topic| &topic.partitions) {
            match partition.error {
                ErrorCode::None => {
                    let records = partition.records.as_deref().unwrap_or_default();
                    counts.add(self.read_partition(lane, partition.index, records, now)?);
                }
                code if code.is_retriable() => {
                    let mut books = self.books.borrow_mut();
                    books.fetch.retriable_error(|| format!("Fetch: {code}"));
                }
                code => {
                    let context = format!("fetch from partition {}", partition.index);
                    return Err(Error::Broker { context, code });
                }
            }
        }
        if !self.lanes[lane].positions.is_empty() {
            self.free.push_back(lane);
        }
        self.books.borrow_mut().fetched(due, now, counts);
        Ok(())
    }

    fn give_up(&mut self, due: Instant, now: Instant) {
        // A long poll that nothing came for is not late.
        if self.mode != ReadMode::Follow {
            self.books.borrow_mut().fetch.give_up(due, now);
        }
    }

    fn is_done(&self) -> bool {
        match self.mode {
            ReadMode::Over => self.lanes.is_empty(),
            ReadMode::Once => self.lanes.iter().all(|lane| lane.positions.is_empty()),
            ReadMode::Follow => {
                self.sightings.as_ref().is_none_or(|sightings| sightings.is_complete())
            }
        }
    }
}
