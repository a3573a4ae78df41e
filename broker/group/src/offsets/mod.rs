//! What a group has committed: one offset per partition.

mod commit;
mod delete;
mod fetch;

use std::collections::BTreeMap;

use crate::ids::TopicName;
use crate::record::CommittedOffset;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offsets {
    by_topic: BTreeMap<TopicName, BTreeMap<i32, CommittedOffset>>,
}

impl Offsets {
    pub fn is_empty(&self) -> bool {
        self.by_topic.is_empty()
    }

    pub fn get(&self, topic: &str, partition: i32) -> Option<&CommittedOffset> {
        self.by_topic.get(topic)?.get(&partition)
    }

    pub fn set(&mut self, topic: TopicName, partition: i32, offset: CommittedOffset) {
        self.by_topic.entry(topic).or_default().insert(partition, offset);
    }

    pub fn remove(&mut self, topic: &str, partition: i32) {
        if let Some(partitions) = self.by_topic.get_mut(topic) {
            partitions.remove(&partition);
            if partitions.is_empty() {
                self.by_topic.remove(topic);
            }
        }
    }

    pub fn topics(&self) -> impl Iterator<Item = (&TopicName, &BTreeMap<i32, CommittedOffset>)> {
        self.by_topic.iter()
    }

    pub fn topic(&self, topic: &str) -> Option<&BTreeMap<i32, CommittedOffset>> {
        self.by_topic.get(topic)
    }

    /// What it keeps in memory, but for topics' names: an estimate.
    pub fn state_bytes(&self) -> usize {
        let of_one =
            |offset: &CommittedOffset| size_of::<(i32, CommittedOffset)>() + offset.metadata.len();
        self.iter().map(|(_, _, offset)| of_one(offset)).sum()
    }

    /// Every partition that has one.
    pub fn iter(&self) -> impl Iterator<Item = (&TopicName, i32, &CommittedOffset)> {
        self.by_topic.iter().flat_map(|(topic, partitions)| {
            partitions.iter().map(move |(partition, offset)| (topic, *partition, offset))
        })
    }
}

#[cfg(test)]
#[path = "offsets_test.rs"]
mod offsets_test;
