//! What an assignment may look like, whatever was before.

use proptest::prelude::*;

use super::*;

fn topic(number: u8) -> TopicId {
    TopicId::from_bytes([number + 1; 16])
}

/// Members by number, their topics, and what they have.
#[derive(Clone, Debug, Default)]
struct Group {
    members: Vec<(MemberId, Option<InstanceId>, BTreeSet<TopicId>)>,
    current: Vec<Assignment>,
    counts: BTreeMap<TopicId, i32>,
}

impl Group {
    fn of(members: usize, counts: &[(u8, i32)]) -> Self {
        let counts: BTreeMap<TopicId, i32> =
            counts.iter().map(|(number, count)| (topic(*number), *count)).collect();
        let topics: BTreeSet<TopicId> = counts.keys().copied().collect();
        let mut group = Self { counts, ..Self::default() };
        (0..members).for_each(|_| group.join(topics.clone()));
        group
    }

    fn join(&mut self, topics: BTreeSet<TopicId>) {
        let id = MemberId::new(format!("m{:05}", self.members.len()));
        self.members.push((id, None, topics));
        self.current.push(Assignment::new());
    }

    fn assign(&self, assignor: Assignor) -> Vec<Assignment> {
        let subscribers: Vec<Subscriber<'_>> = self
            .members
            .iter()
            .zip(&self.current)
            .map(|((member_id, instance_id, topics), current)| Subscriber {
                member_id,
                instance_id: instance_id.as_ref(),
                topics,
                current: Some(current),
            })
            .collect();
        assignor.assign(&subscribers, &self.counts)
    }

    /// Everything that somebody subscribes to has one owner, who subscribes to it.
    fn assert_sound(&self, assignments: &[Assignment]) {
        let mut owned = BTreeSet::new();
        for ((_, _, topics), assignment) in self.members.iter().zip(assignments) {
            for (topic, partitions) in assignment {
                assert!(topics.contains(topic), "not subscribed");
                assert!(!partitions.is_empty(), "a topic without partitions");
                for partition in partitions {
                    assert!((0..self.counts[topic]).contains(partition), "no such partition");
                    assert!(owned.insert((*topic, *partition)), "two owners");
                }
            }
        }
        let wanted: BTreeSet<TopicId> =
            self.members.iter().flat_map(|(_, _, topics)| topics).copied().collect();
        let all: usize = wanted.iter().map(|topic| self.counts[topic] as usize).sum();
        assert_eq!(owned.len(), all, "every partition has an owner");
    }

    fn assert_balanced(&self, assignments: &[Assignment]) {
        let sizes: Vec<usize> = assignments.iter().map(size).collect();
        for (from, assignment) in assignments.iter().enumerate() {
            for topic in assignment.keys() {
                for (to, (_, _, topics)) in self.members.iter().enumerate() {
                    assert!(
                        !topics.contains(topic) || sizes[from] <= sizes[to] + 1,
                        "{from} has {} and could give to {to}, which has {}",
                        sizes[from],
                        sizes[to]
                    );
                }
            }
        }
    }
}

/// How many partitions have another owner than before.
fn moved(before: &[Assignment], after: &[Assignment]) -> usize {
    let lost = |(before, after): (&Assignment, &Assignment)| {
        let stays = |topic, partition| {
            after
                .get(topic)
                .is_some_and(|partitions: &BTreeSet<i32>| partitions.contains(partition))
        };
        before
            .iter()
            .flat_map(|(topic, partitions)| partitions.iter().map(move |it| (topic, it)))
            .filter(|(topic, partition)| !stays(topic, partition))
            .count()
    };
    before.iter().zip(after).map(lost).sum()
}

fn groups() -> impl Strategy<Value = Group> {
    let counts = proptest::collection::vec(1..12i32, 1..5);
    let topics = proptest::collection::vec(any::<u8>(), 1..9);
    (counts, topics, any::<bool>()).prop_map(|(counts, masks, alike)| {
        let counts: BTreeMap<TopicId, i32> =
            (0..).zip(counts).map(|(number, count)| (topic(number), count)).collect();
        let mut group = Group { counts: counts.clone(), ..Group::default() };
        for mask in masks {
            let of_mask = |at: usize| alike || mask >> at & 1 == 1;
            let topics = counts.keys().enumerate().filter(|(at, _)| of_mask(*at));
            group.join(topics.map(|(_, topic)| *topic).collect());
        }
        group
    })
}

proptest! {
    /// Also when what members have was made up: owned twice, of other topics, beyond the end.
    #[test]
    fn every_partition_has_one_subscribed_owner_and_owners_are_balanced(
        mut group in groups(),
        claims in proptest::collection::vec((0..9usize, 0..6u8, 0..20i32), 0..40),
    ) {
        for (member, number, partition) in claims {
            let at = member % group.members.len();
            give(&mut group.current[at], topic(number), partition);
        }
        let uniform = group.assign(Assignor::Uniform);
        group.assert_sound(&uniform);
        group.assert_balanced(&uniform);
        group.assert_sound(&group.assign(Assignor::Range));
    }

    #[test]
    fn nothing_moves_when_nothing_has_changed(mut group in groups()) {
        for assignor in Assignor::ALL {
            group.current = group.assign(assignor);
            prop_assert_eq!(&group.assign(assignor), &group.current);
        }
    }

    /// Sticky: only what the new member gets leaves its owner.
    #[test]
    fn a_new_member_takes_only_its_own_part(members in 1..9usize, count in 1..60i32) {
        let mut group = Group::of(members, &[(0, count)]);
        group.current = group.assign(Assignor::Uniform);
        let before = group.current.clone();
        group.join(group.counts.keys().copied().collect());
        let after = group.assign(Assignor::Uniform);
        prop_assert_eq!(moved(&before, &after), size(&after[members]));
    }

    #[test]
    fn who_stays_keeps_all_when_a_member_leaves(members in 2..9usize, count in 1..60i32) {
        let mut group = Group::of(members, &[(0, count), (1, 3)]);
        group.current = group.assign(Assignor::Uniform);
        group.members.remove(0);
        group.current.remove(0);
        let after = group.assign(Assignor::Uniform);
        prop_assert_eq!(moved(&group.current, &after), 0);
    }
}

#[test]
fn ranges_of_topics_of_the_same_size_meet_in_one_member() {
    let group = Group::of(3, &[(0, 7), (1, 7)]);
    let assignments = group.assign(Assignor::Range);
    let ranges: Vec<Vec<i32>> =
        assignments.iter().map(|it| it[&topic(0)].iter().copied().collect()).collect();
    assert_eq!(ranges, [vec![0, 1, 2], vec![3, 4], vec![5, 6]]);
    for assignment in &assignments {
        assert_eq!(assignment[&topic(0)], assignment[&topic(1)]);
    }
}

#[test]
fn static_members_get_the_first_ranges_by_their_instance_ids() {
    let mut group = Group::of(3, &[(0, 3)]);
    group.members[1].1 = Some("b".into());
    group.members[2].1 = Some("a".into());
    let assignments = group.assign(Assignor::Range);
    let first: Vec<i32> =
        assignments.iter().map(|it| it[&topic(0)].first().copied().unwrap()).collect();
    assert_eq!(first, [2, 1, 0]);
}

#[test]
fn ranges_are_cut_for_the_subscribers_of_each_topic() {
    let mut group = Group::of(1, &[(0, 4), (1, 4)]);
    group.join([topic(1)].into());
    let assignments = group.assign(Assignor::Range);
    assert_eq!(assignments[0][&topic(0)].len(), 4);
    assert_eq!(assignments[0][&topic(1)], [0, 1].into());
    assert_eq!(assignments[1], Assignment::from([(topic(1), [2, 3].into())]));
}

#[test]
fn nobody_gets_nothing_of_nothing() {
    for assignor in Assignor::ALL {
        assert!(Group::of(0, &[]).assign(assignor).is_empty());
        assert_eq!(Group::of(2, &[]).assign(assignor), [Assignment::new(), Assignment::new()]);
        assert_eq!(Assignor::from_name(assignor.name()), Some(assignor));
    }
}

/// A core does nothing else meanwhile (R8).
#[test]
fn a_thousand_members_and_partitions_take_milliseconds() {
    let bound_ms = if cfg!(debug_assertions) { 2_000 } else { 50 };
    let mut alike = Group::of(1_000, &[(0, 500), (1, 500)]);
    let mut mixed = alike.clone();
    mixed.members[0].2.remove(&topic(0));
    let many: Vec<(u8, i32)> = (0..200).map(|number| (number, 5)).collect();
    let mut many = Group::of(1_000, &many);
    many.members[0].2.remove(&topic(0));
    for group in [&mut alike, &mut mixed, &mut many] {
        for assignor in Assignor::ALL {
            let fastest = (0..5).map(|_| elapsed_ms(|| drop(group.assign(assignor)))).min();
            assert!(fastest < Some(bound_ms), "{assignor:?}: {fastest:?} ms");
            group.current = group.assign(assignor);
            group.assert_sound(&group.current);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "how long it takes is what is tested")]
fn elapsed_ms(act: impl FnOnce()) -> u128 {
    let began = std::time::Instant::now();
    act();
    began.elapsed().as_millis()
}
