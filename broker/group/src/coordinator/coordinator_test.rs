//! What holds whatever members do: the log says all that is promised.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::bench_test::{Bench, TestCluster, offset_of, protocol, replayed};
use crate::*;

const GROUPS: [&str; 3] = ["", "flights", "weather"];

/// One thing that somebody does. Members are named by the order in which their ids came.
#[derive(Clone, Debug)]
enum Act {
    Join { group: usize, member: usize, instance: Option<u8>, known_id: bool, topics: u8 },
    Sync { member: usize },
    Beat { member: usize },
    Leave { member: usize },
    Commit { member: Option<usize>, group: usize, topic: u8, offset: i64 },
    DeleteOffsets { group: usize, topic: u8 },
    DeleteGroup { group: usize },
    Wait { ms: u64 },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (1..3usize, 0..8usize, proptest::option::weighted(0.3, 0..3u8), any::<bool>(), 0..3u8)
            .prop_map(|(group, member, instance, known_id, topics)| Act::Join {
                group, member, instance, known_id, topics
            }),
        4 => (0..8usize).prop_map(|member| Act::Sync { member }),
        2 => (0..8usize).prop_map(|member| Act::Beat { member }),
        1 => (0..8usize).prop_map(|member| Act::Leave { member }),
        3 => (proptest::option::of(0..8usize), 0..3usize, 0..3u8, -2..100i64).prop_map(
            |(member, group, topic, offset)| Act::Commit { member, group, topic, offset }
        ),
        1 => (0..3usize, 0..3u8).prop_map(|(group, topic)| Act::DeleteOffsets { group, topic }),
        1 => (0..3usize).prop_map(|group| Act::DeleteGroup { group }),
        2 => prop_oneof![1..5_000u64, 1..700_000u64].prop_map(|ms| Act::Wait { ms }),
    ];
    proptest::collection::vec(act, 1..120)
}

/// What a member last heard of itself.
#[derive(Clone, Default)]
struct Seen {
    group: usize,
    member_id: MemberId,
    generation: i32,
    instance: Option<InstanceId>,
    leads: Vec<MemberId>,
}

struct Play {
    bench: Bench,
    members: Vec<Seen>,
    joins: BTreeMap<Token, usize>,
}

impl Play {
    fn act(&mut self, act: Act) {
        match act {
            Act::Join { group, member, instance, known_id, topics } => {
                let seen = self.members.get(member).cloned().unwrap_or_default();
                let is_known = member < self.members.len();
                let group = if is_known { seen.group } else { group };
                let id = if is_known { &*seen.member_id } else { "" };
                let mut join = self.bench.join_of(id);
                join.group = GROUPS[group].into();
                join.requires_known_member_id = known_id;
                join.can_skip_assignment = known_id;
                join.instance_id = match is_known {
                    true => seen.instance.clone(),
                    false => instance.map(|instance| InstanceId::new(format!("i{instance}"))),
                };
                let topics: Vec<String> = (0..=topics).map(|topic| format!("t{topic}")).collect();
                let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
                join.protocols = vec![protocol("range", &topics)];
                let at = if is_known { member } else { self.members.len() };
                if !is_known {
                    let instance = join.instance_id.clone();
                    self.members.push(Seen { group, instance, ..Seen::default() });
                }
                let token = self.bench.send(Command::Join(join));
                self.joins.insert(token, at);
            }
            Act::Sync { member } => {
                let Some(seen) = self.members.get(member).cloned() else { return };
                let assignments = seen.leads.iter().map(|id| (id.clone(), "part".into()));
                self.bench.send(Command::Sync(Sync {
                    group: GROUPS[seen.group].into(),
                    generation: seen.generation,
                    member_id: seen.member_id.clone(),
                    assignments: assignments.collect(),
                    ..Sync::default()
                }));
            }
            Act::Beat { member } => {
                let Some(seen) = self.members.get(member).cloned() else { return };
                self.bench.send(Command::Heartbeat(Heartbeat {
                    group: GROUPS[seen.group].into(),
                    generation: seen.generation,
                    member_id: seen.member_id.clone(),
                    instance_id: None,
                }));
            }
            Act::Leave { member } => {
                let Some(seen) = self.members.get(member).cloned() else { return };
                let leaving = LeavingMember { member_id: seen.member_id, instance_id: None };
                let group = GROUPS[seen.group].into();
                self.bench.send(Command::Leave(Leave { group, members: vec![leaving] }));
            }
            Act::Commit { member, group, topic, offset } => {
                let seen = member.and_then(|member| self.members.get(member)).cloned();
                let (group, generation, member_id) = match seen {
                    Some(seen) => (seen.group, seen.generation, seen.member_id),
                    None => (group, -1, MemberId::default()),
                };
                self.bench.send(Command::CommitOffsets(CommitOffsets {
                    group: GROUPS[group].into(),
                    generation,
                    member_id,
                    offsets: vec![offset_of(&format!("t{topic}"), offset)],
                    ..CommitOffsets::default()
                }));
            }
            Act::DeleteOffsets { group, topic } => {
                let topic = TopicName::new(format!("t{topic}"));
                let topics = vec![TopicPartitions { topic, partitions: vec![0] }];
                let group = GROUPS[group].into();
                self.bench.send(Command::DeleteOffsets(DeleteOffsets { group, topics }));
            }
            Act::DeleteGroup { group } => {
                self.bench.send(Command::DeleteGroup { group: GROUPS[group].into() });
            }
            Act::Wait { ms } => self.bench.wait(std::time::Duration::from_millis(ms)),
        }
        self.hear();
    }

    /// Members take notice of their answers.
    fn hear(&mut self) {
        for (token, at) in std::mem::take(&mut self.joins) {
            match self.bench.reply(token) {
                Some(Reply::Joined(Ok(joined))) => {
                    let seen = &mut self.members[at];
                    seen.member_id = joined.member_id;
                    seen.generation = joined.generation;
                    seen.leads = joined.members.into_iter().map(|it| it.member_id).collect();
                }
                Some(Reply::Joined(Err(refused))) => {
                    let seen = &mut self.members[at];
                    seen.member_id = match refused.error {
                        GroupError::MemberIdRequired => refused.member_id,
                        _ => MemberId::default(),
                    };
                    seen.generation = -1;
                }
                Some(other) => panic!("not an answer to a join: {other:?}"),
                None => drop(self.joins.insert(token, at)),
            }
        }
    }
}

/// What is promised over a crash: all offsets, and each stable group as it is. Of a group in a
/// rebalance nothing is. A group that has neither offsets nor a record is nobody's.
fn promised(coordinator: &mut Coordinator, now: Now) -> Vec<(String, String)> {
    let mut promised = Vec::new();
    for group in coordinator.group_figures(None, usize::MAX) {
        let id = group.group.to_string();
        promised.push((id.clone(), format!("{:?}", group.offsets)));
        if group.state == GroupState::Classic(State::Stable) {
            let describe = Command::Describe { group: group.group };
            let effects = coordinator.handle(now, &TestCluster::default(), Token(0), describe);
            promised.push((id, format!("{:?}", effects.replies)));
        }
    }
    promised.retain(|(_, what)| what != "[]");
    promised
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// S2 for groups: the state that replies were given from is the one that the log gives back.
    #[test]
    fn replaying_the_log_gives_the_state(acts in acts()) {
        let mut play =
            Play { bench: Bench::new(), members: Vec::new(), joins: BTreeMap::new() };
        for act in acts {
            play.act(act);
            let now = play.bench.now();
            let mut again = replayed(play.bench.config, &play.bench.log);
            let from_log = promised(&mut again, now);
            for it in promised(&mut play.bench.coordinator, now) {
                prop_assert!(from_log.contains(&it), "{it:?} is not on the log");
            }
        }
    }

    /// Nobody is left waiting: in the end every join and sync is answered, and once everyone is
    /// silent no group has members.
    #[test]
    fn silence_ends_every_group_and_every_wait(acts in acts()) {
        let mut play =
            Play { bench: Bench::new(), members: Vec::new(), joins: BTreeMap::new() };
        for act in acts {
            play.act(act);
        }
        play.bench.wait(std::time::Duration::from_secs(3600));
        prop_assert!(play.bench.coordinator.take_waiting().is_empty());
        for group in play.bench.coordinator.group_figures(None, usize::MAX) {
            prop_assert_eq!((group.state.name(), group.members), ("Empty", 0));
        }
    }

    /// Bytes of a log that somebody else wrote never panic.
    #[test]
    fn strange_records_are_an_error_or_skipped(
        key in proptest::collection::vec(any::<u8>(), 0..40),
        kind in 0..4u8,
        value in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..80)),
    ) {
        let mut key = key;
        if key.len() >= 2 {
            (key[0], key[1]) = (0, kind);
        }
        let mut coordinator = Coordinator::new(GroupConfig::default());
        let _ = coordinator.replay(&key, value.as_deref());
    }
}

#[test]
fn listing_goes_on_where_it_ended() {
    let mut bench = Bench::new();
    for name in ["a", "b", "c"] {
        let commit = CommitOffsets {
            group: name.into(),
            generation: -1,
            offsets: vec![offset_of("t", 1)],
            ..CommitOffsets::default()
        };
        bench.send(Command::CommitOffsets(commit));
    }
    let mut names = Vec::new();
    let mut after = None;
    loop {
        let list = Command::List { after: after.clone(), count_max: 2 };
        let Reply::Listed(part) = bench.ask(list) else { panic!() };
        names.extend(part.iter().map(|listing| listing.group.to_string()));
        if part.len() < 2 {
            break;
        }
        after = part.last().map(|listing| listing.group.clone());
    }
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn an_idle_coordinator_without_groups_waits_for_nothing() {
    let mut bench = Bench::new();
    assert_eq!(bench.coordinator.next_deadline(), None);
    bench.describe().unwrap_err();
    assert_eq!(bench.coordinator.next_deadline(), None);
    bench.commit_as(-1, "", "t", 1).unwrap();
    assert!(bench.coordinator.next_deadline().is_some());
}
