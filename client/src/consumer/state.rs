//! Everything a consumer knows of its partitions: positions, what was fetched and is not handed out
//! yet, whom to ask for what. Pure: time and chance are arguments, and who leads what is asked for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use pelton_kafka::ErrorCode;
use pelton_model::batch::{FirstBatch, split_batch};
use pelton_model::{LeaderEpoch, NodeId, Offset, TopicId};
use tokio::time::Instant;

use super::decode::decode_batch;
use super::fetch::{FetchedAnswer, Got};
use super::options::{OffsetReset, StartAt};
use super::record::{ConsumerRecord, Event, TopicPartition};
use super::session::{Asked, Session, SessionRequest};
use crate::backoff::Backoff;
use crate::error::{Error, Result};

/// What the state must know of the options.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) prefetch_bytes_max: usize,
    pub(super) partition_bytes_max: usize,
    pub(super) batch_bytes_max: usize,
    pub(super) offset_reset: OffsetReset,
    pub(super) fetch_wait: Duration,
    pub(super) backoff: Backoff,
    /// Failures in a row become an error to the user after this.
    pub(super) retry_timeout: Duration,
}

#[derive(Debug)]
pub(super) struct State {
    rules: Rules,
    partitions: BTreeMap<TopicPartition, Assigned>,
    /// Those with something to hand out, in order of their turns. Each once.
    turns: BTreeMap<u64, TopicPartition>,
    next_turn: u64,
    /// Each with the partition that it is of, if seeking there mends it.
    errors: VecDeque<(Option<TopicPartition>, Error)>,
    sessions: BTreeMap<NodeId, Session>,
    /// Brokers that owe an answer.
    busy: BTreeSet<NodeId>,
    rotation: usize,
    next_claim: u64,
    /// The partition of the record that the user has and may still be working on, and the offset up to
    /// which it is done: that of the record, unless the user has committed more.
    in_hand: Option<(TopicPartition, Offset)>,
    /// Nothing is handed out: partitions are about to be given away.
    is_held: bool,
    is_closed: bool,
    /// Since that was last asked.
    has_made_room: bool,
}

#[derive(Debug)]
struct Assigned {
    claim: u64,
    /// Of the next record to be handed out. Means nothing while `start` is there.
    position: Offset,
    /// Of the next record to be fetched.
    fetch_position: Offset,
    /// Where to begin, as long as that is not an offset.
    start: Option<Start>,
    is_paused: bool,
    turn: Option<u64>,
    high_watermark: Option<Offset>,
    log_start_offset: Option<Offset>,
    /// Of the record that was handed out last.
    last_leader_epoch: Option<LeaderEpoch>,
    /// Where the end was last reported.
    end_reported: Option<Offset>,
    /// The first answer is wanted at once, also if it is empty: it tells where the end is.
    is_fresh: bool,
    failures: u32,
    /// Since when there are only failures.
    failing_since: Option<Instant>,
    not_before: Option<Instant>,
    /// It failed last for want of a leader: who finds one need not wait until `not_before`.
    is_leaderless: bool,
    ready: VecDeque<Ready>,
    ready_bytes: usize,
    /// The batch that is being handed out.
    records: VecDeque<ConsumerRecord>,
    records_epoch: Option<LeaderEpoch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// To be found out.
    At(StartAt),
    /// Somebody is finding it out.
    Asked,
    /// Only the user knows.
    Nowhere,
}

#[derive(Debug)]
enum Ready {
    /// From this offset on.
    Batches(Offset, Bytes),
    End(Offset),
}

/// Who leads a partition, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leader {
    pub(super) node: NodeId,
    pub(super) epoch: Option<LeaderEpoch>,
    pub(super) topic_id: TopicId,
}

/// A fetch to be made.
#[derive(Debug)]
pub(super) struct ToFetch {
    pub(super) node: NodeId,
    pub(super) session: SessionRequest,
    pub(super) told: BTreeMap<TopicPartition, TopicId>,
    pub(super) wait: Duration,
}

/// An offset to be found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ToFind {
    pub(super) of: TopicPartition,
    pub(super) claim: u64,
    pub(super) start: StartAt,
}

/// How far a partition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) position: Offset,
    pub(super) leader_epoch: Option<LeaderEpoch>,
}

impl State {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            partitions: BTreeMap::new(),
            turns: BTreeMap::new(),
            next_turn: 0,
            errors: VecDeque::new(),
            sessions: BTreeMap::new(),
            busy: BTreeSet::new(),
            rotation: 0,
            next_claim: 0,
            in_hand: None,
            is_held: false,
            is_closed: false,
            has_made_room: false,
        }
    }

    /// Begins, or begins anew, with a partition.
    pub(super) fn assign(&mut self, of: TopicPartition, start: StartAt) {
        self.unassign(&of);
        self.next_claim += 1;
        self.partitions.insert(of, Assigned::new(self.next_claim, start));
    }

    /// Begins with a partition of which only the user knows where: has it told so until it seeks.
    pub(super) fn assign_nowhere(&mut self, of: TopicPartition) {
        self.assign(of.clone(), StartAt::Offset(Offset::ZERO));
        if let Some(assigned) = self.partitions.get_mut(&of) {
            assigned.start = Some(Start::Nowhere);
        }
    }

    /// Goes on elsewhere in a partition that is assigned, paused or not.
    pub(super) fn seek(&mut self, of: &TopicPartition, start: StartAt) -> Result<()> {
        let Some(before) = self.partitions.get(of) else { return Err(not_assigned(of)) };
        let is_paused = before.is_paused;
        self.assign(of.clone(), start);
        if let Some(assigned) = self.partitions.get_mut(of) {
            assigned.is_paused = is_paused;
        }
        Ok(())
    }

    /// Lets go of a partition and of what was fetched of it.
    pub(super) fn unassign(&mut self, of: &TopicPartition) {
        if let Some(assigned) = self.partitions.remove(of) {
            self.has_made_room |= assigned.ready_bytes > 0;
            if let Some(turn) = assigned.turn {
                self.turns.remove(&turn);
            }
        }
        self.errors.retain(|(other, _)| other.as_ref() != Some(of));
        if self.in_hand.as_ref().is_some_and(|(in_hand, _)| in_hand == of) {
            self.in_hand = None;
        }
    }

    /// What was fetched is kept until the partition is resumed, and takes nobody's room meanwhile.
    pub(super) fn pause(&mut self, of: &TopicPartition, is_paused: bool) -> Result<()> {
        let Some(assigned) = self.partitions.get_mut(of) else { return Err(not_assigned(of)) };
        assigned.is_paused = is_paused;
        self.has_made_room |= is_paused && assigned.ready_bytes > 0;
        self.take_turn(of);
        Ok(())
    }

    pub(super) fn assignment(&self) -> Vec<TopicPartition> {
        self.partitions.keys().cloned().collect()
    }

    /// Of the next record to be handed out; None while that is being found out.
    pub(super) fn position(&self, of: &TopicPartition) -> Option<Offset> {
        let assigned = self.partitions.get(of)?;
        assigned.start.is_none().then_some(assigned.position)
    }

    /// Offsets between the position and the end as the last answer told it.
    pub(super) fn lag(&self, of: &TopicPartition) -> Option<i64> {
        let end = self.partitions.get(of)?.high_watermark?;
        Some(end.get().saturating_sub(self.position(of)?.get()).max(0))
    }

    /// How far all partitions are whose positions are known. What the user may still be working on
    /// counts only if `with_in_hand`.
    pub(super) fn progress(&self, with_in_hand: bool) -> BTreeMap<TopicPartition, Progress> {
        let known = self.partitions.iter().filter(|(_, assigned)| assigned.start.is_none());
        let progress = known.map(|(of, assigned)| {
            let in_hand = self.in_hand.as_ref().filter(|(other, _)| other == of && !with_in_hand);
            let position = in_hand.map_or(assigned.position, |(_, offset)| *offset);
            (of.clone(), Progress { position, leader_epoch: assigned.last_leader_epoch })
        });
        progress.collect()
    }

    /// The user commits this by itself: a later commit of [`State::progress`] does not take it back.
    pub(super) fn is_done_up_to(&mut self, of: &TopicPartition, offset: Offset) {
        let position = self.position(of);
        if let (Some((in_hand, done)), Some(position)) = (&mut self.in_hand, position)
            && in_hand == of
        {
            *done = offset.min(position).max(*done);
        }
    }

    /// Hands out nothing, or goes on.
    pub(super) fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
    }

    pub(super) fn is_held(&self) -> bool {
        self.is_held
    }

    /// Nothing is read any more.
    pub(super) fn close(&mut self) {
        let all = self.assignment();
        all.iter().for_each(|of| self.unassign(of));
        self.errors.clear();
        self.is_closed = true;
    }

    /// Whether the user is done with the record that it got.
    pub(super) fn is_hand_empty(&self) -> bool {
        self.in_hand.is_none()
    }

    /// The next event that was fetched already.
    pub(super) fn next(&mut self) -> Option<Result<Event>> {
        self.in_hand = None;
        if let Some((_, error)) = self.next_error().and_then(|at| self.errors.remove(at)) {
            return Some(Err(error));
        }
        if self.is_closed {
            return Some(Err(Error::Closed));
        }
        if self.is_held {
            return None;
        }
        while let Some(of) = self.turns.values().next().cloned() {
            if let Some(event) = self.next_of(&of) {
                return Some(event);
            }
            // To the end of the queue, so that a partition that gets ever more starves nobody.
            self.end_turn();
            self.take_turn(&of);
        }
        None
    }

    /// Which of the errors is to be told: while held, somebody may still mend those of partitions.
    fn next_error(&self) -> Option<usize> {
        self.errors.iter().position(|(of, _)| of.is_none() || !self.is_held)
    }

    /// The next event of a partition whose turn it is; None at the end of what one answer brought.
    fn next_of(&mut self, of: &TopicPartition) -> Option<Result<Event>> {
        let assigned = self.partitions.get_mut(of).filter(|assigned| !assigned.is_paused)?;
        loop {
            if let Some(record) = assigned.records.pop_front() {
                assigned.position = record.offset.plus(1);
                assigned.last_leader_epoch = assigned.records_epoch;
                self.in_hand = Some((of.clone(), record.offset));
                return Some(Ok(Event::Record(record)));
            }
            match assigned.ready.front_mut()? {
                Ready::End(offset) => {
                    let offset = *offset;
                    assigned.ready.pop_front();
                    // Offsets without records: of control batches, or compacted away.
                    assigned.position = assigned.position.max(offset);
                    let (topic, partition) = (of.topic.clone(), of.partition);
                    return Some(Ok(Event::EndOfPartition { topic, partition, offset }));
                }
                Ready::Batches(from, batches) => {
                    let from = (*from).max(assigned.position);
                    let before = batches.len();
                    let decoded = decode_first(
                        of,
                        from,
                        batches,
                        self.rules.batch_bytes_max,
                        &mut assigned.records,
                    );
                    let taken = before - batches.len();
                    self.has_made_room |= taken > 0;
                    assigned.ready_bytes -= taken;
                    match decoded {
                        Ok(Some(Decoded { next_offset, leader_epoch })) => {
                            assigned.records_epoch = Some(leader_epoch);
                            if assigned.records.is_empty() {
                                assigned.position = assigned.position.max(next_offset);
                            }
                        }
                        Ok(None) => {
                            assigned.ready.pop_front();
                            return None;
                        }
                        Err(error) => {
                            // Asked for again from here, when the user asks again.
                            let position = assigned.position;
                            let again = StartAt::Offset(position);
                            let _ = self.seek(of, again);
                            return Some(Err(error));
                        }
                    }
                }
            }
        }
    }

    fn end_turn(&mut self) {
        if let Some((_, of)) = self.turns.pop_first()
            && let Some(assigned) = self.partitions.get_mut(&of)
        {
            assigned.turn = None;
        }
    }

    fn take_turn(&mut self, of: &TopicPartition) {
        let Some(assigned) = self.partitions.get_mut(of) else { return };
        let has_something = !assigned.ready.is_empty() || !assigned.records.is_empty();
        if has_something && !assigned.is_paused && assigned.turn.is_none() {
            assigned.turn = Some(self.next_turn);
            self.turns.insert(self.next_turn, of.clone());
            self.next_turn += 1;
        }
    }

    /// The offsets that somebody should find out now.
    pub(super) fn take_to_find(&mut self, now: Instant, chance: f64) -> Vec<ToFind> {
        let (mut found, mut nowhere) = (Vec::new(), Vec::new());
        for (of, assigned) in &mut self.partitions {
            if assigned.not_before.is_some_and(|at| at > now) {
                continue;
            }
            match assigned.start {
                Some(Start::At(start)) => {
                    assigned.start = Some(Start::Asked);
                    found.push(ToFind { of: of.clone(), claim: assigned.claim, start });
                }
                Some(Start::Nowhere) => nowhere.push(of.clone()),
                Some(Start::Asked) | None => {}
            }
        }
        for of in nowhere {
            let context = format!("{of}, of which nothing is committed");
            let error = Error::broker(context, ErrorCode::OffsetOutOfRange);
            self.partition_failed(&of, error, now, chance);
        }
        found
    }

    /// What was found out, or why not.
    pub(super) fn found(
        &mut self,
        find: &ToFind,
        offset: Result<Offset>,
        now: Instant,
        chance: f64,
    ) {
        let Some(assigned) = self.partitions.get_mut(&find.of) else { return };
        if assigned.claim != find.claim {
            return;
        }
        match offset {
            Ok(offset) => {
                assigned.start = None;
                (assigned.position, assigned.fetch_position) = (offset, offset);
                assigned.works();
            }
            Err(error) => {
                assigned.start = Some(Start::At(find.start));
                self.partition_failed(&find.of, error, now, chance);
            }
        }
    }

    /// A fetch from every broker that owes nothing, for what it leads and we have room for.
    /// `leader` is asked for every partition, or why it has none; the second part tells whose topics
    /// should be asked for anew.
    pub(super) fn take_to_fetch(
        &mut self,
        now: Instant,
        chance: f64,
        leader: impl Fn(&TopicPartition) -> Result<Leader>,
    ) -> (Vec<ToFetch>, Vec<TopicPartition>) {
        let mut leaderless = Vec::new();
        if self.buffered_bytes() >= self.rules.prefetch_bytes_max {
            return (Vec::new(), Vec::new());
        }
        let mut by_leader: BTreeMap<NodeId, Vec<(TopicPartition, Asked)>> = BTreeMap::new();
        let mut fresh = BTreeSet::new();
        for (of, assigned) in &mut self.partitions {
            let is_due = assigned.not_before.is_none_or(|at| at <= now);
            let is_wanted = assigned.start.is_none()
                && !assigned.is_paused
                && assigned.ready_bytes < self.rules.partition_bytes_max
                && (is_due || assigned.is_leaderless);
            if !is_wanted {
                continue;
            }
            let leader = leader(of);
            assigned.is_leaderless = leader.is_err();
            match leader {
                Err(error) if is_due => leaderless.push((of.clone(), error)),
                Err(_) => {}
                Ok(leader) if self.busy.contains(&leader.node) => {}
                Ok(Leader { node, epoch, topic_id }) => {
                    let asked = Asked {
                        topic_id,
                        position: assigned.fetch_position,
                        leader_epoch: epoch,
                        claim: assigned.claim,
                    };
                    by_leader.entry(node).or_default().push((of.clone(), asked));
                    if assigned.is_fresh {
                        fresh.insert(node);
                    }
                }
            }
        }
        let fetches = by_leader.into_iter().map(|(node, mut wanted)| {
            // Each time another partition comes first, and gets the answer's bytes first.
            self.rotation = self.rotation.wrapping_add(1);
            let first = self.rotation % wanted.len();
            wanted.rotate_left(first);
            self.busy.insert(node);
            let session = self.sessions.entry(node).or_default();
            let request = session.request(wanted);
            let told = session.told().iter().map(|(of, asked)| (of.clone(), asked.topic_id));
            let wait = if fresh.contains(&node) { Duration::ZERO } else { self.rules.fetch_wait };
            ToFetch { node, session: request, told: told.collect(), wait }
        });
        let fetches = fetches.collect();
        let suspect = leaderless.into_iter().map(|(of, error)| {
            self.partition_failed(&of, error, now, chance);
            of
        });
        (fetches, suspect.collect())
    }

    /// What waits to be handed out. Without what is paused: the user may never ask for that, and
    /// waits for the others.
    fn buffered_bytes(&self) -> usize {
        let read = self.partitions.values().filter(|assigned| !assigned.is_paused);
        read.map(|assigned| assigned.ready_bytes).sum()
    }

    /// An answer. Tells whose topics should be asked for anew.
    pub(super) fn fetched(
        &mut self,
        node: NodeId,
        answer: Result<FetchedAnswer>,
        now: Instant,
        chance: f64,
    ) -> Vec<TopicPartition> {
        self.busy.remove(&node);
        let session = self.sessions.entry(node).or_default();
        let told = session.told().clone();
        let mut suspect = Vec::new();
        let mut answer = match answer {
            Ok(answer) => {
                let is_incremental = session.is_incremental();
                session.answered(answer.session_id);
                let is_empty = !is_incremental && answer.partitions.is_empty();
                if is_empty && answer.throttle > Duration::ZERO {
                    // All that a broker says to who exceeds a quota (KIP-219).
                    self.put_off(&told, now + answer.throttle);
                    return suspect;
                }
                let missing = told.keys().filter(|of| !answer.partitions.contains_key(of));
                let missing: Vec<_> = missing.cloned().collect();
                let mut answer = answer;
                for of in missing.into_iter().filter(|_| !is_incremental) {
                    let context = format!("fetch from {of}");
                    let error = Error::protocol(context, "is missing in the answer");
                    answer.partitions.insert(of, Err(error));
                }
                session.heard(&answer.partitions);
                answer
            }
            Err(error) => {
                session.failed(error.code());
                if is_of_the_session(&error) {
                    return suspect;
                }
                let all = told.keys().map(|of| (of.clone(), Err(error.clone())));
                FetchedAnswer { partitions: all.collect(), ..FetchedAnswer::default() }
            }
        };
        for (of, asked) in told {
            let Some(assigned) = self.partitions.get_mut(&of) else { continue };
            // It may have been assigned anew, or have moved, while the fetch was away.
            if assigned.claim != asked.claim || assigned.fetch_position != asked.position {
                continue;
            }
            match answer.partitions.remove(&of) {
                // No news within a session: all has been read.
                None => {
                    assigned.works();
                    // But who begins anew, even at the same place, has not been told the end yet.
                    let is_fresh = std::mem::take(&mut assigned.is_fresh);
                    let session = self.sessions.get(&node).filter(|_| is_fresh);
                    if let Some(ends) = session.and_then(|session| session.last_heard(&of)) {
                        self.accept(&of, ends, now, chance);
                    }
                }
                Some(Ok(got)) => self.accept(&of, got, now, chance),
                Some(Err(error)) => {
                    suspect.push(of.clone());
                    self.partition_failed(&of, error, now, chance);
                }
            }
        }
        suspect
    }

    /// These are asked for again, but not before then.
    fn put_off(&mut self, told: &BTreeMap<TopicPartition, Asked>, until: Instant) {
        for (of, asked) in told {
            let assigned = self.partitions.get_mut(of);
            if let Some(assigned) = assigned.filter(|assigned| assigned.claim == asked.claim) {
                assigned.not_before = Some(until);
            }
        }
    }

    fn accept(&mut self, of: &TopicPartition, got: Got, now: Instant, chance: f64) {
        let Some(assigned) = self.partitions.get_mut(of) else { return };
        assigned.is_fresh = false;
        assigned.high_watermark = Some(got.high_watermark);
        assigned.log_start_offset = got.log_start_offset;
        let from = assigned.fetch_position;
        let mut rest: &[u8] = &got.records;
        loop {
            match split_batch(rest) {
                Ok(Some(FirstBatch { header, rest: behind, .. })) => {
                    assigned.fetch_position = assigned.fetch_position.max(header.next_offset());
                    rest = behind;
                }
                Ok(None) => break,
                Err(error) if rest.len() == got.records.len() => {
                    let error = Error::protocol(format!("{of}"), error);
                    return self.partition_failed(of, error, now, chance);
                }
                // What is in front of it comes first; then it is asked for again.
                Err(_) => break,
            }
        }
        assigned.works();
        let whole_bytes = got.records.len() - rest.len();
        if whole_bytes > 0 {
            assigned.ready.push_back(Ready::Batches(from, got.records.slice(..whole_bytes)));
            assigned.ready_bytes += whole_bytes;
        }
        let offset = assigned.fetch_position;
        if offset >= got.high_watermark && assigned.end_reported != Some(offset) {
            assigned.end_reported = Some(offset);
            assigned.ready.push_back(Ready::End(offset));
        }
        self.take_turn(of);
    }

    /// Has the partition asked for again later, and the user told if that is of no use.
    fn partition_failed(&mut self, of: &TopicPartition, error: Error, now: Instant, chance: f64) {
        let rules = self.rules;
        let Some(assigned) = self.partitions.get_mut(of) else { return };
        assigned.failures = assigned.failures.saturating_add(1);
        assigned.not_before = Some(now + rules.backoff.pause(assigned.failures, chance));
        if error.code() == Some(ErrorCode::OffsetOutOfRange) {
            let position = assigned.fetch_position;
            // Not the positions: behind offsets without records they stay apart.
            if !assigned.ready.is_empty() || !assigned.records.is_empty() {
                // What is here already comes first; then it is asked for again.
                return;
            }
            let start = match rules.offset_reset {
                OffsetReset::Earliest => StartAt::Beginning,
                OffsetReset::Latest => StartAt::End,
                OffsetReset::Fail => return self.tell_of(Some(of.clone()), error),
            };
            tracing::warn!(%of, %position, "offset out of range, going on elsewhere");
            let _ = self.seek(of, start);
            return;
        }
        let since = *assigned.failing_since.get_or_insert(now);
        if !error.is_retriable() || now - since > rules.retry_timeout {
            assigned.failing_since = None;
            self.tell(error);
        }
    }

    /// Whether room was made since this was last asked: then more may be fetched.
    pub(super) fn take_has_made_room(&mut self) -> bool {
        std::mem::take(&mut self.has_made_room)
    }

    /// Whether [`State::next`] would give something.
    pub(super) fn has_something(&self) -> bool {
        self.next_error().is_some() || (!self.turns.is_empty() && !self.is_held)
    }

    /// An error for the user that is of no partition.
    pub(super) fn tell(&mut self, error: Error) {
        self.tell_of(None, error);
    }

    /// Once, however often it comes before the user hears of it.
    fn tell_of(&mut self, of: Option<TopicPartition>, error: Error) {
        if !self.errors.iter().any(|(_, other)| *other == error) {
            self.errors.push_back((of, error));
        }
    }

    /// When something can be asked for that could not at `now`, the moment of
    /// [`State::take_to_find`] and [`State::take_to_fetch`].
    pub(super) fn next_alarm(&self, now: Instant) -> Option<Instant> {
        let waiting = self.partitions.values().filter_map(|assigned| assigned.not_before);
        waiting.filter(|&at| at > now).min()
    }
}

impl Assigned {
    fn works(&mut self) {
        self.failures = 0;
        self.failing_since = None;
        self.not_before = None;
    }

    fn new(claim: u64, start: StartAt) -> Self {
        let (position, start) = match start {
            StartAt::Offset(offset) => (offset, None),
            start => (Offset::ZERO, Some(Start::At(start))),
        };
        Self {
            claim,
            position,
            fetch_position: position,
            start,
            is_paused: false,
            turn: None,
            high_watermark: None,
            log_start_offset: None,
            last_leader_epoch: None,
            end_reported: None,
            is_fresh: true,
            failures: 0,
            failing_since: None,
            not_before: None,
            is_leaderless: false,
            ready: VecDeque::new(),
            ready_bytes: 0,
            records: VecDeque::new(),
            records_epoch: None,
        }
    }
}

fn not_assigned(of: &TopicPartition) -> Error {
    Error::Invalid(format!("{of} is not assigned").into())
}

/// Whether the next request, in a new session, mends it.
fn is_of_the_session(error: &Error) -> bool {
    matches!(
        error.code(),
        Some(
            ErrorCode::FetchSessionIdNotFound
                | ErrorCode::InvalidFetchSessionEpoch
                | ErrorCode::FetchSessionTopicIdError
        )
    )
}

struct Decoded {
    next_offset: Offset,
    leader_epoch: LeaderEpoch,
}

/// Takes the first batch off; None when there is none any more.
fn decode_first(
    of: &TopicPartition,
    from: Offset,
    batches: &mut Bytes,
    bytes_max: usize,
    into: &mut VecDeque<ConsumerRecord>,
) -> Result<Option<Decoded>> {
    let fail = |error| Error::protocol(of.to_string(), error);
    let Some(FirstBatch { header, batch, .. }) = split_batch(batches).map_err(fail)? else {
        return Ok(None);
    };
    let batch_bytes = batch.len();
    let batch = batches.split_to(batch_bytes);
    decode_batch(of, &header, &batch, from, bytes_max, into)?;
    Ok(Some(Decoded { next_offset: header.next_offset(), leader_epoch: header.leader_epoch }))
}

#[cfg(test)]
#[path = "state_test.rs"]
mod state_test;
