//! The promises of groups of the consumer protocol (KIP-848), one each.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use crate::bench_test::{Bench, GROUP, offset_of, replayed, seconds};
use crate::coordinator::Kind;
use crate::*;

pub(super) const TOPIC: &str = "flights";

/// A member as its client knows itself.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub id: MemberId,
    pub epoch: i32,
    pub instance: Option<InstanceId>,
    pub owned: Assignment,
}

impl Client {
    pub(super) fn new(id: &str) -> Self {
        Self { id: id.into(), epoch: 0, instance: None, owned: Assignment::new() }
    }

    pub(super) fn fixed(id: &str, instance: &str) -> Self {
        Self { instance: Some(instance.into()), ..Self::new(id) }
    }

    pub(super) fn partitions(&self) -> usize {
        self.owned.values().map(|partitions| partitions.len()).sum()
    }

    pub(super) fn beat(&self) -> ConsumerHeartbeat {
        ConsumerHeartbeat {
            group: GROUP.into(),
            member_id: self.id.clone(),
            member_epoch: self.epoch,
            instance_id: self.instance.clone(),
            rebalance_timeout_ms: -1,
            client_id: "client".into(),
            client_host: "/127.0.0.1".into(),
            requires_member_id: true,
            ..ConsumerHeartbeat::default()
        }
    }

    pub(super) fn joining(&self, topics: &[&str]) -> ConsumerHeartbeat {
        ConsumerHeartbeat {
            member_epoch: 0,
            rebalance_timeout_ms: 60_000,
            topics: Some(topics.iter().map(|topic| (*topic).into()).collect()),
            owned: Some(Assignment::new()),
            ..self.beat()
        }
    }
}

impl Bench {
    /// Which protocol groups with members may move to.
    pub(super) fn allow(&mut self, upgrade: bool, downgrade: bool) {
        let policy = MigrationPolicy { upgrade, downgrade };
        self.config.consumer.migration_policy = policy;
        self.coordinator.config.consumer.migration_policy = policy;
    }

    pub(super) fn consumers() -> Self {
        let mut bench = Self::new();
        bench.cluster.set_topic(TOPIC, 4);
        bench
    }

    pub(super) fn consumer_beat(
        &mut self,
        beat: ConsumerHeartbeat,
    ) -> Result<ConsumerBeat, GroupError> {
        match self.ask(Command::ConsumerHeartbeat(beat)) {
            Reply::ConsumerBeaten(outcome) => outcome,
            other => panic!("not a heartbeat: {other:?}"),
        }
    }

    /// A client that takes over what it is told.
    pub(super) fn tell(
        &mut self,
        client: &mut Client,
        beat: ConsumerHeartbeat,
    ) -> Result<(), GroupError> {
        let told = self.consumer_beat(beat)?;
        client.id = told.member_id;
        client.epoch = told.member_epoch;
        if let Some(assignment) = told.assignment {
            client.owned = assignment;
        }
        Ok(())
    }

    pub(super) fn enter(&mut self, client: &mut Client, topics: &[&str]) {
        self.tell(client, client.joining(topics)).unwrap();
    }

    /// A heartbeat that tells what is owned.
    pub(super) fn live(&mut self, client: &mut Client) {
        let beat = ConsumerHeartbeat { owned: Some(client.owned.clone()), ..client.beat() };
        self.tell(client, beat).unwrap();
    }

    /// Everybody beats until all are where they are to be.
    pub(super) fn settle(&mut self, clients: &mut [Client]) {
        for _ in 0..10 {
            self.wait(seconds(2));
            for client in &mut *clients {
                self.live(client);
            }
        }
        assert_eq!(self.consumer_group().state, ConsumerState::Stable);
    }

    pub(super) fn members(count: usize) -> (Self, Vec<Client>) {
        let mut bench = Self::consumers();
        let mut clients: Vec<Client> =
            (0..count).map(|number| Client::new(&format!("m{number}"))).collect();
        for client in &mut clients {
            bench.enter(client, &[TOPIC]);
        }
        bench.settle(&mut clients);
        (bench, clients)
    }

    pub(super) fn consumer_group(&mut self) -> ConsumerDescription {
        self.describe_consumers().unwrap()
    }

    pub(super) fn describe_consumers(&mut self) -> Result<ConsumerDescription, GroupError> {
        match self.ask(Command::DescribeConsumer { group: GROUP.into() }) {
            Reply::ConsumerDescribed(outcome) => outcome,
            other => panic!("not a description: {other:?}"),
        }
    }

    pub(super) fn commit_by(&mut self, member: &str, epoch: i32) -> Result<(), GroupError> {
        let topic_id = self.cluster.topic(TOPIC).unwrap().id;
        let commit = CommitOffsets {
            group: GROUP.into(),
            generation: epoch,
            member_id: member.into(),
            knows_member_epochs: true,
            offsets: vec![OffsetToCommit { topic_id, ..offset_of(TOPIC, 7) }],
            ..CommitOffsets::default()
        };
        match self.ask(Command::CommitOffsets(commit)) {
            Reply::Committed(outcome) => outcome.map(|each| assert_eq!(each, [Ok(())])),
            other => panic!("not a commit: {other:?}"),
        }
    }

    pub(super) fn fetch_by(&mut self, member: Option<&str>, epoch: i32) -> Result<(), GroupError> {
        let fetch = FetchOffsets {
            group: GROUP.into(),
            topics: None,
            member_id: member.map(Into::into),
            member_epoch: epoch,
        };
        match self.ask(Command::FetchOffsets(fetch)) {
            Reply::Fetched(outcome) => outcome.map(drop),
            other => panic!("not a fetch: {other:?}"),
        }
    }
}

#[test]
fn the_first_member_has_all_at_once_and_later_ones_their_part_once_it_is_free() {
    let mut bench = Bench::consumers();
    let (mut first, mut second) = (Client::new("m1"), Client::new("m2"));
    bench.enter(&mut first, &[TOPIC]);
    assert_eq!((first.epoch, first.partitions()), (2, 4));

    bench.enter(&mut second, &[TOPIC]);
    assert_eq!((second.epoch, second.partitions()), (2, 0), "not computed twice in a second");
    assert_eq!(bench.consumer_group().state, ConsumerState::Assigning);

    bench.wait(seconds(1));
    bench.live(&mut second);
    assert_eq!((second.epoch, second.partitions()), (3, 0), "nobody has given up yet");
    assert_eq!(bench.consumer_group().state, ConsumerState::Reconciling);

    let all = first.owned.clone();
    bench.live(&mut first);
    assert_eq!((first.epoch, first.partitions()), (2, 2), "asked to give up");
    let kept = first.owned.clone();
    first.owned = all;
    bench.live(&mut first);
    assert_eq!(first.epoch, 2, "it has not");
    bench.live(&mut second);
    assert_eq!(second.partitions(), 0);

    first.owned = kept;
    bench.live(&mut first);
    assert_eq!((first.epoch, first.partitions()), (3, 2));
    bench.live(&mut second);
    assert_eq!((second.epoch, second.partitions()), (3, 2));
    assert_eq!(bench.consumer_group().state, ConsumerState::Stable);
}

#[test]
fn an_assignment_is_told_when_it_changes_or_when_the_member_says_all() {
    let (mut bench, mut clients) = Bench::members(1);
    let quiet = bench.consumer_beat(clients[0].beat()).unwrap();
    assert_eq!(quiet.assignment, None);
    let full = ConsumerHeartbeat {
        member_epoch: clients[0].epoch,
        owned: Some(clients[0].owned.clone()),
        ..clients[0].joining(&[TOPIC])
    };
    assert_eq!(bench.consumer_beat(full).unwrap().assignment, Some(clients[0].owned.clone()));
    let again = clients[0].clone();
    bench.enter(&mut clients[0], &[TOPIC]);
    assert_eq!((clients[0].epoch, &clients[0].owned), (again.epoch, &again.owned));
}

#[test]
fn a_wrong_epoch_is_fenced_unless_an_answer_was_lost() {
    let (mut bench, mut clients) = Bench::members(2);
    let client = clients[0].clone();
    for epoch in [client.epoch + 1, client.epoch - 1] {
        let beat = ConsumerHeartbeat { member_epoch: epoch, ..client.beat() };
        assert_eq!(bench.consumer_beat(beat), Err(GroupError::FencedMemberEpoch), "{epoch}");
    }
    let before = client.epoch - 1;
    let owned = Some(client.owned.clone());
    let lost = ConsumerHeartbeat { member_epoch: before, owned, ..client.beat() };
    assert_eq!(bench.consumer_beat(lost.clone()).unwrap().member_epoch, client.epoch);
    let others = Some(clients[1].owned.clone());
    let beat = ConsumerHeartbeat { owned: others, ..lost };
    assert_eq!(bench.consumer_beat(beat), Err(GroupError::FencedMemberEpoch));
    clients[0].id = "nobody".into();
    assert_eq!(bench.consumer_beat(clients[0].beat()), Err(GroupError::UnknownMemberId));
}

#[test]
fn who_leaves_leaves_its_part_to_the_others() {
    let (mut bench, mut clients) = Bench::members(2);
    let beat = ConsumerHeartbeat { member_epoch: -1, ..clients[0].beat() };
    let left = bench.consumer_beat(beat.clone()).unwrap();
    assert_eq!((left.member_epoch, left.heartbeat_interval_ms), (-1, 0));
    bench.settle(&mut clients[1..]);
    assert_eq!(clients[1].partitions(), 4);
    assert_eq!(bench.consumer_beat(beat), Err(GroupError::UnknownMemberId));
    let beat = ConsumerHeartbeat { member_epoch: -1, ..clients[1].beat() };
    bench.consumer_beat(beat).unwrap();
    let group = bench.consumer_group();
    assert_eq!((group.state, group.group_epoch), (ConsumerState::Empty, group.assignment_epoch));
}

#[test]
fn nobody_is_in_a_group_that_is_not_there() {
    let mut bench = Bench::consumers();
    for epoch in [-1, 1] {
        let beat = ConsumerHeartbeat { member_epoch: epoch, ..Client::new("m").beat() };
        assert_eq!(bench.consumer_beat(beat), Err(GroupError::GroupIdNotFound));
    }
    assert_eq!(bench.describe_consumers(), Err(GroupError::GroupIdNotFound));
}

#[test]
fn a_silent_member_is_out_after_its_session() {
    let (mut bench, mut clients) = Bench::members(2);
    for _ in 0..12 {
        bench.wait(seconds(4));
        bench.live(&mut clients[1]);
    }
    assert_eq!(bench.consumer_beat(clients[0].beat()), Err(GroupError::UnknownMemberId));
    assert_eq!(clients[1].partitions(), 4);
}

#[test]
fn the_group_may_have_a_session_timeout_of_its_own() {
    let (mut bench, clients) = Bench::members(1);
    bench.cluster.config.session_timeout = seconds(5);
    bench.cluster.config.heartbeat_interval_ms = 700;
    assert_eq!(bench.consumer_beat(clients[0].beat()).unwrap().heartbeat_interval_ms, 700);
    bench.wait(seconds(6));
    assert_eq!(bench.consumer_group().state, ConsumerState::Empty);
}

#[test]
fn who_does_not_give_up_in_time_is_out() {
    let (mut bench, mut clients) = Bench::members(1);
    clients.push(Client::new("late"));
    bench.enter(&mut clients[1], &[TOPIC]);
    let asked = bench.consumer_beat(clients[0].beat()).unwrap();
    assert!(asked.assignment.is_some());
    for _ in 0..16 {
        bench.wait(seconds(4));
        let _ = bench.consumer_beat(clients[0].beat());
        bench.live(&mut clients[1]);
    }
    assert_eq!(bench.consumer_beat(clients[0].beat()), Err(GroupError::UnknownMemberId));
    bench.settle(&mut clients[1..]);
    assert_eq!(clients[1].partitions(), 4);
}

#[test]
fn a_static_member_returns_to_what_it_had() {
    let mut bench = Bench::consumers();
    let mut before = Client::fixed("m1", "i1");
    bench.enter(&mut before, &[TOPIC]);
    let mut after = Client::fixed("m2", "i1");
    let joining = after.joining(&[TOPIC]);
    let refused = bench.consumer_beat(joining.clone());
    assert_eq!(refused, Err(GroupError::UnreleasedInstanceId));

    let beat = ConsumerHeartbeat { member_epoch: -2, ..before.beat() };
    assert_eq!(bench.consumer_beat(beat).unwrap().member_epoch, -2);
    assert_eq!(bench.consumer_beat(before.beat()), Err(GroupError::FencedMemberEpoch));
    let epoch = bench.consumer_group().group_epoch;
    bench.tell(&mut after, joining).unwrap();
    assert_eq!((after.epoch, &after.owned), (before.epoch, &before.owned));
    assert_eq!(bench.consumer_group().group_epoch, epoch, "nothing has changed for the group");
    assert_eq!(bench.consumer_beat(before.beat()), Err(GroupError::FencedInstanceId));
}

#[test]
fn a_static_member_that_does_not_return_is_out_after_its_session() {
    let mut bench = Bench::consumers();
    let mut client = Client::fixed("m1", "i1");
    bench.enter(&mut client, &[TOPIC]);
    bench.consumer_beat(ConsumerHeartbeat { member_epoch: -2, ..client.beat() }).unwrap();
    bench.wait(seconds(46));
    assert_eq!(bench.consumer_group().state, ConsumerState::Empty);
}

#[test]
fn a_bad_request_is_refused_before_the_group_is_looked_for() {
    type Change = fn(&mut ConsumerHeartbeat);
    let cases: [(Change, &str); 14] = [
        (|it| it.group = "".into(), "InvalidRequest"),
        (|it| it.member_id = "".into(), "InvalidRequest"),
        (|it| it.instance_id = Some("".into()), "InvalidRequest"),
        (|it| it.rack_id = Some(String::new()), "InvalidRequest"),
        (|it| it.rebalance_timeout_ms = -1, "InvalidRequest"),
        (|it| it.owned = None, "InvalidRequest"),
        (|it| it.owned = Some([(Default::default(), [1].into())].into()), "InvalidRequest"),
        (|it| it.topics = None, "InvalidRequest"),
        (|it| it.member_epoch = -3, "InvalidRequest"),
        (|it| it.member_epoch = -2, "InvalidRequest"),
        (|it| it.member_id = "x".repeat(40_000).as_str().into(), "InvalidRequest"),
        (|it| it.server_assignor = Some("best".into()), "UnsupportedAssignor"),
        (|it| it.regex = Some("(".into()), "InvalidRegularExpression"),
        (|it| it.regex = Some("a{1000}{1000}{1000}".into()), "InvalidRegularExpression"),
    ];
    let mut bench = Bench::consumers();
    for (change, expected) in cases {
        let mut beat = Client::new("m").joining(&[TOPIC]);
        change(&mut beat);
        let refused = bench.consumer_beat(beat.clone()).unwrap_err();
        assert!(format!("{refused:?}").starts_with(expected), "{refused:?} for {beat:?}");
    }
    assert!(bench.log.is_empty());
}

#[test]
fn a_member_of_version_0_is_given_an_id() {
    let mut bench = Bench::consumers();
    let beat = ConsumerHeartbeat {
        requires_member_id: false,
        fresh_id: "drawn".into(),
        ..Client::new("").joining(&[TOPIC])
    };
    assert_eq!(&*bench.consumer_beat(beat).unwrap().member_id, "drawn");
}

#[test]
fn a_full_group_takes_nobody() {
    let config = ConsumerConfig { group_max_size: 1, ..ConsumerConfig::default() };
    let mut bench = Bench::with(GroupConfig { consumer: config, ..GroupConfig::default() });
    bench.cluster.set_topic(TOPIC, 4);
    let mut first = Client::new("m1");
    bench.enter(&mut first, &[TOPIC]);
    let refused = bench.consumer_beat(Client::new("m2").joining(&[TOPIC]));
    assert_eq!(refused, Err(GroupError::GroupMaxSizeReached));
    bench.live(&mut first);
}

#[test]
fn topics_that_come_grow_and_go_change_the_assignment() {
    let (mut bench, mut clients) = Bench::members(2);
    bench.cluster.set_topic(TOPIC, 6);
    bench.settle(&mut clients);
    assert_eq!(clients.iter().map(Client::partitions).collect::<Vec<_>>(), [3, 3]);

    let epoch = bench.consumer_group().group_epoch;
    bench.cluster.set_topic("other", 9);
    bench.settle(&mut clients);
    assert_eq!(bench.consumer_group().group_epoch, epoch, "nobody reads it");

    bench.cluster.remove_topic(TOPIC);
    bench.settle(&mut clients);
    assert_eq!(clients.iter().map(Client::partitions).sum::<usize>(), 0);

    bench.cluster.set_topic(TOPIC, 2);
    bench.settle(&mut clients);
    assert_eq!(clients.iter().map(Client::partitions).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn many_regular_expressions_are_looked_at_one_by_one_when_topics_have_come() {
    const REGEXES: [&str; 3] = ["f.*", "fl.*", ".*light.*"];
    let mut bench = Bench::consumers();
    let mut clients = REGEXES.map(Client::new);
    for (client, regex) in clients.iter_mut().zip(REGEXES) {
        let regex = Some(regex.into());
        let beat = ConsumerHeartbeat { topics: None, regex, ..client.joining(&[]) };
        bench.tell(client, beat).unwrap();
    }
    bench.settle(&mut clients);
    bench.cluster.set_topic("flights-later", 6);
    bench.wait(seconds(10));

    let mut looked = std::collections::BTreeSet::new();
    for _ in REGEXES {
        let before = (bench.log.len(), bench.consumer_group().group_epoch);
        bench.live(&mut clients[0]);
        let written: Vec<&String> = bench.log[before.0..]
            .iter()
            .filter_map(|record| match record {
                Record::Consumer { record: ConsumerRecord::Regex(regex, Some(_)), .. } => {
                    Some(regex)
                }
                _ => None,
            })
            .collect();
        assert_eq!(written.len(), 1, "{written:?}");
        looked.insert(written[0].clone());
        // Whose it is has to hear of it, though all topics together are the same.
        assert!(bench.consumer_group().group_epoch > before.1);
    }
    assert_eq!(looked, REGEXES.map(String::from).into());
    bench.settle(&mut clients);
    assert_eq!(clients.iter().map(Client::partitions).sum::<usize>(), 10);
}

#[test]
fn a_regular_expression_means_whole_names_and_topics_to_come() {
    let mut bench = Bench::consumers();
    bench.cluster.set_topic("fl", 1);
    bench.cluster.set_topic("my-flights", 1);
    let mut client = Client::new("m");
    let beat =
        ConsumerHeartbeat { topics: None, regex: Some("fl.*|x".into()), ..client.joining(&[]) };
    bench.tell(&mut client, beat).unwrap();
    assert_eq!(client.partitions(), 5, "both that match, and not the one that only contains it");

    bench.cluster.set_topic("flowers", 3);
    bench.settle(std::slice::from_mut(&mut client));
    assert_eq!(client.partitions(), 8);

    let beat = ConsumerHeartbeat {
        regex: Some(String::new()),
        topics: Some(vec!["fl".into()]),
        ..client.beat()
    };
    bench.tell(&mut client, beat).unwrap();
    bench.settle(std::slice::from_mut(&mut client));
    assert_eq!(client.partitions(), 1);
    let resolved = bench.log.iter().filter_map(|record| match record {
        Record::Consumer { record: ConsumerRecord::Regex(_, value), .. } => Some(value.is_some()),
        _ => None,
    });
    assert_eq!(resolved.collect::<Vec<_>>(), [true, true, false], "gone with its last user");
}

#[test]
fn what_a_member_unsubscribes_from_it_gives_up_at_once() {
    let (mut bench, mut clients) = Bench::members(1);
    bench.cluster.set_topic("other", 2);
    let beat = ConsumerHeartbeat { topics: Some(vec!["other".into()]), ..clients[0].beat() };
    bench.tell(&mut clients[0], beat).unwrap();
    bench.settle(&mut clients);
    assert_eq!(clients[0].partitions(), 2);
}

#[test]
fn most_members_choose_the_assignor() {
    let (mut bench, mut clients) = Bench::members(3);
    assert_eq!(bench.consumer_group().assignor, Assignor::Uniform);
    for client in &mut clients[..2] {
        let beat = ConsumerHeartbeat { server_assignor: Some("range".into()), ..client.beat() };
        bench.tell(client, beat).unwrap();
    }
    assert_eq!(bench.consumer_group().assignor, Assignor::Range);
    bench.settle(&mut clients);
    let first: Vec<i32> =
        clients[0].owned.values().flat_map(|partitions| partitions.iter().copied()).collect();
    assert_eq!(first, [0, 1]);
}

#[test]
fn commits_and_fetches_name_the_members_epoch() {
    let (mut bench, mut clients) = Bench::members(2);
    let holds_0 =
        clients.iter().position(|it| it.owned.values().any(|part| part.contains(&0))).unwrap();
    let epoch = clients[0].epoch;
    let ids: Vec<String> = clients.iter().map(|it| it.id.to_string()).collect();
    let (holder, other) = (&*ids[holds_0], &*ids[1 - holds_0]);
    assert_eq!(bench.commit_by(holder, epoch), Ok(()));
    assert_eq!(bench.commit_by(holder, epoch + 1), Err(GroupError::StaleMemberEpoch));
    assert_eq!(bench.commit_by("nobody", epoch), Err(GroupError::UnknownMemberId));
    assert_eq!(bench.commit_by("", -1), Err(GroupError::UnknownMemberId));
    assert_eq!(bench.fetch_by(Some(holder), epoch), Ok(()));
    assert_eq!(bench.fetch_by(Some(holder), epoch - 1), Err(GroupError::StaleMemberEpoch));
    assert_eq!(bench.fetch_by(Some("nobody"), epoch), Err(GroupError::UnknownMemberId));
    assert_eq!(bench.fetch_by(None, -1), Ok(()));

    // KIP-1251: what has been its own since that epoch it may commit under it.
    bench.cluster.set_topic("other", 2);
    let beat =
        ConsumerHeartbeat { topics: Some(vec![TOPIC.into(), "other".into()]), ..clients[0].beat() };
    bench.tell(&mut clients[0], beat).unwrap();
    bench.settle(&mut clients);
    assert!(clients[0].epoch > epoch);
    let still = clients[holds_0].owned.values().any(|part| part.contains(&0));
    assert!(still, "uniform is sticky");
    assert_eq!(bench.commit_by(holder, epoch), Ok(()));
    assert_eq!(bench.commit_by(other, epoch), Err(GroupError::StaleMemberEpoch));
    assert_eq!(bench.commit_by(holder, 1), Err(GroupError::StaleMemberEpoch));
}

#[test]
fn old_commits_cannot_tell_an_epoch() {
    let (mut bench, clients) = Bench::members(1);
    assert_eq!(
        bench.commit_as(clients[0].epoch, &clients[0].id, TOPIC, 1),
        Err(GroupError::UnsupportedVersion)
    );
}

#[test]
fn offsets_of_topics_that_are_read_neither_expire_nor_can_be_deleted() {
    let (mut bench, mut clients) = Bench::members(1);
    bench.commit_by("m0", clients[0].epoch).unwrap();
    bench.cluster.config.session_timeout = seconds(30 * 24 * 3600);
    bench.live(&mut clients[0]);
    bench.wait(seconds(8 * 24 * 3600));
    assert_eq!(bench.committed(TOPIC), 7);
    let delete = DeleteOffsets {
        group: GROUP.into(),
        topics: vec![TopicPartitions { topic: TOPIC.into(), partitions: vec![0] }],
    };
    match bench.ask(Command::DeleteOffsets(delete)) {
        Reply::OffsetsDeleted(Ok(outcomes)) => {
            assert_eq!(outcomes[0].outcome, Err(GroupError::GroupSubscribedToTopic));
        }
        other => panic!("{other:?}"),
    }
    let delete = || Command::DeleteGroup { group: GROUP.into() };
    assert_eq!(bench.ask(delete()), Reply::GroupDeleted(Err(GroupError::NonEmptyGroup)));
    bench.consumer_beat(ConsumerHeartbeat { member_epoch: -1, ..clients[0].beat() }).unwrap();
    assert_eq!(bench.ask(delete()), Reply::GroupDeleted(Ok(())));
    assert!(replayed(bench.config, &bench.log).groups.is_empty(), "tombstones for everything");
}

#[test]
fn groups_without_members_take_either_protocol_and_keep_their_offsets() {
    let mut bench = Bench::consumers();
    bench.allow(false, false);
    bench.commit_as(-1, "", TOPIC, 5).unwrap().into_iter().for_each(|it| it.unwrap());
    let mut client = Client::new("m");
    bench.enter(&mut client, &[TOPIC]);
    assert_eq!(bench.committed(TOPIC), 5);
    assert_eq!(bench.describe().unwrap_err(), GroupError::GroupIdNotFound);

    bench.consumer_beat(ConsumerHeartbeat { member_epoch: -1, ..client.beat() }).unwrap();
    let joined = bench.stable(1).remove(0);
    assert_eq!(bench.committed(TOPIC), 5);
    assert_eq!(bench.describe_consumers(), Err(GroupError::GroupIdNotFound));
    let refused = bench.consumer_beat(client.joining(&[TOPIC]));
    assert_eq!(refused, Err(GroupError::GroupIdNotFound));

    bench.leave(&joined.member_id).unwrap();
    bench.enter(&mut client, &[TOPIC]);
    assert_eq!(client.partitions(), 4);
    bench.reload();
    assert_eq!(bench.consumer_group().members.len(), 1);
    assert_eq!(bench.committed(TOPIC), 5);
}

#[test]
fn an_operator_sends_members_away() {
    let (mut bench, mut clients) = Bench::members(2);
    let leave = Leave {
        group: GROUP.into(),
        members: vec![
            LeavingMember { member_id: clients[0].id.clone(), instance_id: None },
            LeavingMember { member_id: "nobody".into(), instance_id: None },
        ],
    };
    let Reply::Left(Ok(left)) = bench.ask(Command::Leave(leave)) else { panic!() };
    assert_eq!(left[0].outcome, Ok(()));
    assert_eq!(left[1].outcome, Err(GroupError::UnknownMemberId));
    bench.settle(&mut clients[1..]);
    assert_eq!(clients[1].partitions(), 4);
}

#[test]
fn a_member_that_joins_and_is_refused_for_its_assignment_is_missed_later() {
    let mut bench = Bench::new();
    bench.cluster.record_bytes_max = 1_000;
    bench.cluster.set_topic(TOPIC, 200);
    let client = Client::new("m");
    let refused = bench.consumer_beat(client.joining(&[TOPIC]));
    assert_eq!(refused, Err(GroupError::RecordTooLarge));
    assert_eq!(bench.consumer_group().members.len(), 1);
    bench.wait(seconds(60));
    assert_eq!(bench.consumer_group().members.len(), 0, "its session is over");
}

#[test]
fn after_a_reload_everything_goes_on() {
    let (mut bench, mut clients) = Bench::members(3);
    let before = bench.consumer_group();
    bench.reload();
    assert_eq!(bench.consumer_group(), before);
    bench.settle(&mut clients);
    assert_eq!(bench.consumer_group(), before, "nothing moves");
    bench.reload();
    bench.wait(seconds(46));
    assert_eq!(bench.consumer_group().state, ConsumerState::Empty, "nobody came back");
}

/// One thing that happens to a group of up to five clients.
#[derive(Clone, Debug)]
enum Act {
    Join { client: usize, topics: u8, regex: bool, range: bool },
    Beat { client: usize, says_owned: bool },
    Leave { client: usize, to_return: bool },
    Topic { number: u8, partitions: i32 },
    Wait { ms: u64 },
    Crash,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0..5usize, 0..8u8, any::<bool>(), any::<bool>()).prop_map(
            |(client, topics, regex, range)| Act::Join { client, topics, regex, range }),
        9 => (0..5usize, any::<bool>()).prop_map(
            |(client, says_owned)| Act::Beat { client, says_owned }),
        2 => (0..5usize, any::<bool>()).prop_map(
            |(client, to_return)| Act::Leave { client, to_return }),
        1 => (0..3u8, 0..5i32).prop_map(|(number, partitions)| Act::Topic { number, partitions }),
        4 => prop_oneof![1..3_000u64, 1..70_000u64].prop_map(|ms| Act::Wait { ms }),
        1 => Just(Act::Crash),
    ];
    proptest::collection::vec(act, 1..80)
}

struct Play {
    bench: Bench,
    clients: Vec<Client>,
}

impl Play {
    fn new() -> Self {
        let mut bench = Bench::consumers();
        bench.cluster.set_topic("t1", 3);
        let clients = (0..5)
            .map(|number| match number {
                0..3 => Client::new(&format!("m{number}")),
                _ => Client::fixed(&format!("m{number}"), &format!("i{number}")),
            })
            .collect();
        Self { bench, clients }
    }

    fn act(&mut self, act: Act) {
        let bench = &mut self.bench;
        match act {
            Act::Join { client, topics, regex, range } => {
                let client = &mut self.clients[client];
                let names: Vec<String> =
                    (0..3).filter(|it| topics >> it & 1 == 1).map(|it| format!("t{it}")).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let mut beat = client.joining(&names);
                beat.regex = regex.then(|| "t[01]|flights".to_owned());
                beat.server_assignor = range.then(|| "range".to_owned());
                // A client that comes anew owns nothing, and a static one has a new id.
                client.owned.clear();
                if client.instance.is_some() {
                    client.id = MemberId::new(format!("{}'", client.id));
                    beat.member_id = client.id.clone();
                }
                let _ = bench.tell(client, beat);
            }
            Act::Beat { client, says_owned } => {
                let client = &mut self.clients[client];
                if client.epoch <= 0 {
                    return;
                }
                let owned = says_owned.then(|| client.owned.clone());
                if bench.tell(client, ConsumerHeartbeat { owned, ..client.beat() }).is_err() {
                    client.epoch = 0;
                    client.owned.clear();
                }
            }
            Act::Leave { client, to_return } => {
                let client = &mut self.clients[client];
                let member_epoch = if to_return && client.instance.is_some() { -2 } else { -1 };
                let _ = bench.consumer_beat(ConsumerHeartbeat { member_epoch, ..client.beat() });
                client.epoch = 0;
                client.owned.clear();
            }
            Act::Topic { number, partitions: 0 } => {
                bench.cluster.remove_topic(&format!("t{number}"))
            }
            Act::Topic { number, partitions } => {
                bench.cluster.set_topic(&format!("t{number}"), partitions);
            }
            Act::Wait { ms } => bench.wait(Duration::from_millis(ms)),
            Act::Crash => bench.reload(),
        }
    }

    /// No partition is in the hands of two.
    fn assert_one_owner(&mut self) {
        let Ok(group) = self.bench.describe_consumers() else { return };
        let mut owners = BTreeMap::new();
        for member in group.members {
            assert!(member.member_epoch <= group.assignment_epoch);
            for (topic, partitions) in member.assignment {
                for partition in partitions {
                    let other = owners.insert((topic, partition), member.member_id.clone());
                    assert_eq!(other, None, "{topic} {partition}");
                }
            }
        }
        assert!(group.assignment_epoch <= group.group_epoch);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// S2 for groups, and one owner at any time, whatever happens.
    #[test]
    fn the_log_is_the_state_and_no_partition_has_two_owners(acts in acts()) {
        let mut play = Play::new();
        for act in acts {
            play.act(act);
            play.assert_one_owner();
            let members = play.bench.describe_consumers().map_or(0, |group| group.members.len());
            prop_assert_eq!(play.bench.coordinator.consumer_members(), members);
            let mut again = replayed(play.bench.config, &play.bench.log);
            let ours = play.bench.coordinator.groups.remove(GROUP);
            let theirs = again.groups.remove(GROUP);
            let kind = |group: Option<&coordinator::Group>| match group.map(|it| &it.kind) {
                Some(Kind::Consumer(group)) if !group.is_empty() => Some(format!("{group:?}")),
                _ => None,
            };
            let strip = |text: Option<String>| {
                text.map(|text| text.split(", looked:").next().unwrap_or_default().to_owned())
            };
            prop_assert_eq!(strip(kind(ours.as_ref())), strip(kind(theirs.as_ref())));
            if let Some(ours) = ours {
                play.bench.coordinator.groups.insert(GROUP.into(), ours);
            }
        }
    }

    /// Convergence: once nothing changes, everybody who is there gets to the target.
    #[test]
    fn what_lives_settles(acts in acts()) {
        let mut play = Play::new();
        for act in acts {
            play.act(act);
        }
        for round in 0..60 {
            play.bench.wait(seconds(2));
            for number in 0..play.clients.len() {
                match play.clients[number].epoch {
                    0 => play.act(Act::Join { client: number, topics: 7, regex: false, range: false }),
                    _ => play.act(Act::Beat { client: number, says_owned: round % 2 == 0 }),
                }
            }
        }
        let group = play.bench.consumer_group();
        prop_assert_eq!(group.state, ConsumerState::Stable, "{:?}", group);
        for member in &group.members {
            prop_assert_eq!(&member.assignment, &member.target);
        }
    }
}
