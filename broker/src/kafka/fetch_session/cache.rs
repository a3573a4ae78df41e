//! All sessions of a shard: their ids, their epochs, and which of them gives way to another.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pelton_kafka::fetch::FetchRequest;
use pelton_kafka::{ErrorCode, TopicRef};
use pelton_model::ShardId;

use super::session::{Answered, FetchSession, Wanted, listed};

/// Begins a session.
const INITIAL_EPOCH: i32 = 0;
/// Ends a session, or never had one.
const FINAL_EPOCH: i32 = -1;
/// Of requests and answers without a session.
const NO_SESSION: i32 = 0;

/// A session that is idle for longer may be evicted by any, one that is older by a larger one.
const EVICTION_AGE: Duration = Duration::from_secs(120);

/// What one partition of a session takes, roughly; and up to as much again for a name.
const PARTITION_BYTES: usize = 250;

/// Of all sessions of a shard together: 25 to 50 MB. Kafka bounds only the sessions.
const PARTITIONS_MAX: usize = 100_000;

/// No topic has a longer name, so a session for one serves nobody; it would only hold memory.
const TOPIC_NAME_BYTES_MAX: usize = 249;

/// What a request comes to.
#[derive(Debug, PartialEq, Eq)]
pub enum Begun {
    /// To be fetched and then given to [`FetchSessions::finish`].
    Wanted { turn: Turn, wanted: Vec<Wanted> },
    /// Nothing is fetched; answered without a session.
    Refused(ErrorCode),
}

/// A request between its beginning and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Sessionless,
    /// The answer begins a session.
    First {
        by_id: bool,
    },
    /// `epoch` is what the session expects next, unless another request comes between.
    Next {
        session_id: i32,
        epoch: i32,
    },
}

/// What the answer says of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    pub error: ErrorCode,
    /// 0: none.
    pub session_id: i32,
}

/// See the module.
pub struct FetchSessions {
    /// The top bits of the ids given out here.
    id_base: i32,
    /// The bits below.
    id_mask: i32,
    slots: usize,
    partitions_max: usize,
    sessions: BTreeMap<i32, Entry>,
    /// All, the longest idle first.
    by_last_use: BTreeSet<(Duration, i32)>,
    /// Those that are old enough to give way to a larger one, the smallest first.
    evictable: BTreeSet<(usize, i32)>,
    partition_count: usize,
    evictions: u64,
}

struct Entry {
    session: FetchSession,
    created: Duration,
    last_used: Duration,
    /// As it is in `evictable` and `partition_count`.
    counted: usize,
}

impl FetchSessions {
    /// `slots_of_broker` is Kafka's `max.incremental.fetch.session.cache.slots`, which the shards
    /// divide; 0: no sessions.
    pub fn new(shard: ShardId, shard_count: usize, slots_of_broker: usize) -> Self {
        let others = u32::try_from(shard_count.saturating_sub(1)).unwrap_or(u32::MAX);
        // An id is positive. A `ShardId` has 16 bits, so at least 15 are left to draw.
        let bits_drawn = 31 - (u32::BITS - others.leading_zeros()).min(16);
        let id_mask = ((1u32 << bits_drawn) - 1) as i32;
        Self {
            id_base: ((u32::from(shard.get()) << bits_drawn) & i32::MAX as u32) as i32,
            id_mask,
            // So that there is always an id that is free.
            slots: slots_of_broker.div_ceil(shard_count.max(1)).min(id_mask as usize / 2),
            partitions_max: PARTITIONS_MAX,
            sessions: BTreeMap::new(),
            by_last_use: BTreeSet::new(),
            evictable: BTreeSet::new(),
            partition_count: 0,
            evictions: 0,
        }
    }

    pub fn count(&self) -> usize {
        self.sessions.len()
    }

    pub fn partition_count(&self) -> usize {
        self.partition_count
    }

    /// What all of them keep in memory, but for names: an estimate.
    pub fn state_bytes(&self) -> usize {
        self.partition_count * PARTITION_BYTES
    }

    /// Since the start.
    pub fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Takes a request into its session. `by_id` tells whether its version identifies topics.
    ///
    /// A full fetch ends the session that it names, if that is here. Errors leave the session as it
    /// was: [70] for an id that is not of a session here, [71] for another epoch than the session
    /// expects, [106] for names in a session of ids or the reverse.
    pub fn begin(&mut self, now: Duration, request: &FetchRequest, by_id: bool) -> Begun {
        let session_id = request.session_id;
        let turn = match request.session_epoch {
            FINAL_EPOCH => Turn::Sessionless,
            INITIAL_EPOCH => Turn::First { by_id },
            epoch => return self.continued(now, request, by_id, epoch),
        };
        self.remove(session_id);
        Begun::Wanted { turn, wanted: listed(&request.topics) }
    }

    fn continued(
        &mut self,
        now: Duration,
        request: &FetchRequest,
        by_id: bool,
        epoch: i32,
    ) -> Begun {
        let session_id = request.session_id;
        let Some(Entry { session, .. }) = self.sessions.get_mut(&session_id) else {
            return Begun::Refused(ErrorCode::FetchSessionIdNotFound);
        };
        if session.epoch != epoch {
            return Begun::Refused(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.by_id != by_id {
            return Begun::Refused(ErrorCode::FetchSessionTopicIdError);
        }
        if request.topics.iter().any(|listed| !is_cacheable(&listed.topic)) {
            self.remove(session_id);
            return Begun::Refused(ErrorCode::FetchSessionIdNotFound);
        }
        session.update(&request.topics, &request.forgotten_topics);
        let size = session.partition_count();
        if size == 0 {
            self.remove(session_id);
            return Begun::Wanted { turn: Turn::Sessionless, wanted: listed(&request.topics) };
        }
        session.epoch = next_epoch(epoch);
        let turn = Turn::Next { session_id, epoch: session.epoch };
        let wanted = session.wanted();
        self.touch(session_id, now);
        while self.partition_count > self.partitions_max {
            if !self.evict(now, size) {
                self.remove(session_id);
                return Begun::Refused(ErrorCode::FetchSessionIdNotFound);
            }
        }
        Begun::Wanted { turn, wanted }
    }

    /// Makes answers to all that was wanted into the answer to the request: begins the session of a
    /// full fetch, or leaves only the news. `random` is for the id of a new session.
    pub fn finish(
        &mut self,
        now: Duration,
        turn: Turn,
        answers: &mut Vec<Answered>,
        random: u64,
    ) -> Finished {
        let (error, session_id) = match turn {
            Turn::Sessionless => (ErrorCode::None, NO_SESSION),
            Turn::First { by_id } => (ErrorCode::None, self.create(now, by_id, answers, random)),
            Turn::Next { session_id, epoch } => match self.sessions.get_mut(&session_id) {
                Some(Entry { session, .. }) if session.epoch == epoch => {
                    session.retain_news(answers);
                    (ErrorCode::None, session_id)
                }
                // Another request took its turn.
                Some(_) => {
                    answers.clear();
                    (ErrorCode::InvalidFetchSessionEpoch, session_id)
                }
                // Evicted meanwhile, which the next request will be told.
                None => (ErrorCode::None, session_id),
            },
        };
        Finished { error, session_id }
    }

    /// The new session's id; 0 if there is no room for it.
    fn create(&mut self, now: Duration, by_id: bool, answers: &[Answered], random: u64) -> i32 {
        let size = answers.len();
        if self.slots == 0
            || size > self.partitions_max
            || answers.iter().any(|answered| !is_cacheable(&answered.wanted.topic))
        {
            return NO_SESSION;
        }
        while self.sessions.len() >= self.slots || self.partition_count + size > self.partitions_max
        {
            if !self.evict(now, size) {
                return NO_SESSION;
            }
        }
        let id = self.new_id(random);
        let session = FetchSession::new(by_id, answers);
        self.sessions.insert(id, Entry { session, created: now, last_used: now, counted: 0 });
        self.touch(id, now);
        id
    }

    fn new_id(&self, random: u64) -> i32 {
        let mut drawn = (random & self.id_mask as u64) as i32;
        loop {
            let id = self.id_base | drawn;
            if id != NO_SESSION && !self.sessions.contains_key(&id) {
                return id;
            }
            drawn = (drawn + 1) & self.id_mask;
        }
    }

    /// Notes a use, and what size the session has now.
    fn touch(&mut self, id: i32, now: Duration) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        self.by_last_use.remove(&(entry.last_used, id));
        self.evictable.remove(&(entry.counted, id));
        self.partition_count -= entry.counted;
        entry.last_used = now;
        entry.counted = entry.session.partition_count();
        self.by_last_use.insert((now, id));
        self.partition_count += entry.counted;
        if now.saturating_sub(entry.created) > EVICTION_AGE {
            self.evictable.insert((entry.counted, id));
        }
    }

    /// Makes room for a session of `size` partitions: the one that is idle for longest, if for long
    /// enough, or else the smallest of the old ones, if that is smaller.
    fn evict(&mut self, now: Duration, size: usize) -> bool {
        let stale = self
            .by_last_use
            .first()
            .filter(|(last_used, _)| now.saturating_sub(*last_used) > EVICTION_AGE);
        let smaller = self.evictable.first().filter(|(counted, _)| *counted < size);
        let victim = stale.map(|(_, id)| *id).or(smaller.map(|(_, id)| *id));
        let Some(victim) = victim else { return false };
        self.remove(victim);
        self.evictions += 1;
        true
    }

    fn remove(&mut self, id: i32) {
        if let Some(entry) = self.sessions.remove(&id) {
            self.by_last_use.remove(&(entry.last_used, id));
            self.evictable.remove(&(entry.counted, id));
            self.partition_count -= entry.counted;
        }
    }
}

fn next_epoch(epoch: i32) -> i32 {
    epoch.checked_add(1).unwrap_or(1)
}

fn is_cacheable(topic: &TopicRef) -> bool {
    topic.name().is_none_or(|name| name.len() <= TOPIC_NAME_BYTES_MAX)
}

#[cfg(test)]
#[path = "cache_test.rs"]
mod cache_test;
