//! Who gives up what, and who gets what, step by step.

use std::collections::BTreeSet;

use super::*;

const TOPIC: TopicId = TopicId::from_bytes([1; 16]);

fn of(partitions: &[i32]) -> Assignment {
    match partitions {
        [] => Assignment::new(),
        partitions => Assignment::from([(TOPIC, partitions.iter().copied().collect())]),
    }
}

fn since(epoch: i32, partitions: &[i32]) -> EpochedAssignment {
    match partitions {
        [] => EpochedAssignment::new(),
        partitions => {
            EpochedAssignment::from([(TOPIC, partitions.iter().map(|it| (*it, epoch)).collect())])
        }
    }
}

fn stable(epoch: i32, partitions: &[i32]) -> CurrentAssignment {
    CurrentAssignment {
        member_epoch: epoch,
        previous_member_epoch: epoch,
        assigned: since(epoch, partitions),
        ..CurrentAssignment::default()
    }
}

/// One step; partitions of `taken` are others'.
fn step(
    current: &CurrentAssignment,
    target_epoch: i32,
    target: &[i32],
    owned: Option<&[i32]>,
    taken: &[i32],
) -> Option<CurrentAssignment> {
    let (target, owned) = (of(target), owned.map(of));
    let wanted = [(TOPIC, 4)].into();
    let goal = Goal {
        target: &target,
        wanted: &wanted,
        target_epoch,
        owned: owned.as_ref(),
        has_new_subscription: false,
    };
    advance(current, &goal, |_, partition| !taken.contains(&partition))
}

fn partitions(assignment: &EpochedAssignment) -> BTreeSet<i32> {
    assignment.values().flat_map(|partitions| partitions.keys().copied()).collect()
}

#[test]
fn what_has_to_go_is_given_up_before_anything_is_got() {
    let before = stable(3, &[0, 1]);
    let asked = step(&before, 4, &[1, 2], None, &[]).unwrap();
    assert_eq!(asked.state, MemberState::UnrevokedPartitions);
    assert_eq!(asked.member_epoch, 3, "its epoch stays until it has given up");
    assert_eq!(partitions(&asked.assigned), [1].into());
    assert_eq!(partitions(&asked.pending_revocation), [0].into());

    assert_eq!(step(&asked, 4, &[1, 2], None, &[]), None, "it does not say what it owns");
    assert_eq!(step(&asked, 4, &[1, 2], Some(&[0, 1]), &[]), None, "it still owns it");

    let done = step(&asked, 4, &[1, 2], Some(&[1]), &[]).unwrap();
    assert_eq!((done.state, done.member_epoch), (MemberState::Stable, 4));
    assert_eq!(done.previous_member_epoch, 3);
    assert_eq!(partitions(&done.assigned), [1, 2].into());
    assert!(done.pending_revocation.is_empty());
}

#[test]
fn a_partition_keeps_the_epoch_at_which_it_was_got() {
    let next = step(&stable(3, &[0]), 5, &[0, 1], None, &[]).unwrap();
    assert_eq!(next.assigned[&TOPIC], [(0, 3), (1, 5)].into());
}

#[test]
fn what_others_have_is_waited_for_in_the_new_epoch() {
    let waits = step(&stable(3, &[0]), 4, &[0, 1, 2], None, &[1]).unwrap();
    assert_eq!((waits.state, waits.member_epoch), (MemberState::UnreleasedPartitions, 4));
    assert_eq!(partitions(&waits.assigned), [0, 2].into());

    assert_eq!(step(&waits, 4, &[0, 1, 2], None, &[1]), None);
    let done = step(&waits, 4, &[0, 1, 2], None, &[]).unwrap();
    assert_eq!(done.state, MemberState::Stable);
    assert_eq!(partitions(&done.assigned), [0, 1, 2].into());
}

#[test]
fn the_target_may_move_on_while_a_member_gives_up() {
    let asked = step(&stable(3, &[0, 1, 2]), 4, &[1, 2], None, &[]).unwrap();
    let more = step(&asked, 5, &[2], Some(&[1, 2]), &[]).unwrap();
    assert_eq!((more.state, more.member_epoch), (MemberState::UnrevokedPartitions, 3));
    assert_eq!(partitions(&more.pending_revocation), [1].into());
    let done = step(&more, 5, &[2], Some(&[2]), &[]).unwrap();
    assert_eq!((done.state, done.member_epoch), (MemberState::Stable, 5));
}

#[test]
fn a_member_at_the_target_stays_as_it_is() {
    assert_eq!(step(&stable(3, &[0]), 3, &[0], None, &[]), None);
}

#[test]
fn what_is_not_wanted_any_more_goes_before_there_is_a_new_target() {
    let asked = change_mind(&stable(3, &[0]), None).unwrap();
    assert_eq!((asked.state, asked.member_epoch), (MemberState::UnrevokedPartitions, 3));
}

/// The member subscribes to nothing that there is any more.
fn change_mind(current: &CurrentAssignment, owned: Option<&[i32]>) -> Option<CurrentAssignment> {
    let (target, wanted, owned) = (of(&[]), BTreeMap::new(), owned.map(of));
    let goal = Goal {
        target: &target,
        wanted: &wanted,
        target_epoch: 3,
        owned: owned.as_ref(),
        has_new_subscription: true,
    };
    advance(current, &goal, |_, _| true)
}

#[test]
fn what_is_not_wanted_any_more_goes_with_what_is_to_go_already() {
    let asked = step(&stable(2, &[0, 1]), 3, &[1], None, &[]).unwrap();
    let more = change_mind(&asked, Some(&[0, 1])).unwrap();
    assert_eq!((more.state, more.member_epoch), (MemberState::UnrevokedPartitions, 2));
    assert_eq!(partitions(&more.assigned), [].into());
    assert_eq!(partitions(&more.pending_revocation), [0, 1].into());
    let done = step(&more, 3, &[], Some(&[]), &[]).unwrap();
    assert_eq!((done.state, done.member_epoch), (MemberState::Stable, 3));
}

#[test]
fn a_state_of_a_later_release_is_left_by_the_first_heartbeat() {
    let unknown = CurrentAssignment { state: MemberState::Unknown(9), ..stable(3, &[0]) };
    let next = step(&unknown, 3, &[0], Some(&[]), &[]).unwrap();
    assert_eq!(next.state, MemberState::Stable);
}
