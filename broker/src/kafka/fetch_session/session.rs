//! One session: its partitions in their order, and what was last answered about each.

use std::collections::BTreeMap;
use std::sync::Arc;

use pelton_kafka::TopicRef;
use pelton_kafka::fetch::{FetchPartition, FetchPartitionResponse, FetchTopic, ForgottenTopic};

/// One partition of a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub topic: TopicRef,
    pub partition: FetchPartition,
    /// Of a topic that is identified: what it was called when the session first found it.
    pub name: Option<Arc<str>>,
}

impl Wanted {
    fn new(topic: &TopicRef, partition: FetchPartition) -> Self {
        Self { topic: topic.clone(), partition, name: None }
    }

    /// Empty as long as only its id is known.
    pub fn topic_name(&self) -> &str {
        match &self.topic {
            TopicRef::Name(name) => name.as_str(),
            TopicRef::Id(_) => self.name.as_deref().unwrap_or_default(),
        }
    }
}

/// And what is answered about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub wanted: Wanted,
    pub response: FetchPartitionResponse,
}

impl Answered {
    fn key(&self) -> Key {
        (self.wanted.topic.clone(), self.wanted.partition.index)
    }
}

type Key = (TopicRef, i32);

/// What a request asks for, in its order. A partition that it names twice stands where it came
/// first, and counts as it came last.
pub fn listed(topics: &[FetchTopic]) -> Vec<Wanted> {
    let mut places: BTreeMap<Key, usize> = BTreeMap::new();
    let mut all: Vec<Wanted> = Vec::new();
    for FetchTopic { topic, partitions } in topics {
        for partition in partitions {
            let place = *places.entry((topic.clone(), partition.index)).or_insert(all.len());
            match all.get_mut(place) {
                Some(known) => known.partition = *partition,
                None => all.push(Wanted::new(topic, *partition)),
            }
        }
    }
    all
}

/// See the module.
#[derive(Debug)]
pub struct FetchSession {
    /// Whether its topics are identified rather than named; never changes.
    pub by_id: bool,
    /// What the next request must say.
    pub epoch: i32,
    places: BTreeMap<Key, u64>,
    /// In the order in which they are fetched.
    partitions: BTreeMap<u64, CachedPartition>,
    next_place: u64,
}

#[derive(Debug)]
struct CachedPartition {
    wanted: Wanted,
    /// As last answered; -1 before, and after an error, so that its end is news.
    high_watermark: i64,
    /// As last answered; -1 before.
    log_start_offset: i64,
}

impl FetchSession {
    /// A session after its full fetch, in the order of the answers.
    pub fn new(by_id: bool, answers: &[Answered]) -> Self {
        let mut session = Self {
            by_id,
            epoch: 1,
            places: BTreeMap::new(),
            partitions: BTreeMap::new(),
            next_place: 0,
        };
        let mut last: Option<TopicRef> = None;
        for Answered { wanted, response } in answers {
            let topic = match last.take() {
                Some(topic) if topic == wanted.topic => topic,
                _ => kept(&wanted.topic),
            };
            last = Some(topic.clone());
            session.append(CachedPartition {
                wanted: Wanted { topic, ..wanted.clone() },
                high_watermark: response.high_watermark,
                log_start_offset: response.log_start_offset,
            });
        }
        session
    }

    pub fn partition_count(&self) -> usize {
        self.partitions.len()
    }

    /// Takes a request's changes: known partitions stay in their place, new ones go to the end.
    pub fn update(&mut self, topics: &[FetchTopic], forgotten: &[ForgottenTopic]) {
        for FetchTopic { topic, partitions } in topics {
            let mut own: Option<TopicRef> = None;
            for partition in partitions {
                if let Some(known) = self.find(&(topic.clone(), partition.index)) {
                    known.wanted.partition = *partition;
                    continue;
                }
                let topic = own.get_or_insert_with(|| kept(topic));
                self.append(CachedPartition {
                    wanted: Wanted::new(topic, *partition),
                    high_watermark: -1,
                    log_start_offset: -1,
                });
            }
        }
        for ForgottenTopic { topic, partitions } in forgotten {
            for index in partitions {
                self.remove(&(topic.clone(), *index));
            }
        }
    }

    pub fn wanted(&self) -> Vec<Wanted> {
        self.partitions.values().map(|cached| cached.wanted.clone()).collect()
    }

    /// Leaves only the answers with news, and remembers what they say. Partitions that gave
    /// records go to the end, so that the others come first when the next answer is short of room.
    pub fn retain_news(&mut self, answers: &mut Vec<Answered>) {
        answers.retain(|answered| {
            let key = answered.key();
            let Some(cached) = self.find(&key) else { return true };
            cached.wanted.name.clone_from(&answered.wanted.name);
            let is_news = cached.is_news(&answered.response);
            if answered.response.records_bytes() > 0
                && let Some(served) = self.remove(&key)
            {
                self.append(served);
            }
            is_news
        });
    }

    fn find(&mut self, key: &Key) -> Option<&mut CachedPartition> {
        self.partitions.get_mut(self.places.get(key)?)
    }

    fn append(&mut self, cached: CachedPartition) {
        let key = (cached.wanted.topic.clone(), cached.wanted.partition.index);
        self.places.insert(key, self.next_place);
        self.partitions.insert(self.next_place, cached);
        self.next_place += 1;
    }

    fn remove(&mut self, key: &Key) -> Option<CachedPartition> {
        self.partitions.remove(&self.places.remove(key)?)
    }
}

impl CachedPartition {
    /// Records, an error, a divergence, or offsets other than those last answered.
    fn is_news(&mut self, response: &FetchPartitionResponse) -> bool {
        let is_failed = !response.error.is_none();
        let is_news = response.records_bytes() > 0
            || is_failed
            || response.diverging_epoch.is_some()
            || self.high_watermark != response.high_watermark
            || self.log_start_offset != response.log_start_offset;
        self.high_watermark = if is_failed { -1 } else { response.high_watermark };
        self.log_start_offset = response.log_start_offset;
        is_news
    }
}

/// A copy that does not hold the request's frame.
fn kept(topic: &TopicRef) -> TopicRef {
    match topic {
        TopicRef::Name(name) => TopicRef::Name(String::from(name.as_str()).into()),
        TopicRef::Id(id) => TopicRef::Id(*id),
    }
}

#[cfg(test)]
#[path = "session_test.rs"]
mod session_test;
