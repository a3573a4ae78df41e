//! The server-side assignors of the consumer protocol (KIP-848), as functions: who subscribes to
//! which topics and has what, in; who is to have what, out.
//!
//! What holds for both: each partition of a topic that somebody subscribes to has one owner, who
//! subscribes to it; the same input gives the same output.

mod mixed;
mod range;
mod uniform;

use std::collections::{BTreeMap, BTreeSet};

use pelton_model::TopicId;

use crate::ids::{InstanceId, MemberId};
use crate::record::Assignment;

/// Kafka's names: `uniform`, `range`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assignor {
    /// Balanced over all topics, and as little moved as balance allows.
    #[default]
    Uniform,
    /// By topic, in contiguous ranges, so that the same partitions of topics of the same size meet
    /// in one member.
    Range,
}

/// A member as an assignor sees it.
#[derive(Clone, Debug)]
pub struct Subscriber<'a> {
    pub member_id: &'a MemberId,
    pub instance_id: Option<&'a InstanceId>,
    /// Those that exist.
    pub topics: &'a BTreeSet<TopicId>,
    /// What it is to have so far; of topics that are gone as well.
    pub current: Option<&'a Assignment>,
}

impl Assignor {
    pub const ALL: [Self; 2] = [Self::Uniform, Self::Range];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|assignor| assignor.name() == name)
    }

    /// What each subscriber is to have, in their order. `partition_counts` knows every topic that
    /// somebody subscribes to; `subscribers` stand in the order of their ids.
    pub fn assign(
        self,
        subscribers: &[Subscriber<'_>],
        partition_counts: &BTreeMap<TopicId, i32>,
    ) -> Vec<Assignment> {
        let Some((first, others)) = subscribers.split_first() else { return Vec::new() };
        let are_alike = others
            .iter()
            .all(|other| std::ptr::eq(other.topics, first.topics) || other.topics == first.topics);
        match self {
            Self::Range => range::assign(subscribers, partition_counts),
            Self::Uniform if are_alike => uniform::assign(subscribers, partition_counts),
            Self::Uniform => mixed::assign(subscribers, partition_counts),
        }
    }
}

/// What stays of what a subscriber has: topics that it subscribes to, partitions that there are.
fn kept(subscriber: &Subscriber<'_>, partition_counts: &BTreeMap<TopicId, i32>) -> Assignment {
    let mut kept = Assignment::new();
    for (topic, partitions) in subscriber.current.into_iter().flatten() {
        let Some(count) = partition_counts.get(topic) else { continue };
        if !subscriber.topics.contains(topic) {
            continue;
        }
        let there: BTreeSet<i32> = partitions.range(0..*count).copied().collect();
        if !there.is_empty() {
            kept.insert(*topic, there);
        }
    }
    kept
}

/// Takes out of `kept` what an earlier one has as well, and gives what nobody has, topic by topic.
fn unassigned(
    kept: &mut [Assignment],
    partition_counts: &BTreeMap<TopicId, i32>,
) -> BTreeMap<TopicId, BTreeSet<i32>> {
    let mut free: BTreeMap<TopicId, BTreeSet<i32>> =
        partition_counts.iter().map(|(topic, count)| (*topic, (0..*count).collect())).collect();
    for assignment in kept {
        assignment.retain(|topic, partitions| {
            let Some(free) = free.get_mut(topic) else { return false };
            partitions.retain(|partition| free.remove(partition));
            !partitions.is_empty()
        });
    }
    free.retain(|_, partitions| !partitions.is_empty());
    free
}

fn size(assignment: &Assignment) -> usize {
    assignment.values().map(BTreeSet::len).sum()
}

fn give(assignment: &mut Assignment, topic: TopicId, partition: i32) {
    assignment.entry(topic).or_default().insert(partition);
}

#[cfg(test)]
#[path = "assignor_test.rs"]
mod assignor_test;
