//! What members subscribe to, as topics that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pelton_model::TopicId;

use super::check::compile;
use super::{ConsumerGroup, ConsumerMemberMetadata};
use crate::cluster::{Cluster, TopicShape};
use crate::coordinator::effects::Step;
use crate::error::GroupError;
use crate::ids::TopicName;
use crate::limits::REGEXES_PER_GROUP_MAX;
use crate::record::{ConsumerRecord, ResolvedRegex};

/// A cluster with much going on does not have every heartbeat look through all topics; Kafka's
/// interval.
const REGEX_REFRESH_INTERVAL: Duration = Duration::from_secs(10);

impl ConsumerGroup {
    /// Whether somebody reads the topic.
    pub fn is_subscribed(&self, topic: &str) -> bool {
        self.named.contains_key(topic)
            || self.regexes.values().any(|resolved| resolved.topics.contains(topic))
    }

    /// A new regular expression is resolved at once; all of them again when topics may have come or
    /// gone, one with each step: to look through all topics for hundreds would hold the core (R8).
    /// Those that nobody uses go. Returns whether one stands for other topics than before.
    ///
    /// # Errors
    /// INVALID_REGULAR_EXPRESSION: there are too many; RECORD_TOO_LARGE: too many topics.
    pub(super) fn resolve_regexes(&mut self, step: &mut Step<'_>) -> Result<bool, GroupError> {
        let unused = self.regexes.keys().filter(|regex| !self.regex_users.contains_key(*regex));
        for regex in unused.cloned().collect::<Vec<_>>() {
            self.write(ConsumerRecord::Regex(regex, None), step);
        }
        if self.regex_users.len() > REGEXES_PER_GROUP_MAX {
            return Err(GroupError::InvalidRegularExpression);
        }
        let revision = step.cluster.revision();
        let is_due = match self.looked.regex {
            None => true,
            Some((looked, at)) => {
                looked != revision && step.now.elapsed.saturating_sub(at) >= REGEX_REFRESH_INTERVAL
            }
        };
        // One round after the other, or the last of many would never have their turn.
        if is_due && self.looked.regexes_left.is_empty() && !self.regex_users.is_empty() {
            self.looked.regex = Some((revision, step.now.elapsed));
            self.looked.regexes_left = self.regex_users.keys().cloned().collect();
        }
        let users = &self.regex_users;
        self.looked.regexes_left.retain(|regex| users.contains_key(regex));
        let new = users.keys().find(|regex| !self.regexes.contains_key(*regex));
        let Some(next) = new.or(self.looked.regexes_left.first()).cloned() else {
            return Ok(false);
        };
        let is_another = self.resolve(next.clone(), step)?;
        self.looked.regexes_left.remove(&next);
        Ok(is_another)
    }

    fn resolve(&mut self, regex: String, step: &mut Step<'_>) -> Result<bool, GroupError> {
        let compiled = compile(&regex)?;
        let mut topics = BTreeSet::new();
        let mut bytes = regex.len();
        step.cluster.each_topic(&mut |topic| {
            if compiled.is_match(topic) {
                bytes += topic.len() + 5;
                topics.insert(topic.clone());
            }
        });
        if bytes > step.cluster.record_bytes_max() {
            return Err(GroupError::RecordTooLarge);
        }
        let is_another = self.matched_by(&regex) != topics;
        if is_another || !self.regexes.contains_key(&regex) {
            let version = i64::try_from(step.cluster.revision()).unwrap_or(i64::MAX);
            let resolved = ResolvedRegex { topics, version, timestamp: step.now.wall };
            self.write(ConsumerRecord::Regex(regex, Some(resolved)), step);
            self.looked.hash_revision = None;
        }
        Ok(is_another)
    }

    /// The topics that a regular expression stands for, as last looked.
    pub(super) fn matched_by(&self, regex: &str) -> BTreeSet<TopicName> {
        self.regexes.get(regex).map(|resolved| resolved.topics.clone()).unwrap_or_default()
    }

    /// The topics of one member that there are.
    pub(super) fn topics_of(
        &self,
        member: &ConsumerMemberMetadata,
        cluster: &dyn Cluster,
    ) -> BTreeMap<TopicId, i32> {
        let by_regex = self.regexes.get(&member.regex).map(|resolved| &resolved.topics);
        let names = member.topics.iter().chain(by_regex.into_iter().flatten());
        names
            .filter_map(|name| cluster.topic(name))
            .map(|TopicShape { id, partition_count }| (id, partition_count))
            .collect()
    }

    /// A number for what the group's topics are; 0: it has none.
    pub(super) fn hash_topics(&self, cluster: &dyn Cluster) -> i64 {
        let by_regex =
            self.regexes.iter().filter(|(regex, _)| self.regex_users.contains_key(*regex));
        let names: BTreeSet<&TopicName> =
            self.named.keys().chain(by_regex.flat_map(|(_, resolved)| &resolved.topics)).collect();
        let mut hash = Fnv::default();
        let mut is_none = true;
        for name in names {
            let Some(TopicShape { id, partition_count }) = cluster.topic(name) else { continue };
            hash.add(id.as_bytes());
            hash.add(&partition_count.to_be_bytes());
            is_none = false;
        }
        if is_none { 0 } else { hash.finish() }
    }
}

/// FNV-1a over 64 bits: the hash is compared with itself only, and no attacker gains by a collision
/// in the ids that the broker drew.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(self) -> i64 {
        match self.0 as i64 {
            // That would mean that there are no topics.
            0 => 1,
            hash => hash,
        }
    }
}
