//! Static members (KIP-345).

use crate::bench_test::{Bench, GROUP, seconds};
use crate::*;

fn join_static(bench: &mut Bench, instance: &str, member: &str) -> Join {
    let mut join = bench.join_of(member);
    join.instance_id = Some(instance.into());
    join.can_skip_assignment = true;
    join.requires_known_member_id = true;
    join
}

/// A stable group of the static members "a", which leads, and "b".
fn stable(bench: &mut Bench) -> (Joined, Joined) {
    let join = join_static(bench, "a", "");
    let token = bench.send(Command::Join(join));
    let a = bench.joined(token);
    let join = join_static(bench, "b", "");
    let b = bench.send(Command::Join(join));
    let join = join_static(bench, "a", &a.member_id);
    let a = bench.send(Command::Join(join));
    let (a, b) = (bench.joined(a), bench.joined(b));
    bench.sync(&b, &[]);
    bench.sync(&a, &[(&a.member_id, "for-a"), (&b.member_id, "for-b")]);
    bench.replies.clear();
    (a, b)
}

#[test]
fn a_static_member_gets_an_id_that_begins_with_its_instance_and_joins_at_once() {
    let mut bench = Bench::new();
    let (a, _) = stable(&mut bench);
    assert!(a.member_id.starts_with("a-uuid-"), "{}", a.member_id);
}

#[test]
fn a_static_member_that_returns_takes_its_place_without_a_rebalance() {
    let mut bench = Bench::new();
    let (_, b) = stable(&mut bench);
    let join = join_static(&mut bench, "b", "");
    let token = bench.send(Command::Join(join));
    let back = bench.joined(token);
    assert_eq!(back.generation, b.generation);
    assert_ne!(back.member_id, b.member_id);
    assert_eq!(bench.state(), State::Stable);
    let synced = bench.sync(&back, &[]);
    assert_eq!(bench.assignment(synced), Ok("for-b".into()));
    // Its new id is on the log: a reload knows it.
    bench.reload();
    assert_eq!(bench.heartbeat(&back), Ok(()));
}

#[test]
fn a_crash_in_the_first_rebalance_leaves_a_group_that_takes_members() {
    let mut bench = Bench::with(GroupConfig::default());
    let join = join_static(&mut bench, "a", "");
    let waiting = bench.send(Command::Join(join));
    assert!(bench.is_waiting(waiting), "the initial delay");
    bench.reload();
    assert_eq!(bench.state(), State::Empty, "it is known, and nobody is in it yet");
    let join = join_static(&mut bench, "a", "");
    let again = bench.send(Command::Join(join));
    bench.wait(seconds(10));
    assert_eq!(bench.joined(again).generation, 1);
}

#[test]
fn a_static_leader_that_returns_may_skip_the_assignment() {
    let mut bench = Bench::new();
    let (a, _) = stable(&mut bench);
    let join = join_static(&mut bench, "a", "");
    let token = bench.send(Command::Join(join));
    let back = bench.joined(token);
    assert!(back.skip_assignment);
    assert_eq!(back.leader, back.member_id);
    assert_eq!(back.members.len(), 2);
    let mut join = join_static(&mut bench, "a", "");
    join.can_skip_assignment = false;
    let token = bench.send(Command::Join(join));
    let older = bench.joined(token);
    assert_eq!(older.leader, back.member_id, "an older client is told of the old leader");
    assert!(!older.skip_assignment && older.members.is_empty());
    assert_ne!(a.member_id, older.member_id);
}

#[test]
fn the_earlier_life_of_a_static_member_is_fenced() {
    let mut bench = Bench::new();
    let (_, b) = stable(&mut bench);
    let join = join_static(&mut bench, "b", "");
    bench.send(Command::Join(join));
    let beat = Heartbeat {
        group: GROUP.into(),
        generation: b.generation,
        member_id: b.member_id.clone(),
        instance_id: Some("b".into()),
    };
    let outcome = bench.ask(Command::Heartbeat(beat));
    assert_eq!(outcome, Reply::Beaten(Err(GroupError::FencedInstanceId)));
    assert_eq!(bench.heartbeat(&b), Err(GroupError::UnknownMemberId));
}

#[test]
fn a_join_that_waits_is_fenced_by_the_next_life() {
    let mut bench = Bench::new();
    let (a, b) = stable(&mut bench);
    let join = join_static(&mut bench, "a", &a.member_id);
    let waiting = bench.send(Command::Join(join));
    let join = join_static(&mut bench, "a", "");
    let next = bench.send(Command::Join(join));
    assert_eq!(bench.join_error(waiting), GroupError::FencedInstanceId);
    let join = join_static(&mut bench, "b", &b.member_id);
    bench.send(Command::Join(join));
    assert_eq!(bench.joined(next).members.len(), 2);
}

#[test]
fn a_static_member_that_restarts_is_waited_for_until_its_session_is_over() {
    let mut bench = Bench::new();
    let (a, b) = stable(&mut bench);
    let mut changed = join_static(&mut bench, "a", &a.member_id);
    changed.rebalance_timeout_ms = 2_000;
    let join = join_static(&mut bench, "b", &b.member_id);
    let mut join = Join { rebalance_timeout_ms: 2_000, ..join };
    join.protocols = vec![crate::bench_test::protocol("range", &["other"])];
    // b changes what it reads, a is away: the rebalance goes on without a, and a keeps its place.
    let token = bench.send(Command::Join(join));
    bench.send(Command::Heartbeat(Heartbeat {
        group: GROUP.into(),
        generation: a.generation,
        member_id: a.member_id.clone(),
        instance_id: None,
    }));
    bench.wait(seconds(61));
    let joined = bench.joined(token);
    assert_eq!(joined.leader, b.member_id);
}

#[test]
fn an_operator_sends_static_members_away_by_their_instance() {
    let mut bench = Bench::new();
    let (_, b) = stable(&mut bench);
    let leave = Leave {
        group: GROUP.into(),
        members: vec![
            LeavingMember { member_id: MemberId::default(), instance_id: Some("b".into()) },
            LeavingMember { member_id: MemberId::default(), instance_id: Some("c".into()) },
        ],
    };
    let Reply::Left(Ok(left)) = bench.ask(Command::Leave(leave)) else { panic!() };
    assert_eq!(left[0].outcome, Ok(()));
    assert_eq!(left[1].outcome, Err(GroupError::UnknownMemberId));
    assert_eq!(bench.heartbeat(&b), Err(GroupError::UnknownMemberId));
}

#[test]
fn an_instance_that_another_member_holds_is_fenced() {
    let mut bench = Bench::new();
    let (a, _) = stable(&mut bench);
    let join = join_static(&mut bench, "b", &a.member_id);
    let token = bench.send(Command::Join(join));
    assert_eq!(bench.join_error(token), GroupError::FencedInstanceId);
    let join = join_static(&mut bench, "nobody", &a.member_id);
    let token = bench.send(Command::Join(join));
    assert_eq!(bench.join_error(token), GroupError::UnknownMemberId);
}
