//! How a group's leader divides partitions among members. Pure, and the same whatever order the
//! members come in.

mod range;
mod round_robin;
mod sticky;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pelton_model::PartitionIndex;

use crate::consumer::options::Assignor;
use crate::consumer::record::TopicPartition;

/// What the leader knows of a member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::consumer) struct Member {
    pub(in crate::consumer) id: Arc<str>,
    pub(in crate::consumer) instance_id: Option<Arc<str>>,
    pub(in crate::consumer) topics: BTreeSet<Arc<str>>,
    pub(in crate::consumer) owned: BTreeSet<TopicPartition>,
    /// In which it got what it owns; -1 for one that is new.
    pub(in crate::consumer) generation: i32,
}

/// By member id; every member has an entry.
pub(in crate::consumer) type Division = BTreeMap<Arc<str>, BTreeSet<TopicPartition>>;

/// Divides all partitions of the topics that somebody subscribes to; a topic of which nothing is
/// known has none.
pub(in crate::consumer) fn divide(
    assignor: Assignor,
    members: &[Member],
    partition_counts: &BTreeMap<Arc<str>, usize>,
) -> Division {
    // Members with an instance id come first: they are there to stay. As Kafka's own assignors.
    let mut members: Vec<&Member> = members.iter().collect();
    members.sort_by_key(|member| {
        (member.instance_id.is_none(), member.instance_id.clone(), member.id.clone())
    });
    match assignor {
        Assignor::Range => range::divide(&members, partition_counts),
        Assignor::RoundRobin => round_robin::divide(&members, partition_counts),
        Assignor::CooperativeSticky => sticky::divide(&members, partition_counts),
    }
}

fn nothing_for(members: &[&Member]) -> Division {
    members.iter().map(|member| (member.id.clone(), BTreeSet::new())).collect()
}

/// In order of topic and index.
fn partitions_of<'a>(
    topics: impl IntoIterator<Item = &'a Arc<str>>,
    partition_counts: &BTreeMap<Arc<str>, usize>,
) -> Vec<TopicPartition> {
    let topics: BTreeSet<&Arc<str>> = topics.into_iter().collect();
    let partitions = topics.into_iter().flat_map(|topic| {
        let count = partition_counts.get(topic).copied().unwrap_or(0);
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        (0..count).map(|index| TopicPartition {
            topic: topic.clone(),
            partition: PartitionIndex::new(index),
        })
    });
    partitions.collect()
}

#[cfg(test)]
#[path = "assign_test.rs"]
mod assign_test;
