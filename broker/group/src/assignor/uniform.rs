//! `uniform` where all members subscribe to the same topics: everybody gets the same number of
//! partitions, but for some who get one more; those who have one more already keep it.

use std::collections::BTreeMap;

use pelton_model::TopicId;

use super::{Subscriber, give, kept, size, unassigned};
use crate::record::Assignment;

pub(super) fn assign(
    subscribers: &[Subscriber<'_>],
    partition_counts: &BTreeMap<TopicId, i32>,
) -> Vec<Assignment> {
    let counts: BTreeMap<TopicId, i32> = subscribers
        .first()
        .into_iter()
        .flat_map(|first| first.topics)
        .filter_map(|topic| Some((*topic, *partition_counts.get(topic)?)))
        .collect();
    let total: usize = counts.values().map(|count| usize::try_from(*count).unwrap_or(0)).sum();
    let (quota, mut extra) = (total / subscribers.len(), total % subscribers.len());

    let mut assignments: Vec<Assignment> =
        subscribers.iter().map(|subscriber| kept(subscriber, &counts)).collect();
    let mut free = unassigned(&mut assignments, &counts);
    let mut quotas = vec![quota; subscribers.len()];
    for (quota, assignment) in quotas.iter_mut().zip(&assignments) {
        if extra > 0 && size(assignment) > *quota {
            (*quota, extra) = (*quota + 1, extra - 1);
        }
    }
    for bound in &mut quotas {
        if extra > 0 && *bound == quota {
            (*bound, extra) = (*bound + 1, extra - 1);
        }
    }
    for (assignment, quota) in assignments.iter_mut().zip(&quotas) {
        for (topic, partition) in take_above(assignment, *quota) {
            free.entry(topic).or_default().insert(partition);
        }
    }
    let mut free = free
        .into_iter()
        .flat_map(|(topic, partitions)| partitions.into_iter().map(move |it| (topic, it)));
    for (assignment, quota) in assignments.iter_mut().zip(quotas) {
        let missing = quota.saturating_sub(size(assignment));
        for (topic, partition) in free.by_ref().take(missing) {
            give(assignment, topic, partition);
        }
    }
    assignments
}

/// Takes the last partitions, so that `quota` stay.
fn take_above(assignment: &mut Assignment, quota: usize) -> Vec<(TopicId, i32)> {
    let mut taken = Vec::new();
    for _ in quota..size(assignment) {
        let Some(mut last) = assignment.last_entry() else { break };
        if let Some(partition) = last.get_mut().pop_last() {
            taken.push((*last.key(), partition));
        }
        if last.get().is_empty() {
            last.remove();
        }
    }
    taken
}
