//! A connection that fetches, and looks at nothing but headers.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use pelton_kafka::fetch::{
    self, FetchPartition, FetchRequest, FetchResponse, FetchTopic, ForgottenTopic,
};
use pelton_kafka::{ApiKey, ErrorCode, Frame, ResponseHeader, TopicRef};
use pelton_model::batch::Batches;

use super::books::Books;
use super::fetch_session::FetchSession;
use super::session::Load;
use crate::assignment::Share;
use crate::connection::{CLIENT_ID, Connection};
use crate::error::{Error, Result};
use crate::plan::{FetchPlan, Plan};
use crate::sightings::{Sightings, UNMATCHED_MAX};
use crate::tally::{Counts, GivenUp};
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
    /// Be done; a partition that is refused ends the run.
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
    positions: BTreeMap<i32, Position>,
    /// Where a request that names all partitions begins: behind the last that got bytes, since a
    /// broker fills its answer from the front.
    first: i32,
    session: FetchSession,
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
            positions: positions
                .iter()
                .skip(lane)
                .step_by(lane_count)
                .map(|position| (position.partition, *position))
                .collect(),
            first: 0,
            session: FetchSession::new(plan.fetch.has_sessions && version >= 7),
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
        let lane = &mut self.lanes[lane];
        let Some(position) = lane.positions.get_mut(&index) else {
            return Err(Error::Invalid(format!(
                "an answer about partition {index}, not asked for"
            )));
        };
        for batch in records.iter().flat_map(|slice| Batches::new(slice)) {
            let (header, batch) = batch.map_err(|error| {
                Error::Invalid(format!("partition {index} has a damaged batch: {error}"))
            })?;
            counts.records += u64::try_from(header.record_count).unwrap_or(0);
            counts.bytes += batch.len() as u64;
            position.next = header.next_offset().get();
            let Some(sightings) = &self.sightings else { continue };
            if let Some(matched) = sightings.seen(index, header.base_offset.get(), now) {
                self.books.borrow_mut().arrived(matched);
            } else if sightings.unclaimed() > UNMATCHED_MAX {
                return Err(Error::Invalid(format!(
                    "more than {UNMATCHED_MAX} batches are not the load's: somebody else produces"
                )));
            }
        }
        if counts.bytes == 0 {
            return Ok(counts);
        }
        let is_at_end = position.next >= position.end;
        if is_at_end && self.mode == ReadMode::Over {
            position.next = position.start;
        }
        lane.first = index.saturating_add(1);
        lane.session.change(index);
        if is_at_end && self.mode == ReadMode::Once {
            lane.positions.remove(&index);
            lane.session.forget(index);
        }
        Ok(counts)
    }
}

impl Lane {
    /// The partitions that a request names, all or some, and where to read them.
    fn named(&self, some: Option<&BTreeSet<i32>>, max_bytes: i32) -> Vec<FetchPartition> {
        let asked =
            |position: &Position| FetchPartition::new(position.partition, position.next, max_bytes);
        match some {
            Some(some) => some.iter().filter_map(|at| self.positions.get(at)).map(asked).collect(),
            None => {
                let behind = self.positions.range(self.first..);
                behind.chain(self.positions.range(..self.first)).map(|(_, at)| asked(at)).collect()
            }
        }
    }
}

impl Load for Fetcher {
    fn request(&mut self, correlation_id: i32) -> Result<Option<Frame>> {
        let Some(at) = self.free.pop_front() else { return Ok(None) };
        let lane = &mut self.lanes[at];
        let asking = lane.session.ask();
        let partitions = lane.named(asking.partitions.as_ref(), self.plan.partition_max_bytes);
        let topics = match partitions.is_empty() {
            true => Vec::new(),
            false => vec![FetchTopic { topic: self.topic.clone(), partitions }],
        };
        let forgotten_topics = match asking.forgotten.is_empty() {
            true => Vec::new(),
            false => vec![ForgottenTopic {
                topic: self.topic.clone(),
                partitions: asking.forgotten.into_iter().collect(),
            }],
        };
        let request = FetchRequest {
            max_wait_ms: self.plan.max_wait_ms,
            min_bytes: self.plan.min_bytes,
            max_bytes: self.plan.max_bytes,
            session_id: asking.session_id,
            session_epoch: asking.session_epoch,
            topics,
            forgotten_topics,
            ..FetchRequest::default()
        };
        self.asked.push_back(at);
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
        if self.lanes[lane].session.is_lost(decoded.error) {
            let mut books = self.books.borrow_mut();
            books.fetch.retriable_error(|| format!("Fetch: {}", decoded.error));
            books.fetch_refused(now, Counts::default());
            self.free.push_back(lane);
            return Ok(());
        }
        if decoded.error != ErrorCode::None {
            return Err(Error::Broker { context: "fetch".into(), code: decoded.error });
        }
        self.lanes[lane].session.answered(decoded.session_id);
        let mut counts = Counts { requests: 1, ..Counts::default() };
        let mut is_refused = false;
        for partition in decoded.topics.iter().flat_map(|topic| &topic.partitions) {
            match partition.error {
                ErrorCode::None => {
                    let records = partition.records.as_deref().unwrap_or_default();
                    counts.add(self.read_partition(lane, partition.index, records, now)?);
                }
                // What is read to its end would be asked for without one.
                code if code.is_retriable() && self.mode != ReadMode::Once => {
                    is_refused = true;
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
        let mut books = self.books.borrow_mut();
        match is_refused {
            true => books.fetch_refused(now, counts),
            false => books.fetched(due, now, counts),
        }
        Ok(())
    }

    fn give_up(&mut self, due: Instant, now: Instant, given_up: GivenUp) {
        // A long poll that nothing came for is not late.
        if self.mode != ReadMode::Follow {
            self.books.borrow_mut().fetch.give_up(due, now, given_up);
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

#[cfg(test)]
#[path = "fetch_test.rs"]
mod fetch_test;
