//! All partitions of all topics in turn. Source:
//! `org.apache.kafka.clients.consumer.RoundRobinAssignor`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Division, Member, nothing_for, partitions_of};

pub(super) fn divide(
    members: &[&Member],
    partition_counts: &BTreeMap<Arc<str>, usize>,
) -> Division {
    let mut division = nothing_for(members);
    let mut turn = members.iter().cycle();
    for of in partitions_of(members.iter().flat_map(|member| &member.topics), partition_counts) {
        // Ends, as somebody subscribes to the topic.
        let taker = turn.find(|member| member.topics.contains(&of.topic));
        if let Some(taker) = taker {
            division.entry(taker.id.clone()).or_default().insert(of);
        }
    }
    division
}
