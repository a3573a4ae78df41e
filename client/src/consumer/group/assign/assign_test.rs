use super::*;

fn member(id: &str, topics: &[&str], owned: &[(&str, i32)], generation: i32) -> Member {
    Member {
        id: id.into(),
        instance_id: None,
        topics: topics.iter().map(|topic| Arc::from(*topic)).collect(),
        owned: owned.iter().map(|(topic, index)| TopicPartition::new(topic, *index)).collect(),
        generation,
    }
}

fn counts(counts: &[(&str, usize)]) -> BTreeMap<Arc<str>, usize> {
    counts.iter().map(|(topic, count)| (Arc::from(*topic), *count)).collect()
}

/// Each member's share, as "a: t/0 t/1".
fn lines(division: &Division) -> Vec<String> {
    let line = |(id, share): (&Arc<str>, &BTreeSet<TopicPartition>)| {
        let share: Vec<_> = share.iter().map(ToString::to_string).collect();
        format!("{id}: {}", share.join(" "))
    };
    division.iter().map(line).collect()
}

// The examples of the Java assignors' own documentation.

#[test]
fn range_gives_each_topic_in_ranges() {
    let members = [member("c0", &["t0", "t1"], &[], -1), member("c1", &["t0", "t1"], &[], -1)];
    let division = divide(Assignor::Range, &members, &counts(&[("t0", 3), ("t1", 3)]));
    assert_eq!(lines(&division), ["c0: t0/0 t0/1 t1/0 t1/1", "c1: t0/2 t1/2"]);
}

#[test]
fn round_robin_gives_all_partitions_in_turn() {
    let members = [member("c1", &["t0", "t1"], &[], -1), member("c0", &["t0", "t1"], &[], -1)];
    let division = divide(Assignor::RoundRobin, &members, &counts(&[("t0", 3), ("t1", 3)]));
    assert_eq!(lines(&division), ["c0: t0/0 t0/2 t1/1", "c1: t0/1 t1/0 t1/2"]);
}

#[test]
fn round_robin_passes_over_who_does_not_subscribe() {
    let members = [
        member("c0", &["t0"], &[], -1),
        member("c1", &["t0", "t1"], &[], -1),
        member("c2", &["t0", "t1", "t2"], &[], -1),
    ];
    let division =
        divide(Assignor::RoundRobin, &members, &counts(&[("t0", 1), ("t1", 2), ("t2", 3)]));
    assert_eq!(lines(&division), ["c0: t0/0", "c1: t1/0", "c2: t1/1 t2/0 t2/1 t2/2"]);
}

#[test]
fn members_with_an_instance_id_come_first() {
    let mut named = member("z", &["t"], &[], -1);
    named.instance_id = Some("instance".into());
    let division =
        divide(Assignor::Range, &[member("a", &["t"], &[], -1), named], &counts(&[("t", 1)]));
    assert_eq!(lines(&division), ["a: ", "z: t/0"]);
}

#[test]
fn a_topic_of_which_nothing_is_known_has_no_partitions() {
    for assignor in [Assignor::Range, Assignor::RoundRobin, Assignor::CooperativeSticky] {
        let division = divide(assignor, &[member("a", &["t"], &[], -1)], &BTreeMap::new());
        assert_eq!(lines(&division), ["a: "]);
    }
}

#[test]
fn sticky_leaves_everybody_what_it_has() {
    let members = [
        member("a", &["t"], &[("t", 1), ("t", 3)], 5),
        member("b", &["t"], &[("t", 0), ("t", 2)], 5),
    ];
    let division = divide(Assignor::CooperativeSticky, &members, &counts(&[("t", 4)]));
    assert_eq!(lines(&division), ["a: t/1 t/3", "b: t/0 t/2"]);
}

#[test]
fn what_changes_hands_goes_to_nobody_first() {
    let mut members = vec![
        member("a", &["t"], &[("t", 0), ("t", 1), ("t", 2), ("t", 3)], 5),
        member("b", &["t"], &[], -1),
    ];
    let counts = counts(&[("t", 4)]);
    let division = divide(Assignor::CooperativeSticky, &members, &counts);
    assert_eq!(lines(&division), ["a: t/0 t/1", "b: "]);
    members[0] = member("a", &["t"], &[("t", 0), ("t", 1)], 6);
    members[1] = member("b", &["t"], &[], 6);
    let division = divide(Assignor::CooperativeSticky, &members, &counts);
    assert_eq!(lines(&division), ["a: t/0 t/1", "b: t/2 t/3"]);
}

#[test]
fn of_two_that_claim_a_partition_the_later_generation_has_it() {
    let members =
        [member("a", &["t"], &[("t", 0), ("t", 1)], 4), member("b", &["t"], &[("t", 0)], 5)];
    let division = divide(Assignor::CooperativeSticky, &members, &counts(&[("t", 2)]));
    assert_eq!(lines(&division), ["a: t/1", "b: t/0"]);
}

#[test]
fn sticky_shares_differ_by_one_at_most_and_nothing_is_left_over_or_given_twice() {
    let mut dice = fastrand::Rng::with_seed(1);
    for round in 0..200 {
        let partition_counts = counts(&[("t", dice.usize(0..20)), ("u", dice.usize(0..20))]);
        let all = partitions_of(partition_counts.keys(), &partition_counts);
        let mut members: Vec<_> = (0..dice.i32(1..8))
            .map(|number| member(&format!("m{number}"), &["t", "u"], &[], 1))
            .collect();
        for of in &all {
            if dice.bool() {
                let owner = dice.usize(0..members.len());
                members[owner].owned.insert(of.clone());
            }
        }
        // The first round frees what changes hands; the second gives it.
        for _ in 0..2 {
            let division = divide(Assignor::CooperativeSticky, &members, &partition_counts);
            for member in &mut members {
                member.owned = division[&member.id].clone();
            }
        }
        let shares: Vec<_> = members.iter().map(|member| member.owned.len()).collect();
        assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1, "{round}");
        assert_eq!(shares.iter().sum::<usize>(), all.len(), "{round}");
        let given: BTreeSet<_> = members.iter().flat_map(|member| &member.owned).collect();
        assert_eq!(given.len(), all.len(), "{round}");
    }
}

#[test]
fn sticky_keeps_to_what_a_member_subscribes_to() {
    let members = [member("a", &["t"], &[("u", 0)], 1), member("b", &["t", "u"], &[], 1)];
    let counts = counts(&[("t", 3), ("u", 1)]);
    let division = divide(Assignor::CooperativeSticky, &members, &counts);
    // u/0 is still owned by a, who is to give it up.
    assert_eq!(lines(&division), ["a: t/0 t/2", "b: t/1"]);
}
