//! A fetch session with one broker (KIP-227): only what changed is asked for, only what is new is
//! answered. Pure.

use std::collections::BTreeMap;

use bytes::Bytes;
use pelton_kafka::ErrorCode;
use pelton_model::{LeaderEpoch, Offset, TopicId};

use super::fetch::Got;
use super::record::TopicPartition;
use crate::error::Result;

/// What a fetch says of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) topic_id: TopicId,
    pub(super) position: Offset,
    pub(super) leader_epoch: Option<LeaderEpoch>,
    /// Changes with every assignment and seek: what comes for an older one is not wanted any more.
    pub(super) claim: u64,
}

impl Asked {
    fn is_the_same_question(&self, other: &Asked) -> bool {
        let key = |asked: &Asked| (asked.topic_id, asked.position, asked.leader_epoch);
        key(self) == key(other)
    }
}

/// The session fields of the next request, and which partitions it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SessionRequest {
    pub(super) id: i32,
    pub(super) epoch: i32,
    pub(super) asked: Vec<(TopicPartition, Asked)>,
    pub(super) forgotten: Vec<(TopicPartition, TopicId)>,
}

#[derive(Debug, Default)]
pub(super) struct Session {
    /// 0 while there is none.
    id: i32,
    /// Of the next request; 0 asks for a new session.
    next_epoch: i32,
    /// What the broker was told last.
    told: BTreeMap<TopicPartition, Asked>,
    /// What it told last of the partitions in `told`, without records: it does not tell it again.
    heard: BTreeMap<TopicPartition, Got>,
}

impl Session {
    /// The next request, for exactly these partitions. In a new session, and where the broker
    /// grants none, all are named, in their order, which decides who gets bytes first.
    pub(super) fn request(&mut self, wanted: Vec<(TopicPartition, Asked)>) -> SessionRequest {
        let told: BTreeMap<_, _> = wanted.iter().cloned().collect();
        if self.next_epoch == 0 {
            self.told = told;
            self.heard.clear();
            return SessionRequest { id: self.id, epoch: 0, asked: wanted, forgotten: Vec::new() };
        }
        let before = std::mem::replace(&mut self.told, told);
        let is_news = |(of, asked): &(TopicPartition, Asked)| {
            before.get(of).is_none_or(|told| !told.is_the_same_question(asked))
        };
        // Under another topic id it is another partition.
        let is_forgotten = |of: &TopicPartition, told: &Asked| {
            self.told.get(of).is_none_or(|asked| asked.topic_id != told.topic_id)
        };
        let forgotten = before.iter().filter(|(of, told)| is_forgotten(of, told));
        let forgotten: Vec<_> = forgotten.map(|(of, told)| (of.clone(), told.topic_id)).collect();
        for (of, _) in &forgotten {
            self.heard.remove(of);
        }
        SessionRequest {
            id: self.id,
            epoch: self.next_epoch,
            forgotten,
            asked: wanted.into_iter().filter(is_news).collect(),
        }
    }

    /// The partitions that the next answer is about.
    pub(super) fn told(&self) -> &BTreeMap<TopicPartition, Asked> {
        &self.told
    }

    /// Whether what the next answer leaves out has no news, rather than being missing.
    pub(super) fn is_incremental(&self) -> bool {
        self.next_epoch != 0
    }

    /// An answer came, with this session id.
    pub(super) fn answered(&mut self, id: i32) {
        if id == 0 {
            *self = Session { told: std::mem::take(&mut self.told), ..Session::default() };
        } else {
            self.id = id;
            // After the greatest comes 1: 0 is for new ones.
            self.next_epoch = self.next_epoch.checked_add(1).unwrap_or(1);
        }
    }

    /// What that answer told of partitions.
    pub(super) fn heard(&mut self, answered: &BTreeMap<TopicPartition, Result<Got>>) {
        for (of, got) in answered {
            match got {
                Ok(got) => {
                    let ends = Got { records: Bytes::new(), ..got.clone() };
                    self.heard.insert(of.clone(), ends);
                }
                Err(_) => {
                    self.heard.remove(of);
                }
            }
        }
    }

    /// What was told last of a partition, within this session and without records.
    pub(super) fn last_heard(&self, of: &TopicPartition) -> Option<Got> {
        self.heard.get(of).cloned()
    }

    /// The request failed. The next one begins a new session, and ends the old one if there may
    /// still be one.
    pub(super) fn failed(&mut self, code: Option<ErrorCode>) {
        if code == Some(ErrorCode::FetchSessionIdNotFound) {
            self.id = 0;
        }
        self.next_epoch = 0;
        self.told.clear();
        self.heard.clear();
    }
}

#[cfg(test)]
#[path = "session_test.rs"]
mod session_test;
