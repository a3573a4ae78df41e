//! The classic protocol's promises, one each.

use std::time::Duration;

use crate::bench_test::{Bench, protocol, seconds};
use crate::limits::{PENDING_MEMBER_ID_BYTES_MAX, PENDING_MEMBERS_MAX};
use crate::*;

#[test]
fn a_lone_member_leads_and_gets_what_it_assigns() {
    let mut bench = Bench::new();
    let token = bench.join("");
    let joined = bench.joined(token);
    assert_eq!(joined.generation, 1);
    assert_eq!(joined.leader, joined.member_id);
    assert_eq!(&*joined.member_id, "client-uuid-1");
    assert_eq!(joined.members.len(), 1);
    assert_eq!(bench.state(), State::CompletingRebalance);
    let synced = bench.sync(&joined, &[(&joined.member_id, "all")]);
    assert_eq!(bench.assignment(synced), Ok("all".into()));
    assert_eq!(bench.state(), State::Stable);
    assert_eq!(bench.heartbeat(&joined), Ok(()));
}

#[test]
fn a_forming_group_waits_for_more_members_but_not_beyond_the_rebalance_timeout() {
    let delay = seconds(3);
    let config = GroupConfig { group_initial_rebalance_delay: delay, ..GroupConfig::default() };
    let mut bench = Bench::with(config);
    let mut join = bench.join_of("");
    join.rebalance_timeout_ms = 7_000;
    let first = bench.send(Command::Join(join));
    let mut tokens = vec![first];
    // Each that comes puts it off by 3 seconds, up to 7 in all.
    for _ in 0..3 {
        bench.wait(seconds(2));
        let mut join = bench.join_of("");
        join.rebalance_timeout_ms = 7_000;
        tokens.push(bench.send(Command::Join(join)));
    }
    assert!(tokens.iter().all(|token| bench.is_waiting(*token)));
    bench.wait(Duration::from_millis(999));
    assert!(bench.is_waiting(first));
    bench.wait(Duration::from_millis(1));
    for token in tokens {
        assert_eq!(bench.joined(token).generation, 1);
    }
}

#[test]
fn a_forming_group_goes_on_when_nobody_new_has_come_for_the_delay() {
    let config =
        GroupConfig { group_initial_rebalance_delay: seconds(3), ..GroupConfig::default() };
    let mut bench = Bench::with(config);
    let mut tokens = vec![bench.join("")];
    bench.wait(Duration::from_millis(100));
    tokens.push(bench.join(""));
    bench.wait(Duration::from_millis(2_999));
    assert!(tokens.iter().all(|token| bench.is_waiting(*token)));
    bench.wait(Duration::from_millis(1));
    for token in tokens {
        assert_eq!(bench.joined(token).generation, 1);
    }
}

#[test]
fn a_new_dynamic_member_has_to_come_again_with_the_id_that_it_gets() {
    let mut bench = Bench::new();
    let mut join = bench.join_of("");
    join.requires_known_member_id = true;
    let token = bench.send(Command::Join(join.clone()));
    let Some(Reply::Joined(Err(refused))) = bench.reply(token) else { panic!() };
    assert_eq!(refused.error, GroupError::MemberIdRequired);
    assert_eq!(&*refused.member_id, "client-uuid-1");
    join.member_id = refused.member_id.clone();
    let token = bench.send(Command::Join(join));
    assert_eq!(bench.joined(token).member_id, refused.member_id);
}

#[test]
fn an_id_that_is_not_used_within_the_session_timeout_is_forgotten() {
    let mut bench = Bench::new();
    let mut join = bench.join_of("");
    join.requires_known_member_id = true;
    bench.send(Command::Join(join));
    bench.wait(seconds(11));
    let token = bench.join("client-uuid-1");
    assert_eq!(bench.join_error(token), GroupError::UnknownMemberId);
}

#[test]
fn a_rebalance_waits_for_an_id_that_was_given_out() {
    let mut bench = Bench::new();
    let members = bench.stable(1);
    let mut join = bench.join_of("");
    join.requires_known_member_id = true;
    bench.send(Command::Join(join));
    let again = bench.join(&members[0].member_id);
    assert!(bench.is_waiting(again), "the pending member may still come");
    bench.wait(seconds(10));
    assert_eq!(bench.joined(again).members.len(), 1);
}

#[test]
fn members_without_a_common_protocol_are_refused() {
    let mut bench = Bench::new();
    bench.stable(1);
    let mut join = bench.join_of("");
    join.protocols = vec![protocol("sticky", &["t"])];
    let token = bench.send(Command::Join(join.clone()));
    assert_eq!(bench.join_error(token), GroupError::InconsistentGroupProtocol);
    join.protocols = vec![protocol("range", &["t"])];
    join.protocol_type = "connect".into();
    let token = bench.send(Command::Join(join));
    assert_eq!(bench.join_error(token), GroupError::InconsistentGroupProtocol);
}

#[test]
fn nobody_is_left_to_disagree_while_an_id_that_was_given_out_is_waited_for() {
    let mut bench = Bench::new();
    let members = bench.stable(1);
    let mut pending = bench.join_of("");
    pending.requires_known_member_id = true;
    bench.send(Command::Join(pending));
    // It joins again, so that the rebalance waits for the pending one, and goes away.
    bench.join(&members[0].member_id);
    bench.leave(&members[0].member_id).expect("it may leave");
    let mut join = bench.join_of("");
    join.protocols = vec![protocol("sticky", &["t"])];
    let token = bench.send(Command::Join(join));
    bench.wait(seconds(10));
    assert_eq!(bench.joined(token).protocol.as_deref(), Some("sticky"));
}

#[test]
fn the_protocol_that_most_members_prefer_among_the_common_ones_wins() {
    let mut bench = Bench::new();
    let with = |names: &[&str]| names.iter().map(|name| protocol(name, &["t"])).collect::<Vec<_>>();
    let mut first = bench.join_of("");
    first.protocols = with(&["own", "a", "b"]);
    let token = bench.send(Command::Join(first.clone()));
    let leader = bench.joined(token);
    assert_eq!(leader.protocol.as_deref(), Some("own"));
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let mut join = bench.join_of("");
        join.protocols = with(&["b", "a"]);
        tokens.push(bench.send(Command::Join(join)));
    }
    first.member_id = leader.member_id;
    tokens.push(bench.send(Command::Join(first)));
    for token in tokens {
        assert_eq!(bench.joined(token).protocol.as_deref(), Some("b"));
    }
}

#[test]
fn a_join_sets_off_a_rebalance_that_the_others_hear_of_by_heartbeat() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    let third = bench.join("");
    assert_eq!(bench.heartbeat(&members[0]), Err(GroupError::RebalanceInProgress));
    let synced = bench.sync(&members[1], &[]);
    assert_eq!(bench.assignment(synced), Err(GroupError::RebalanceInProgress));
    let generation = members[0].generation;
    assert_eq!(bench.commit_as(generation, &members[0].member_id, "t", 5), Ok(vec![Ok(())]));
    let tokens = [bench.join(&members[0].member_id), bench.join(&members[1].member_id), third];
    for token in tokens {
        assert_eq!(bench.joined(token).generation, generation + 1);
    }
    assert_eq!(bench.heartbeat(&members[0]), Err(GroupError::IllegalGeneration));
}

#[test]
fn whom_the_leader_leaves_out_has_nothing_any_more() {
    let mut bench = Bench::new();
    let before = bench.stable(2);
    let tokens: Vec<Token> =
        [&before[0], &before[1]].map(|member| bench.join(&member.member_id)).into();
    let joined: Vec<Joined> = tokens.into_iter().map(|token| bench.joined(token)).collect();
    let left_out = bench.sync(&joined[1], &[]);
    let leads = bench.sync(&joined[0], &[(&joined[0].member_id, "all")]);
    assert_eq!(bench.assignment(leads), Ok("all".into()));
    assert_eq!(bench.assignment(left_out), Ok(String::new()), "not what it had before");
}

#[test]
fn a_commit_between_join_and_assignment_is_refused() {
    let mut bench = Bench::new();
    let token = bench.join("");
    let joined = bench.joined(token);
    let outcome = bench.commit_as(joined.generation, &joined.member_id, "t", 5);
    assert_eq!(outcome, Err(GroupError::RebalanceInProgress));
}

#[test]
fn members_that_do_not_join_again_in_time_are_out() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    let again = bench.join(&members[0].member_id);
    for _ in 0..7 {
        bench.wait(seconds(9));
        let _ = bench.heartbeat(&members[1]);
    }
    let joined = bench.joined(again);
    assert_eq!(joined.members.len(), 1);
    assert_eq!(bench.heartbeat(&members[1]), Err(GroupError::UnknownMemberId));
}

#[test]
fn a_leader_that_is_gone_hands_over() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    assert_eq!(bench.leave(&members[0].member_id), Ok(()));
    let again = bench.join(&members[1].member_id);
    let joined = bench.joined(again);
    assert_eq!(joined.leader, members[1].member_id);
    assert_eq!(joined.members.len(), 1);
}

#[test]
fn a_follower_that_joins_again_unchanged_gets_the_present_generation() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    let again = bench.join(&members[1].member_id);
    let joined = bench.joined(again);
    assert_eq!(joined.generation, members[1].generation);
    assert!(joined.members.is_empty());
    assert_eq!(bench.state(), State::Stable);
}

#[test]
fn a_leader_that_joins_again_makes_a_new_generation() {
    let mut bench = Bench::new();
    let members = bench.stable(1);
    let again = bench.join(&members[0].member_id);
    assert_eq!(bench.joined(again).generation, members[0].generation + 1);
}

#[test]
fn a_member_that_is_not_heard_of_is_out_and_the_others_rebalance() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    bench.wait(seconds(6));
    assert_eq!(bench.heartbeat(&members[0]), Ok(()));
    bench.wait(seconds(5));
    assert_eq!(bench.heartbeat(&members[0]), Err(GroupError::RebalanceInProgress));
    assert_eq!(bench.heartbeat(&members[1]), Err(GroupError::UnknownMemberId));
}

#[test]
fn a_member_whose_request_waits_is_not_taken_for_dead() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    let waiting = bench.join(&members[0].member_id);
    for _ in 0..5 {
        bench.wait(seconds(8));
        assert_eq!(bench.heartbeat(&members[1]), Err(GroupError::RebalanceInProgress));
    }
    assert!(bench.is_waiting(waiting));
    let other = bench.join(&members[1].member_id);
    assert_eq!(bench.joined(waiting).members.len(), 2);
    assert_eq!(bench.joined(other).generation, members[0].generation + 1);
}

#[test]
fn a_member_that_never_asks_for_its_assignment_is_out() {
    let mut bench = Bench::new();
    let members = bench.stable(1);
    let tokens = [bench.join(""), bench.join(&members[0].member_id)];
    let silent = bench.joined(tokens[0]);
    let leader = bench.joined(tokens[1]);
    let synced = bench.sync(&leader, &[(&leader.member_id, "mine")]);
    assert_eq!(bench.assignment(synced), Ok("mine".into()));
    for _ in 0..8 {
        bench.wait(seconds(8));
        let _ = bench.heartbeat(&leader);
        let _ = bench.heartbeat(&silent);
    }
    assert_eq!(bench.heartbeat(&silent), Err(GroupError::UnknownMemberId));
    assert_eq!(bench.heartbeat(&leader), Err(GroupError::RebalanceInProgress));
}

#[test]
fn members_that_the_leader_leaves_out_get_nothing() {
    let mut bench = Bench::new();
    let members = bench.stable(1);
    let tokens = [bench.join(""), bench.join(&members[0].member_id)];
    let follower = bench.joined(tokens[0]);
    let leader = bench.joined(tokens[1]);
    let waiting = bench.sync(&follower, &[]);
    assert!(bench.is_waiting(waiting));
    bench.sync(&leader, &[(&leader.member_id, "all")]);
    assert_eq!(bench.assignment(waiting), Ok(String::new()));
}

#[test]
fn the_last_member_that_leaves_leaves_an_empty_generation() {
    let mut bench = Bench::new();
    let members = bench.stable(1);
    assert_eq!(bench.leave(&members[0].member_id), Ok(()));
    assert_eq!(bench.leave(&members[0].member_id), Err(GroupError::UnknownMemberId));
    assert_eq!(bench.state(), State::Empty);
    let Some(Record::GroupMetadata { value: Some(last), .. }) = bench.log.last() else { panic!() };
    assert_eq!((last.generation, &last.protocol, last.members.len()), (2, &None, 0));
}

/// For a group that may have so many members.
fn small(group_max_size: usize) -> GroupConfig {
    GroupConfig { group_max_size, ..Bench::new().config }
}

#[test]
fn a_group_takes_no_more_members_than_allowed() {
    let mut bench = Bench::with(small(2));
    let members = bench.stable(2);
    let third = bench.join("");
    assert_eq!(bench.join_error(third), GroupError::GroupMaxSizeReached);
    let again = bench.join(&members[0].member_id);
    assert!(bench.is_waiting(again), "known members still may");
}

#[test]
fn whoever_has_joined_waits_no_longer_for_the_one_that_finds_no_room() {
    let mut bench = Bench::with(small(2));
    let members = bench.stable(2);
    let leader = bench.join(&members[0].member_id);
    let mut join = bench.join_of("");
    join.requires_known_member_id = true;
    let Reply::Joined(Err(told)) = bench.ask(Command::Join(join)) else { panic!() };
    let third = bench.join(&told.member_id);
    assert!(bench.is_waiting(leader) && bench.is_waiting(third), "for the second");
    let second = bench.join(&members[1].member_id);
    assert_eq!(bench.join_error(second), GroupError::GroupMaxSizeReached);
    let joined = bench.joined(leader);
    assert_eq!((joined.generation, joined.members.len()), (members[0].generation + 1, 2));
    assert_eq!(bench.joined(third).generation, joined.generation);
    assert_eq!(bench.heartbeat(&members[1]), Err(GroupError::UnknownMemberId));
}

#[test]
fn whoever_has_joined_waits_no_longer_for_an_id_that_finds_no_room() {
    let mut bench = Bench::with(small(2));
    let members = bench.stable(1);
    let ask = |bench: &mut Bench| {
        let join = Join { requires_known_member_id: true, ..bench.join_of("") };
        let Reply::Joined(Err(told)) = bench.ask(Command::Join(join)) else { panic!() };
        told.member_id
    };
    let (second, third) = (ask(&mut bench), ask(&mut bench));
    let leader = bench.join(&members[0].member_id);
    let second = bench.join(&second);
    assert!(bench.is_waiting(leader) && bench.is_waiting(second), "for the third");
    let third = bench.join(&third);
    assert_eq!(bench.join_error(third), GroupError::GroupMaxSizeReached);
    assert_eq!(bench.joined(leader).generation, bench.joined(second).generation);
}

#[test]
fn a_reloaded_group_that_is_larger_than_allowed_by_now_goes_on_when_it_has_shed() {
    let mut bench = Bench::new();
    let members = bench.stable(3);
    bench.config = small(2);
    bench.reload();
    assert_eq!(bench.state(), State::PreparingRebalance);
    let tokens: Vec<Token> = members.iter().map(|member| bench.join(&member.member_id)).collect();
    assert_eq!(bench.join_error(tokens[2]), GroupError::GroupMaxSizeReached);
    for token in &tokens[..2] {
        assert_eq!(bench.joined(*token).generation, members[0].generation + 1);
    }
}

#[test]
fn session_timeouts_have_bounds() {
    let mut bench = Bench::new();
    for timeout in [5_999, 1_800_001, 0, -1] {
        let mut join = bench.join_of("");
        join.session_timeout_ms = timeout;
        let token = bench.send(Command::Join(join));
        assert_eq!(bench.join_error(token), GroupError::InvalidSessionTimeout);
    }
}

#[test]
fn the_group_without_a_name_has_no_members() {
    let mut bench = Bench::new();
    let mut join = bench.join_of("");
    join.group = GroupId::default();
    let token = bench.send(Command::Join(join));
    assert_eq!(bench.join_error(token), GroupError::InvalidGroupId);
}

#[test]
fn a_request_that_its_own_member_repeats_is_answered_and_not_lost() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    let given_up = bench.join(&members[0].member_id);
    let current = bench.join(&members[0].member_id);
    assert_eq!(bench.join_error(given_up), GroupError::RebalanceInProgress);
    bench.join(&members[1].member_id);
    assert_eq!(bench.joined(current).members.len(), 2);
}

#[test]
fn a_group_that_does_not_fit_a_record_is_not_stable_until_records_may_be_larger() {
    let mut bench = Bench::new();
    bench.cluster.record_bytes_max = 1_000;
    let token = bench.join("");
    let joined = bench.joined(token);
    let huge = "x".repeat(2_000);
    let synced = bench.sync(&joined, &[(&joined.member_id, &huge)]);
    assert_eq!(bench.assignment(synced), Err(GroupError::RecordTooLarge));
    assert_eq!(bench.state(), State::PreparingRebalance);

    bench.cluster.record_bytes_max = 3_000;
    let token = bench.join(&joined.member_id);
    let joined = bench.joined(token);
    let synced = bench.sync(&joined, &[(&joined.member_id, &huge)]);
    assert_eq!(bench.assignment(synced), Ok(huge));
    assert_eq!(bench.state(), State::Stable);
}

#[test]
fn ids_that_were_given_out_are_taken_also_when_no_more_are() {
    let mut bench = Bench::new();
    let ask = |bench: &mut Bench| {
        let join = Join { requires_known_member_id: true, ..bench.join_of("") };
        match bench.ask(Command::Join(join)) {
            Reply::Joined(Err(refused)) => refused,
            other => panic!("{other:?}"),
        }
    };
    let first = ask(&mut bench);
    for _ in 1..PENDING_MEMBERS_MAX {
        assert_eq!(ask(&mut bench).error, GroupError::MemberIdRequired);
    }
    assert_eq!(ask(&mut bench).error, GroupError::GroupMaxSizeReached);
    let token = bench.join(&first.member_id);
    assert_eq!(bench.joined(token).member_id, first.member_id);
}

#[test]
fn no_more_ids_than_that_are_given_out_while_a_rebalance_is_prepared() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    let waiting = bench.join(&members[0].member_id);
    assert_eq!(bench.state(), State::PreparingRebalance);
    let ask = |bench: &mut Bench| {
        let join = Join { requires_known_member_id: true, ..bench.join_of("") };
        let token = bench.send(Command::Join(join));
        bench.join_error(token)
    };
    for _ in 0..PENDING_MEMBERS_MAX {
        assert_eq!(ask(&mut bench), GroupError::MemberIdRequired);
    }
    assert_eq!(ask(&mut bench), GroupError::GroupMaxSizeReached);
    // Who is in the group comes again all the same, and what was given out is forgotten in time.
    let again = bench.join(&members[1].member_id);
    assert!(bench.is_waiting(waiting) && bench.is_waiting(again));
    bench.wait(seconds(10));
    assert_eq!(bench.joined(waiting).members.len(), 2);
    assert_eq!(bench.joined(again).generation, members[1].generation + 1);
    assert_eq!(ask(&mut bench), GroupError::MemberIdRequired);
}

#[test]
fn ids_that_are_given_out_are_bounded_in_bytes_too() {
    let mut bench = Bench::new();
    let client_id = "c".repeat(32_000);
    let ask = |bench: &mut Bench| {
        let client_id = client_id.clone();
        let join = Join { requires_known_member_id: true, client_id, ..bench.join_of("") };
        let token = bench.send(Command::Join(join));
        bench.join_error(token)
    };
    let given =
        (0..PENDING_MEMBERS_MAX).take_while(|_| ask(&mut bench) != GroupError::GroupMaxSizeReached);
    assert_eq!(given.count(), PENDING_MEMBER_ID_BYTES_MAX / 32_000 + 1);
    bench.wait(seconds(10));
    assert_eq!(ask(&mut bench), GroupError::MemberIdRequired, "the others are forgotten");
}

#[test]
fn who_waits_can_be_told_when_the_coordinator_goes() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    let waiting = bench.join(&members[0].member_id);
    assert_eq!(bench.coordinator.take_waiting(), [waiting]);
    assert!(bench.coordinator.take_waiting().is_empty());
}

#[test]
fn after_a_reload_members_go_on_and_the_silent_ones_are_out() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    bench.reload();
    assert_eq!(bench.state(), State::Stable);
    assert_eq!(bench.heartbeat(&members[0]), Ok(()));
    let again = bench.sync(&members[0], &[]);
    assert_eq!(bench.assignment(again), Ok("part-0".into()));
    bench.wait(seconds(9));
    assert_eq!(bench.heartbeat(&members[0]), Ok(()));
    bench.wait(seconds(2));
    assert_eq!(bench.heartbeat(&members[1]), Err(GroupError::UnknownMemberId));
}

#[test]
fn a_rebalance_that_a_crash_interrupts_sends_newcomers_back_to_the_start() {
    let mut bench = Bench::new();
    let members = bench.stable(1);
    let newcomer = bench.join("");
    bench.join(&members[0].member_id);
    let newcomer = bench.joined(newcomer);
    bench.reload();
    assert_eq!(bench.heartbeat(&newcomer), Err(GroupError::UnknownMemberId));
    assert_eq!(bench.heartbeat(&members[0]), Ok(()));
}

#[test]
fn described_members_show_their_metadata_only_while_stable() {
    let mut bench = Bench::new();
    let members = bench.stable(1);
    let description = bench.describe().unwrap();
    assert_eq!(description.protocol, "range");
    assert_eq!(description.protocol_type, "consumer");
    assert_eq!(description.members[0].member_id, members[0].member_id);
    assert!(!description.members[0].metadata.is_empty());
    bench.join("");
    let description = bench.describe().unwrap();
    assert_eq!(description.protocol, "");
    assert!(description.members.iter().all(|member| member.metadata.is_empty()));
}

#[test]
fn unknown_groups_know_nobody() {
    let mut bench = Bench::new();
    assert_eq!(bench.describe(), Err(GroupError::GroupIdNotFound));
    let stranger = bench.join("stranger");
    assert_eq!(bench.join_error(stranger), GroupError::UnknownMemberId);
    assert_eq!(bench.leave(&"stranger".into()), Err(GroupError::UnknownMemberId));
}

#[test]
fn a_group_is_no_place_to_put_memory_to() {
    let mut bench = Bench::new();
    let mut refused = 0;
    for _ in 0..40 {
        let mut join = bench.join_of("");
        join.protocols = vec![Protocol { name: "range".into(), metadata: vec![0; 1 << 20].into() }];
        let token = bench.send(Command::Join(join));
        if let Some(Reply::Joined(Err(it))) = bench.reply(token) {
            assert_eq!(it.error, GroupError::GroupMaxSizeReached);
            refused += 1;
        }
    }
    assert_eq!(refused, 40 - 15);
}

/// How many of these requests to join one group, each under another name, are refused for its size.
fn refused_for_size(count: usize, say: impl Fn(&mut Join, usize)) -> usize {
    let mut bench = Bench::new();
    let refused = (0..count).filter(|at| {
        let mut join = bench.join_of("");
        say(&mut join, *at);
        let token = bench.send(Command::Join(join));
        match bench.reply(token) {
            Some(Reply::Joined(Err(it))) => it.error == GroupError::GroupMaxSizeReached,
            Some(_) | None => false,
        }
    });
    refused.count()
}

#[test]
fn a_group_is_no_place_to_put_empty_protocols_to() {
    let nothing = || Protocol::default();
    let refused = refused_for_size(3, |join, _| {
        join.protocols = std::iter::repeat_with(nothing).take(200_000).collect();
    });
    assert_eq!(refused, 2, "two of these are more than 16 MiB in memory");
}

#[test]
fn what_members_call_themselves_counts_as_well() {
    let long = |at: usize| format!("{at:032000}");
    let room = limits::GROUP_METADATA_BYTES_MAX / 32_100;
    let refused = refused_for_size(600, |join, at| join.client_id = long(at));
    assert!(600 - refused <= room + 5 && 600 - refused >= room - 5, "{refused}");
    let refused = refused_for_size(600, |join, at| {
        join.instance_id = Some(InstanceId::new(long(at)));
    });
    assert!(600 - refused <= room + 5 && 600 - refused >= room - 5, "{refused}");
}

#[test]
fn who_leaves_makes_room_for_all_that_it_said() {
    let mut bench = Bench::new();
    let client_id = "c".repeat(32_000);
    for _ in 0..2 * limits::GROUP_METADATA_BYTES_MAX / 32_000 {
        let join = Join { client_id: client_id.clone(), ..bench.join_of("") };
        let token = bench.send(Command::Join(join));
        let joined = bench.joined(token);
        bench.leave(&joined.member_id).expect("it may leave");
    }
}
