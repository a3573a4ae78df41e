//! One step of a member from what it has towards what it is to have: first it gives up, then it
//! gets what is free.

use std::collections::BTreeMap;

use pelton_model::TopicId;

use super::ConsumerGroup;
use crate::coordinator::effects::Step;
use crate::ids::MemberId;
use crate::record::{Assignment, CurrentAssignment, EpochedAssignment, MemberState};

impl ConsumerGroup {
    /// What the member has next; none: nothing changes.
    pub(super) fn next_of(
        &self,
        id: &MemberId,
        owned: Option<&Assignment>,
        has_new_subscription: bool,
        step: &Step<'_>,
    ) -> Option<CurrentAssignment> {
        let member = self.members.get(id)?;
        let is_there = member.current.state == MemberState::Stable
            && member.current.member_epoch == self.assignment_epoch;
        if is_there && !has_new_subscription {
            return None;
        }
        // There may be no new target yet, but nobody has to read what it does not want.
        let wanted = self.topics_of(&member.metadata, step.cluster);
        let mut target = self.target.get(id).cloned().unwrap_or_default();
        target.retain(|topic, _| wanted.contains_key(topic));
        let goal = Goal {
            target: &target,
            wanted: &wanted,
            target_epoch: self.assignment_epoch,
            owned,
            has_new_subscription,
        };
        let is_free = |topic, partition| {
            let owner = self.owners.get(&topic).and_then(|owners| owners.get(&partition));
            owner.is_none_or(|owner| owner == id)
        };
        advance(&member.current, &goal, is_free)
    }
}

/// What a step depends on beside what the member has.
pub(super) struct Goal<'a> {
    /// Of topics that the member subscribes to.
    pub target: &'a Assignment,
    /// Topics that the member subscribes to, with their numbers of partitions.
    pub wanted: &'a BTreeMap<TopicId, i32>,
    pub target_epoch: i32,
    /// What the member says it owns; none: it does not say.
    pub owned: Option<&'a Assignment>,
    /// It may have to give up partitions before there is a new target.
    pub has_new_subscription: bool,
}

/// What the member has after the step; none: as before.
pub(super) fn advance(
    current: &CurrentAssignment,
    goal: &Goal<'_>,
    is_free: impl Fn(TopicId, i32) -> bool,
) -> Option<CurrentAssignment> {
    if current.state == MemberState::UnrevokedPartitions
        && goal.has_new_subscription
        && still_owns(&current.pending_revocation, goal.owned)
    {
        return without_unwanted(current, goal.wanted);
    }
    let is_to_move = match current.state {
        MemberState::Stable => {
            current.member_epoch != goal.target_epoch || goal.has_new_subscription
        }
        MemberState::UnrevokedPartitions => !still_owns(&current.pending_revocation, goal.owned),
        MemberState::UnreleasedPartitions | MemberState::Unknown(_) => true,
    };
    if !is_to_move {
        return None;
    }
    let next = next(current, goal, is_free);
    (next != *current).then_some(next)
}

fn next(
    current: &CurrentAssignment,
    goal: &Goal<'_>,
    is_free: impl Fn(TopicId, i32) -> bool,
) -> CurrentAssignment {
    let (mut assigned, revoked) = split(&current.assigned, goal.target);
    if still_owns(&revoked, goal.owned) {
        return CurrentAssignment {
            state: MemberState::UnrevokedPartitions,
            assigned,
            pending_revocation: revoked,
            ..current.clone()
        };
    }
    let mut state = MemberState::Stable;
    for (topic, partitions) in goal.target {
        for partition in partitions {
            let has = assigned.get(topic).is_some_and(|it| it.contains_key(partition));
            if has {
                continue;
            }
            match is_free(*topic, *partition) {
                true => {
                    let of_topic = assigned.entry(*topic).or_default();
                    of_topic.insert(*partition, goal.target_epoch);
                }
                false => state = MemberState::UnreleasedPartitions,
            }
        }
    }
    let moves = current.member_epoch != goal.target_epoch;
    CurrentAssignment {
        member_epoch: goal.target_epoch,
        previous_member_epoch: match moves {
            true => current.member_epoch,
            false => current.previous_member_epoch,
        },
        state,
        assigned,
        pending_revocation: EpochedAssignment::new(),
    }
}

/// A member that has something to give up yet gives up all that it does not subscribe to any more.
fn without_unwanted(
    current: &CurrentAssignment,
    wanted: &BTreeMap<TopicId, i32>,
) -> Option<CurrentAssignment> {
    let assigned = current.assigned.clone().into_iter();
    let (assigned, unwanted): (EpochedAssignment, EpochedAssignment) =
        assigned.partition(|(topic, _)| wanted.contains_key(topic));
    if unwanted.is_empty() {
        return None;
    }
    let mut pending_revocation = current.pending_revocation.clone();
    for (topic, partitions) in unwanted {
        pending_revocation.entry(topic).or_default().extend(partitions);
    }
    Some(CurrentAssignment { assigned, pending_revocation, ..current.clone() })
}

/// What of it is in the target, and what is not.
fn split(
    assigned: &EpochedAssignment,
    target: &Assignment,
) -> (EpochedAssignment, EpochedAssignment) {
    let mut kept = EpochedAssignment::new();
    let mut revoked = EpochedAssignment::new();
    for (topic, partitions) in assigned {
        let wanted = target.get(topic);
        let is_wanted = |partition: &i32| wanted.is_some_and(|it| it.contains(partition));
        let (stay, go): (BTreeMap<i32, i32>, BTreeMap<i32, i32>) =
            partitions.iter().partition(|(partition, _)| is_wanted(partition));
        if !stay.is_empty() {
            kept.insert(*topic, stay);
        }
        if !go.is_empty() {
            revoked.insert(*topic, go);
        }
    }
    (kept, revoked)
}

/// Whether the member may still own some of it; if it does not say, it may.
fn still_owns(partitions: &EpochedAssignment, owned: Option<&Assignment>) -> bool {
    let Some(owned) = owned else { return !partitions.is_empty() };
    partitions.iter().any(|(topic, partitions)| {
        let owned = owned.get(topic);
        owned.is_some_and(|owned| partitions.keys().any(|partition| owned.contains(partition)))
    })
}

#[cfg(test)]
#[path = "reconcile_test.rs"]
mod reconcile_test;
