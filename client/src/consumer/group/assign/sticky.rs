//! Evenly, with as few changes of hands as possible. A partition that is to change hands goes to
//! nobody in this round: its owner gives it up, joins again, and then it is free (KIP-429).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Division, Member, nothing_for, partitions_of};
use crate::consumer::record::TopicPartition;

pub(super) fn divide(
    members: &[&Member],
    partition_counts: &BTreeMap<Arc<str>, usize>,
) -> Division {
    let topics = members.iter().flat_map(|member| &member.topics);
    let partitions: BTreeSet<_> = partitions_of(topics, partition_counts).into_iter().collect();
    let owners = owners(members);
    let mut division = nothing_for(members);
    let by_id: BTreeMap<&Arc<str>, &&Member> =
        members.iter().map(|member| (&member.id, member)).collect();

    let mut free = Vec::new();
    for of in partitions {
        let owner = owners.get(&of).and_then(|owner| by_id.get(owner));
        match owner.filter(|owner| owner.topics.contains(&of.topic)) {
            Some(owner) => drop(division.entry(owner.id.clone()).or_default().insert(of)),
            None => free.push(of),
        }
    }
    for of in free {
        if let Some(taker) = least_loaded(members, &division, &of) {
            division.entry(taker).or_default().insert(of);
        }
    }
    balance(members, &mut division);

    // Nobody gets what somebody else still has.
    for (id, share) in &mut division {
        share.retain(|of| owners.get(of).is_none_or(|owner| owner == id));
    }
    division
}

/// Who has which partition. Of two that claim it the one of the later generation does; of the same
/// generation, nobody: one of them is wrong, and which cannot be known.
fn owners(members: &[&Member]) -> BTreeMap<TopicPartition, Arc<str>> {
    let mut claims: BTreeMap<&TopicPartition, (i32, Option<&Arc<str>>)> = BTreeMap::new();
    for member in members {
        for of in &member.owned {
            let claim = claims.entry(of).or_insert((member.generation, Some(&member.id)));
            if member.generation > claim.0 {
                *claim = (member.generation, Some(&member.id));
            } else if member.generation == claim.0 && claim.1 != Some(&member.id) {
                claim.1 = None;
            }
        }
    }
    let settled = claims.into_iter().filter_map(|(of, (_, id))| Some((of.clone(), id?.clone())));
    settled.collect()
}

fn load(division: &Division, id: &Arc<str>) -> usize {
    division.get(id).map_or(0, BTreeSet::len)
}

fn least_loaded(members: &[&Member], division: &Division, of: &TopicPartition) -> Option<Arc<str>> {
    let takers = members.iter().filter(|member| member.topics.contains(&of.topic));
    takers.map(|member| &member.id).min_by_key(|id| load(division, id)).cloned()
}

/// Moves partitions from who has most to who has least and may have them, until that gains nothing.
/// Every move makes the sum of the squares of the shares smaller, so it ends.
fn balance(members: &[&Member], division: &mut Division) {
    loop {
        let mut by_load: Vec<&&Member> = members.iter().collect();
        by_load.sort_by_key(|member| std::cmp::Reverse(load(division, &member.id)));
        let found = by_load.iter().find_map(|giver| {
            let has = load(division, &giver.id);
            // Those that came last go first.
            division.get(&giver.id)?.iter().rev().find_map(|of| {
                let taker = least_loaded(members, division, of)?;
                (load(division, &taker) + 1 < has).then(|| (giver.id.clone(), taker, of.clone()))
            })
        });
        let Some((giver, taker, of)) = found else { return };
        division.entry(giver).or_default().remove(&of);
        division.entry(taker).or_default().insert(of);
    }
}
