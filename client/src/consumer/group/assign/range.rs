//! Each topic by itself: its partitions in ranges, the first members getting one more where it does
//! not come out even. Source: `org.apache.kafka.clients.consumer.RangeAssignor`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Division, Member, nothing_for, partitions_of};

pub(super) fn divide(
    members: &[&Member],
    partition_counts: &BTreeMap<Arc<str>, usize>,
) -> Division {
    let mut division = nothing_for(members);
    let topics: BTreeSet<&Arc<str>> = members.iter().flat_map(|member| &member.topics).collect();
    for topic in topics {
        let mut partitions = partitions_of([topic], partition_counts).into_iter();
        let takers = members.iter().filter(|member| member.topics.contains(topic));
        let takers: Vec<&Arc<str>> = takers.map(|member| &member.id).collect();
        let (each, more) = (partitions.len() / takers.len(), partitions.len() % takers.len());
        for (at, taker) in takers.into_iter().enumerate() {
            let share = partitions.by_ref().take(each + usize::from(at < more));
            division.entry(taker.clone()).or_default().extend(share);
        }
    }
    division
}
