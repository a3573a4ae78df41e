//! The promises of committed offsets, one each.

use pelton_model::TopicId;

use crate::bench_test::{Bench, GROUP, offset_of, seconds};
use crate::*;

const WEEK: u64 = 7 * 24 * 3600;

fn expire_soon() -> Bench {
    Bench::with(GroupConfig {
        group_initial_rebalance_delay: std::time::Duration::ZERO,
        offsets_retention_ms: 100_000,
        offsets_retention_check_interval: seconds(10),
        ..GroupConfig::default()
    })
}

/// Keeps the members alive over so many seconds.
fn stay(bench: &mut Bench, members: &[Joined], count: u64) {
    for _ in 0..count / 5 {
        bench.wait(seconds(5));
        for member in members {
            assert_eq!(bench.heartbeat(member), Ok(()));
        }
    }
}

#[test]
fn what_is_committed_is_fetched_and_what_is_not_is_minus_one() {
    let mut bench = Bench::new();
    assert_eq!(bench.committed("t"), -1);
    assert_eq!(bench.commit_as(-1, "", "t", 42), Ok(vec![Ok(())]));
    assert_eq!(bench.commit_as(-1, "", "t", -2), Ok(vec![Ok(())]));
    assert_eq!(bench.committed("t"), -2);
    assert_eq!(bench.committed("other"), -1);
}

#[test]
fn each_committed_offset_adds_to_what_the_group_is_said_to_keep() {
    let mut bench = Bench::new();
    let mut kept = Vec::new();
    for topic in ["t", "u", "v"] {
        assert_eq!(bench.commit_as(-1, "", topic, 42), Ok(vec![Ok(())]));
        kept.push(bench.coordinator.group_figures(None, 1)[0].state_bytes);
    }
    assert_eq!(kept[1] - kept[0], kept[2] - kept[1]);
    assert!(kept[1] - kept[0] >= 2 * size_of::<i64>(), "{kept:?}");
}

#[test]
fn the_group_without_a_name_takes_simple_commits() {
    let mut bench = Bench::new();
    let commit =
        CommitOffsets { generation: -1, offsets: vec![offset_of("t", 1)], ..Default::default() };
    let outcome = bench.ask(Command::CommitOffsets(commit));
    assert_eq!(outcome, Reply::Committed(Ok(vec![Ok(())])));
}

#[test]
fn a_commit_is_fenced_by_member_and_generation() {
    let mut bench = Bench::new();
    assert_eq!(bench.commit_as(1, "m", "t", 1), Err(GroupError::IllegalGeneration));
    let members = bench.stable(1);
    let id = members[0].member_id.clone();
    let generation = members[0].generation;
    assert_eq!(bench.commit_as(generation, &id, "t", 1), Ok(vec![Ok(())]));
    assert_eq!(bench.commit_as(generation - 1, &id, "t", 2), Err(GroupError::IllegalGeneration));
    assert_eq!(bench.commit_as(-1, &id, "t", 2), Err(GroupError::IllegalGeneration));
    assert_eq!(bench.commit_as(-1, "", "t", 2), Err(GroupError::UnknownMemberId));
    assert_eq!(bench.commit_as(generation, "x", "t", 2), Err(GroupError::UnknownMemberId));
    assert_eq!(bench.committed("t"), 1);
    bench.leave(&id).unwrap();
    assert_eq!(bench.commit_as(generation, &id, "t", 2), Err(GroupError::UnknownMemberId));
    assert_eq!(bench.commit_as(-1, &id, "t", 2), Ok(vec![Ok(())]), "empty: an operator may");
}

#[test]
fn an_unknown_group_is_named_so_to_those_who_know_the_error() {
    let mut bench = Bench::new();
    let commit = CommitOffsets {
        group: GROUP.into(),
        generation: 0,
        knows_member_epochs: true,
        ..CommitOffsets::default()
    };
    let outcome = bench.ask(Command::CommitOffsets(commit));
    assert_eq!(outcome, Reply::Committed(Err(GroupError::GroupIdNotFound)));
}

#[test]
fn metadata_is_measured_in_utf_16_and_refused_by_partition() {
    let mut bench = Bench::new();
    let with = |metadata: String| OffsetToCommit { metadata: Some(metadata), ..offset_of("t", 1) };
    let commit = CommitOffsets {
        group: GROUP.into(),
        generation: -1,
        // 4,096 units of two bytes each, 2,048 characters of two units, and one unit too many.
        offsets: vec![with("é".repeat(4096)), with("🚀".repeat(2048)), with("x".repeat(4097))],
        ..CommitOffsets::default()
    };
    let outcome = bench.ask(Command::CommitOffsets(commit));
    let refused = Err(GroupError::OffsetMetadataTooLarge);
    assert_eq!(outcome, Reply::Committed(Ok(vec![Ok(()), Ok(()), refused])));
}

#[test]
fn a_commit_keeps_its_member_alive() {
    let mut bench = Bench::new();
    let members = bench.stable(1);
    let (id, generation) = (members[0].member_id.clone(), members[0].generation);
    for offset in 0..5 {
        bench.wait(seconds(8));
        assert_eq!(bench.commit_as(generation, &id, "t", offset), Ok(vec![Ok(())]));
    }
    assert_eq!(bench.heartbeat(&members[0]), Ok(()));
}

#[test]
fn offsets_survive_a_reload() {
    let mut bench = Bench::new();
    let members = bench.stable(1);
    bench.commit_as(members[0].generation, &members[0].member_id, "t", 42).unwrap();
    bench.reload();
    assert_eq!(bench.committed("t"), 42);
}

#[test]
fn simple_commits_expire_by_their_own_age() {
    let mut bench = expire_soon();
    bench.commit_as(-1, "", "old", 1).unwrap();
    bench.wait(seconds(60));
    bench.commit_as(-1, "", "young", 1).unwrap();
    bench.wait(seconds(59));
    assert_eq!((bench.committed("old"), bench.committed("young")), (-1, 1));
    bench.wait(seconds(60));
    assert_eq!(bench.describe(), Err(GroupError::GroupIdNotFound), "the group goes with the last");
    let Some(Record::GroupMetadata { value: None, .. }) = bench.log.last() else { panic!() };
}

#[test]
fn a_groups_offsets_expire_by_how_long_it_has_been_empty() {
    let mut bench = expire_soon();
    let members = bench.stable(1);
    bench.commit_as(members[0].generation, &members[0].member_id, "t", 7).unwrap();
    stay(&mut bench, &members, 300);
    assert_eq!(bench.committed("t"), 7, "as long as somebody reads it");
    bench.leave(&members[0].member_id).unwrap();
    bench.wait(seconds(89));
    assert_eq!(bench.committed("t"), 7);
    bench.wait(seconds(20));
    assert_eq!(bench.committed("t"), -1);
}

#[test]
fn offsets_of_topics_that_nobody_reads_expire_in_a_living_group() {
    let mut bench = expire_soon();
    let members = bench.stable(1);
    let (id, generation) = (members[0].member_id.clone(), members[0].generation);
    bench.commit_as(generation, &id, "t", 7).unwrap();
    bench.commit_as(generation, &id, "former", 7).unwrap();
    stay(&mut bench, &members, 115);
    assert_eq!((bench.committed("t"), bench.committed("former")), (7, -1));
}

#[test]
fn a_retention_of_the_commits_own_counts() {
    let mut bench = Bench::new();
    let commit = CommitOffsets {
        group: GROUP.into(),
        generation: -1,
        retention_ms: Some(1_000),
        offsets: vec![offset_of("t", 1)],
        ..CommitOffsets::default()
    };
    bench.send(Command::CommitOffsets(commit));
    bench.reload();
    assert_eq!(bench.committed("t"), 1);
    bench.wait(seconds(601));
    assert_eq!(bench.committed("t"), -1);
}

#[test]
fn expiry_goes_through_many_groups_step_by_step() {
    let mut bench = Bench::new();
    for at in 0..500 {
        let commit = CommitOffsets {
            group: GroupId::new(format!("g{at}")),
            generation: -1,
            offsets: vec![offset_of("t", 1)],
            ..CommitOffsets::default()
        };
        bench.send(Command::CommitOffsets(commit));
    }
    bench.elapsed += seconds(WEEK + 600);
    let mut steps = 0;
    while bench.coordinator.next_deadline().is_some_and(|at| at <= bench.elapsed) && steps < 100 {
        let effects = bench.coordinator.fire(bench.now(), &bench.cluster);
        // Of each group one offset goes, and the group with it.
        assert!(effects.records.len() <= 2 * limits::EXPIRY_GROUPS_PER_STEP_MAX);
        steps += 1;
    }
    let listed = bench.ask(Command::List { after: None, count_max: 10 });
    assert_eq!(listed, Reply::Listed(Vec::new()));
    assert_eq!(bench.coordinator.figures().offsets_expired, 500);
}

#[test]
fn offsets_are_deleted_unless_somebody_reads_the_topic() {
    let mut bench = Bench::new();
    let members = bench.stable(1);
    let (id, generation) = (members[0].member_id.clone(), members[0].generation);
    bench.commit_as(generation, &id, "t", 1).unwrap();
    bench.commit_as(generation, &id, "former", 1).unwrap();
    let asked = |topic: &str| TopicPartitions { topic: topic.into(), partitions: vec![0] };
    let delete = DeleteOffsets { group: GROUP.into(), topics: vec![asked("t"), asked("former")] };
    let Reply::OffsetsDeleted(Ok(outcomes)) = bench.ask(Command::DeleteOffsets(delete)) else {
        panic!()
    };
    assert_eq!(outcomes[0].outcome, Err(GroupError::GroupSubscribedToTopic));
    assert_eq!(outcomes[1].outcome, Ok(()));
    assert_eq!((bench.committed("t"), bench.committed("former")), (1, -1));
}

#[test]
fn only_empty_groups_are_deleted_and_with_all_that_they_have() {
    let mut bench = Bench::new();
    let members = bench.stable(1);
    bench.commit_as(members[0].generation, &members[0].member_id, "t", 1).unwrap();
    let delete = Command::DeleteGroup { group: GROUP.into() };
    assert_eq!(bench.ask(delete.clone()), Reply::GroupDeleted(Err(GroupError::NonEmptyGroup)));
    bench.leave(&members[0].member_id).unwrap();
    assert_eq!(bench.ask(delete.clone()), Reply::GroupDeleted(Ok(())));
    assert_eq!(bench.ask(delete), Reply::GroupDeleted(Err(GroupError::GroupIdNotFound)));
    bench.reload();
    assert_eq!(bench.committed("t"), -1);
    assert_eq!(bench.describe(), Err(GroupError::GroupIdNotFound));
}

#[test]
fn a_deleted_topic_takes_its_offsets_and_not_those_of_its_namesake() {
    let mut bench = Bench::new();
    let (former, present) = (TopicId::from_bytes([7; 16]), TopicId::from_bytes([8; 16]));
    bench.commit_as(-1, "", "t", 1).unwrap();
    let forget = |topic_id| Command::ForgetTopics {
        topics: vec![("t".into(), topic_id)],
        after: None,
        count_max: 10,
    };
    assert_eq!(bench.ask(forget(present)), Reply::Forgotten(None));
    assert_eq!(bench.committed("t"), 1);
    assert_eq!(bench.ask(forget(former)), Reply::Forgotten(None));
    assert_eq!(bench.committed("t"), -1);
}

#[test]
fn a_topic_that_takes_a_name_over_does_not_take_the_offsets() {
    let mut bench = Bench::new();
    let (former, nameless) = (bench.cluster.set_topic("t", 2), TopicId::ZERO);
    let commit = |bench: &mut Bench, topic_id, partition| {
        let offset = OffsetToCommit { topic_id, partition, ..offset_of("t", 42) };
        bench.send(Command::CommitOffsets(CommitOffsets {
            group: GROUP.into(),
            generation: -1,
            offsets: vec![offset],
            ..CommitOffsets::default()
        }));
    };
    let all = |bench: &mut Bench| {
        let fetch = FetchOffsets { group: GROUP.into(), ..FetchOffsets::default() };
        let Reply::Fetched(Ok(topics)) = bench.ask(Command::FetchOffsets(fetch)) else { panic!() };
        let partitions = topics.into_iter().flat_map(|topic| topic.partitions);
        partitions.map(|it| (it.partition, it.offset)).collect::<Vec<_>>()
    };
    commit(&mut bench, former, 0);
    assert_eq!((bench.committed("t"), all(&mut bench)), (42, vec![(0, 42)]));

    bench.cluster.remove_topic("t");
    let present = bench.cluster.set_topic("t", 2);
    assert_ne!(present, former);
    assert_eq!((bench.committed("t"), all(&mut bench)), (-1, vec![]), "not forgotten yet");
    // By the new one's own commits, and by such as name no id, it has offsets.
    commit(&mut bench, present, 0);
    commit(&mut bench, nameless, 1);
    assert_eq!((bench.committed("t"), all(&mut bench)), (42, vec![(0, 42), (1, 42)]));
}

#[test]
fn a_commit_that_its_topics_deletion_overtook_is_refused() {
    let mut bench = Bench::new();
    let gone = OffsetToCommit { topic_is_gone: true, ..offset_of("t", 9) };
    let commit = CommitOffsets {
        group: GROUP.into(),
        generation: -1,
        offsets: vec![gone],
        ..CommitOffsets::default()
    };
    let outcome = bench.ask(Command::CommitOffsets(commit));
    assert_eq!(outcome, Reply::Committed(Ok(vec![Err(GroupError::UnknownTopicOrPartition)])));
    assert_eq!(bench.committed("t"), -1);
}
