//! `uniform` where members subscribe to different topics: what members have they keep, what is free
//! goes to whoever has least, and then partitions move as long as a move makes two members more
//! equal. In the end no partition's owner has two more than another subscriber of its topic.

use std::collections::BTreeMap;

use pelton_model::TopicId;

use super::{Subscriber, give, kept, size, unassigned};
use crate::record::Assignment;

pub(super) fn assign(
    subscribers: &[Subscriber<'_>],
    partition_counts: &BTreeMap<TopicId, i32>,
) -> Vec<Assignment> {
    let by_topic = by_topic(subscribers);
    let counts: BTreeMap<TopicId, i32> =
        by_topic.keys().filter_map(|topic| Some((*topic, *partition_counts.get(topic)?))).collect();
    let mut assignments: Vec<Assignment> =
        subscribers.iter().map(|subscriber| kept(subscriber, &counts)).collect();
    let free = unassigned(&mut assignments, &counts);
    let mut sizes: Vec<usize> = assignments.iter().map(size).collect();

    // Topics with few subscribers first: those leave the least choice.
    let mut topics: Vec<(&TopicId, &Vec<usize>)> = by_topic.iter().collect();
    topics.sort_by_key(|(topic, members)| (members.len(), **topic));
    for (topic, members) in &topics {
        for partition in free.get(topic).into_iter().flatten() {
            let Some(least) = least(members, &sizes) else { continue };
            give(&mut assignments[least], **topic, *partition);
            sizes[least] += 1;
        }
    }
    balance(&topics, &mut assignments, &mut sizes);
    assignments
}

fn by_topic(subscribers: &[Subscriber<'_>]) -> BTreeMap<TopicId, Vec<usize>> {
    let mut by_topic: BTreeMap<TopicId, Vec<usize>> = BTreeMap::new();
    for (at, subscriber) in subscribers.iter().enumerate() {
        for topic in subscriber.topics {
            by_topic.entry(*topic).or_default().push(at);
        }
    }
    by_topic
}

fn least(members: &[usize], sizes: &[usize]) -> Option<usize> {
    members.iter().copied().min_by_key(|at| sizes[*at])
}

/// Each move lowers the sum of the squares of the sizes, so this ends.
fn balance(
    topics: &[(&TopicId, &Vec<usize>)],
    assignments: &mut [Assignment],
    sizes: &mut [usize],
) {
    let mut moved = true;
    while moved {
        moved = false;
        for (topic, members) in topics {
            while let Some((from, to)) = uneven(topic, members, assignments, sizes) {
                let Some(partition) = take_last(&mut assignments[from], topic) else { break };
                give(&mut assignments[to], **topic, partition);
                (sizes[from], sizes[to]) = (sizes[from] - 1, sizes[to] + 1);
                moved = true;
            }
        }
    }
}

/// The owner of some of the topic's partitions that has most, and the subscriber that has least, if
/// they are two apart.
fn uneven(
    topic: &TopicId,
    members: &[usize],
    assignments: &[Assignment],
    sizes: &[usize],
) -> Option<(usize, usize)> {
    let to = least(members, sizes)?;
    let owners = members.iter().copied().filter(|at| assignments[*at].contains_key(topic));
    let from = owners.max_by_key(|at| sizes[*at])?;
    (sizes[from] >= sizes[to] + 2).then_some((from, to))
}

fn take_last(assignment: &mut Assignment, topic: &TopicId) -> Option<i32> {
    let partitions = assignment.get_mut(topic)?;
    let partition = partitions.pop_last();
    if partitions.is_empty() {
        assignment.remove(topic);
    }
    partition
}
