//! Groups that move between the protocols while members are in them, one promise each.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::consumer_test::{Client, TOPIC};
use crate::bench_test::{Bench, GROUP, protocol, replayed, seconds};
use crate::codec::Writer;
use crate::consumer_protocol::{decode_assignment, encode_assignment};
use crate::*;

/// A subscription of version 1: it tells what is owned.
fn subscription(owned: &[i32]) -> bytes::Bytes {
    let mut writer = Writer::new(1, false);
    writer.count(1);
    writer.text(TOPIC);
    writer.i32(-1);
    writer.count(1);
    writer.text(TOPIC);
    writer.count(owned.len());
    owned.iter().for_each(|partition| writer.i32(*partition));
    writer.finish().into()
}

/// A member by the classic protocol, cooperative.
#[derive(Clone, Debug, Default)]
struct Classic {
    id: MemberId,
    generation: i32,
    owned: Vec<i32>,
}

impl Bench {
    fn classic_join(&mut self, member: &Classic) -> Token {
        let mut join = self.join_of(&member.id);
        let metadata = subscription(&member.owned);
        join.protocols = vec![Protocol { name: "cooperative-sticky".into(), metadata }];
        self.send(Command::Join(join))
    }

    fn classic_sync(&mut self, member: &Classic, parts: &[(&Classic, &[i32])]) -> Token {
        let assignments = parts.iter().map(|(member, part)| {
            (member.id.clone(), encode_assignment(1, &[(TOPIC.into(), part.to_vec())]))
        });
        self.send(Command::Sync(Sync {
            group: GROUP.into(),
            generation: member.generation,
            member_id: member.id.clone(),
            assignments: assignments.collect(),
            ..Sync::default()
        }))
    }

    fn take_over(&mut self, member: &mut Classic, token: Token) -> Result<(), GroupError> {
        match self.reply(token) {
            Some(Reply::Synced(Ok(synced))) => {
                let topics = decode_assignment(&synced.assignment).unwrap();
                member.owned = topics.into_iter().flat_map(|(_, partitions)| partitions).collect();
                Ok(())
            }
            Some(Reply::Synced(Err(error))) => Err(error),
            other => panic!("not synced: {other:?}"),
        }
    }

    fn classic_beat(&mut self, member: &Classic) -> Result<(), GroupError> {
        let beat = Heartbeat {
            group: GROUP.into(),
            generation: member.generation,
            member_id: member.id.clone(),
            instance_id: None,
        };
        match self.ask(Command::Heartbeat(beat)) {
            Reply::Beaten(outcome) => outcome,
            other => panic!("not a heartbeat: {other:?}"),
        }
    }

    /// Beats, and joins and syncs again if it is told to, in a group of the consumer protocol.
    fn classic_live(&mut self, member: &mut Classic) {
        match self.classic_beat(member) {
            Ok(()) => {}
            Err(GroupError::RebalanceInProgress) => {
                let token = self.classic_join(member);
                let joined = self.joined(token);
                assert!(joined.members.is_empty() && joined.leader.is_empty(), "nobody leads");
                (member.id, member.generation) = (joined.member_id, joined.generation);
                let token = self.classic_sync(member, &[]);
                if let Err(error) = self.take_over(member, token) {
                    assert_eq!(error, GroupError::RebalanceInProgress);
                }
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    /// One classic member that has all.
    fn classic_group() -> (Self, Classic) {
        let mut bench = Self::consumers();
        let mut member = Classic::default();
        let token = bench.classic_join(&member);
        let joined = bench.joined(token);
        (member.id, member.generation) = (joined.member_id, joined.generation);
        let token = bench.classic_sync(&member, &[(&member, &[0, 1, 2, 3])]);
        bench.take_over(&mut member, token).unwrap();
        assert_eq!(member.owned, [0, 1, 2, 3]);
        (bench, member)
    }

    fn settle_both(&mut self, classic: &mut [Classic], consumers: &mut [Client]) {
        for _ in 0..10 {
            self.wait(seconds(2));
            classic.iter_mut().for_each(|member| self.classic_live(member));
            consumers.iter_mut().for_each(|member| self.live(member));
        }
        assert_eq!(self.consumer_group().state, ConsumerState::Stable);
    }
}

/// A classic group of one, and a member of the consumer protocol that has joined it.
fn upgraded() -> (Bench, Classic, Client) {
    let (mut bench, classic) = Bench::classic_group();
    let mut consumer = Client::new("new");
    bench.enter(&mut consumer, &[TOPIC]);
    (bench, classic, consumer)
}

#[test]
fn a_member_of_the_consumer_protocol_turns_a_classic_group() {
    let (mut bench, mut classic, mut consumer) = upgraded();
    assert_eq!(consumer.partitions(), 0, "the classic member has given up nothing");
    let group = bench.consumer_group();
    assert_eq!(group.members.len(), 2);
    let old = group.members.iter().find(|it| it.member_id == classic.id).unwrap();
    assert_eq!(old.member_epoch, classic.generation, "its generation is its epoch");
    assert_eq!(
        old.assignment.values().map(|it| it.len()).sum::<usize>(),
        4,
        "it keeps what it has"
    );
    assert!(old.metadata.classic.is_some());

    bench.settle_both(std::slice::from_mut(&mut classic), std::slice::from_mut(&mut consumer));
    assert_eq!((classic.owned.len(), consumer.partitions()), (2, 2));
    let theirs: Vec<i32> = consumer.owned.values().flatten().copied().collect();
    assert!(classic.owned.iter().all(|partition| !theirs.contains(partition)));
    assert_eq!(bench.commit_as(classic.generation, &classic.id, TOPIC, 3).unwrap(), [Ok(())]);
    let stale = bench.commit_as(classic.generation + 1, &classic.id, TOPIC, 3);
    assert_eq!(stale, Err(GroupError::IllegalGeneration));
}

#[test]
fn a_classic_member_gives_up_before_another_gets() {
    let (mut bench, mut classic, mut consumer) = upgraded();
    assert_eq!(bench.classic_beat(&classic), Err(GroupError::RebalanceInProgress));
    let token = bench.classic_join(&classic);
    classic.generation = bench.joined(token).generation;
    let token = bench.classic_sync(&classic, &[]);
    let before = classic.owned.clone();
    bench.take_over(&mut classic, token).unwrap();
    assert_eq!(classic.owned.len(), 2, "told to give up");
    bench.live(&mut consumer);
    assert_eq!(consumer.partitions(), 0, "it has not said that it did");
    assert_eq!(bench.classic_beat(&classic), Err(GroupError::RebalanceInProgress));
    let token = bench.classic_join(&Classic { owned: before, ..classic.clone() });
    classic.generation = bench.joined(token).generation;
    bench.live(&mut consumer);
    assert_eq!(consumer.partitions(), 0, "it said that it still owns all");
    let token = bench.classic_join(&classic);
    classic.generation = bench.joined(token).generation;
    bench.live(&mut consumer);
    assert_eq!(consumer.partitions(), 2);
}

#[test]
fn whoever_waits_in_a_classic_group_joins_again() {
    let (mut bench, classic) = Bench::classic_group();
    let second = bench.classic_join(&Classic::default());
    assert!(bench.is_waiting(second), "for the first one");
    bench.enter(&mut Client::new("new"), &[TOPIC]);
    assert_eq!(bench.join_error(second), GroupError::RebalanceInProgress);
    assert_eq!(bench.classic_beat(&classic), Err(GroupError::RebalanceInProgress));
    assert_eq!(bench.consumer_group().members.len(), 3);
    assert!(bench.coordinator.take_waiting().is_empty());
}

/// A classic group of one that has all, in whose rebalance another waits for it to join.
fn rebalancing(config: ConsumerConfig) -> (Bench, Classic, Token) {
    let (mut bench, classic) = Bench::classic_group();
    bench.coordinator.config.consumer = config;
    let second = bench.classic_join(&Classic::default());
    assert!(bench.is_waiting(second));
    (bench, classic, second)
}

/// A refused member of the consumer protocol has changed nothing: the rebalance goes on to its end.
fn assert_goes_on(mut bench: Bench, classic: &Classic, second: Token, written: usize) {
    assert_eq!(bench.log.len(), written, "nothing has happened to the group");
    assert_eq!(bench.state(), State::PreparingRebalance);
    assert!(bench.is_waiting(second), "it is not sent away");
    assert_eq!(bench.classic_beat(classic), Err(GroupError::RebalanceInProgress));
    let first = bench.classic_join(classic);
    for token in [first, second] {
        assert_eq!(bench.joined(token).generation, classic.generation + 1);
    }
}

#[test]
fn a_member_that_a_full_group_refuses_does_not_end_its_rebalance() {
    let config = ConsumerConfig { group_max_size: 2, ..ConsumerConfig::default() };
    let (mut bench, classic, second) = rebalancing(config);
    let written = bench.log.len();
    let refused = bench.consumer_beat(Client::new("new").joining(&[TOPIC]));
    assert_eq!(refused, Err(GroupError::GroupMaxSizeReached));
    assert_goes_on(bench, &classic, second, written);
}

#[test]
fn a_member_that_subscribes_to_too_much_does_not_end_a_rebalance() {
    let (mut bench, classic, second) = rebalancing(ConsumerConfig::default());
    let written = bench.log.len();
    let name = "x".repeat(bench.cluster.record_bytes_max + 1);
    let refused = bench.consumer_beat(Client::new("new").joining(&[&name]));
    assert_eq!(refused, Err(GroupError::GroupMaxSizeReached));
    assert_goes_on(bench, &classic, second, written);
}

#[test]
fn a_member_of_a_full_classic_group_may_change_its_protocol() {
    let config = ConsumerConfig { group_max_size: 1, ..ConsumerConfig::default() };
    let (mut bench, classic) = Bench::classic_group();
    bench.coordinator.config.consumer = config;
    bench.enter(&mut Client::new(&classic.id), &[TOPIC]);
    assert_eq!(bench.consumer_group().members.len(), 1);
}

#[test]
fn when_the_last_of_the_consumer_protocol_leaves_the_group_is_a_classic_one() {
    let (mut bench, mut classic, mut consumer) = upgraded();
    bench.settle_both(std::slice::from_mut(&mut classic), std::slice::from_mut(&mut consumer));
    bench.consumer_beat(ConsumerHeartbeat { member_epoch: -1, ..consumer.beat() }).unwrap();
    assert_eq!(bench.describe_consumers(), Err(GroupError::GroupIdNotFound));
    let group = bench.describe().unwrap();
    assert_eq!((group.state, group.members.len()), (State::PreparingRebalance, 1));

    let told = bench.classic_beat(&classic);
    assert_eq!(told, Err(GroupError::RebalanceInProgress), "its epoch is the generation");
    let token = bench.classic_join(&classic);
    let joined = bench.joined(token);
    assert_eq!(joined.leader, classic.id);
    classic.generation = joined.generation;
    let token = bench.classic_sync(&classic, &[(&classic, &[0, 1, 2, 3])]);
    bench.take_over(&mut classic, token).unwrap();
    assert_eq!(bench.state(), State::Stable);

    bench.reload();
    assert_eq!(bench.state(), State::Stable, "nothing of the other protocol is left on the log");
    assert_eq!(bench.classic_beat(&classic), Ok(()));
}

#[test]
fn a_crash_right_after_the_turn_leaves_no_partition_without_an_owner() {
    let (mut bench, mut classic, mut consumer) = upgraded();
    bench.settle_both(std::slice::from_mut(&mut classic), std::slice::from_mut(&mut consumer));
    assert_eq!(classic.owned.len(), 2);
    bench.consumer_beat(ConsumerHeartbeat { member_epoch: -1, ..consumer.beat() }).unwrap();
    bench.reload();
    let told = bench.classic_beat(&classic);
    assert_eq!(told, Err(GroupError::RebalanceInProgress), "the other half is nobody's");
    let token = bench.classic_join(&classic);
    let joined = bench.joined(token);
    assert_eq!(joined.leader, classic.id);
    classic.generation = joined.generation;
    bench.classic_sync(&classic, &[(&classic, &[0, 1, 2, 3])]);
    bench.reload();
    assert_eq!(bench.state(), State::Stable, "handed out, and written");
}

/// A static member comes back with the classic protocol.
fn static_join(bench: &mut Bench) -> Joined {
    let mut join = bench.join_of("");
    let metadata = subscription(&[]);
    join.protocols = vec![Protocol { name: "cooperative-sticky".into(), metadata }];
    join.instance_id = Some("fixed".into());
    let token = bench.send(Command::Join(join));
    bench.joined(token)
}

fn static_sync(bench: &mut Bench, joined: &Joined) -> Token {
    bench.send(Command::Sync(Sync {
        group: GROUP.into(),
        generation: joined.generation,
        member_id: joined.member_id.clone(),
        instance_id: Some("fixed".into()),
        ..Sync::default()
    }))
}

#[test]
fn a_static_member_that_goes_back_to_the_classic_protocol_turns_the_group() {
    let mut bench = Bench::consumers();
    let mut consumer = Client::fixed("m", "fixed");
    bench.enter(&mut consumer, &[TOPIC]);
    let joined = static_join(&mut bench);
    assert_eq!(joined.generation, consumer.epoch);
    assert_eq!(bench.state(), State::Stable, "nothing changes hands");
    let mut classic = Classic::default();
    let synced = static_sync(&mut bench, &joined);
    bench.take_over(&mut classic, synced).unwrap();
    assert_eq!(classic.owned, [0, 1, 2, 3]);
    let late = bench.consumer_beat(consumer.beat());
    assert_eq!(late, Err(GroupError::GroupIdNotFound));
    bench.reload();
    assert_eq!(bench.state(), State::Stable);
}

#[test]
fn what_is_on_its_way_between_members_has_the_turned_group_rebalance() {
    let mut bench = Bench::consumers();
    let mut consumer = Client::fixed("m", "fixed");
    bench.enter(&mut consumer, &[TOPIC]);
    bench.wait(seconds(2));
    // It waits for what the consumer has not given up.
    let mut other = Classic::default();
    let token = bench.classic_join(&other);
    let joined_other = bench.joined(token);
    (other.id, other.generation) = (joined_other.member_id, joined_other.generation);
    let joined = static_join(&mut bench);
    assert_eq!(bench.state(), State::PreparingRebalance);
    let synced = static_sync(&mut bench, &joined);
    assert_eq!(bench.assignment(synced), Err(GroupError::RebalanceInProgress));
    // No generation is given out twice.
    let again = bench.classic_join(&other);
    bench.wait(seconds(61));
    let again = bench.joined(again);
    assert!(again.generation > joined.generation && again.leader == other.id);
}

#[test]
fn a_silent_last_member_of_the_consumer_protocol_turns_the_group_as_well() {
    let (mut bench, mut classic, mut consumer) = upgraded();
    bench.settle_both(std::slice::from_mut(&mut classic), std::slice::from_mut(&mut consumer));
    for _ in 0..8 {
        bench.wait(seconds(6));
        let _ = bench.classic_beat(&classic);
    }
    assert!(bench.describe().is_ok(), "a classic group");
}

#[test]
fn a_classic_member_joins_consumers_and_one_of_another_kind_does_not() {
    let mut bench = Bench::consumers();
    let mut consumer = Client::new("first");
    bench.enter(&mut consumer, &[TOPIC]);
    let mut join = bench.join_of("");
    join.protocol_type = "connect".into();
    let token = bench.send(Command::Join(join));
    assert_eq!(bench.join_error(token), GroupError::InconsistentGroupProtocol);
    let mut join = bench.join_of("");
    join.requires_known_member_id = true;
    let token = bench.send(Command::Join(join));
    assert_eq!(bench.join_error(token), GroupError::MemberIdRequired);

    let mut classic = Classic::default();
    let token = bench.classic_join(&classic);
    let joined = bench.joined(token);
    (classic.id, classic.generation) = (joined.member_id, joined.generation);
    let mut join = bench.join_of("");
    join.protocols = vec![protocol("range", &[TOPIC])];
    let token = bench.send(Command::Join(join));
    assert_eq!(bench.join_error(token), GroupError::InconsistentGroupProtocol, "none in common");
    bench.settle_both(std::slice::from_mut(&mut classic), std::slice::from_mut(&mut consumer));
    assert_eq!((classic.owned.len(), consumer.partitions()), (2, 2));
    let beat = Heartbeat {
        group: GROUP.into(),
        generation: consumer.epoch,
        member_id: consumer.id.clone(),
        instance_id: None,
    };
    let refused = bench.ask(Command::Heartbeat(beat));
    assert_eq!(refused, Reply::Beaten(Err(GroupError::UnknownMemberId)));
}

#[test]
fn a_group_of_consumers_is_no_place_to_put_empty_protocols_to() {
    let mut bench = Bench::consumers();
    bench.enter(&mut Client::new("first"), &[TOPIC]);
    let mut join = bench.join_of("");
    let first = Protocol { name: "cooperative-sticky".into(), metadata: subscription(&[]) };
    join.protocols = vec![Protocol::default(); 20_000];
    join.protocols.insert(0, first);
    let token = bench.send(Command::Join(join));
    assert_eq!(bench.join_error(token), GroupError::GroupMaxSizeReached);
}

#[test]
fn a_classic_member_that_does_not_join_again_in_time_is_out() {
    let (mut bench, mut classic, mut consumer) = upgraded();
    classic.owned.clear();
    for _ in 0..16 {
        bench.wait(seconds(4));
        let _ = bench.classic_beat(&classic);
        bench.live(&mut consumer);
    }
    assert_eq!(bench.classic_beat(&classic), Err(GroupError::UnknownMemberId));
    assert_eq!(consumer.partitions(), 4);
}

#[test]
fn a_member_may_change_its_protocol_under_its_id() {
    let (mut bench, mut classic, mut consumer) = upgraded();
    bench.settle_both(std::slice::from_mut(&mut classic), std::slice::from_mut(&mut consumer));
    let mut changed = Client::new(&classic.id);
    changed.epoch = classic.generation;
    let beat = changed.beat();
    bench.tell(&mut changed, beat).unwrap();
    assert_eq!(bench.classic_beat(&classic), Err(GroupError::UnknownMemberId));
    bench.consumer_beat(ConsumerHeartbeat { member_epoch: -1, ..consumer.beat() }).unwrap();
    assert!(bench.describe_consumers().is_ok(), "one of the consumer protocol is left");
}

#[test]
fn the_policy_says_which_way_groups_may_move() {
    let (mut bench, _) = Bench::classic_group();
    bench.allow(false, true);
    let refused = bench.consumer_beat(Client::new("new").joining(&[TOPIC]));
    assert_eq!(refused, Err(GroupError::GroupIdNotFound));
    bench.allow(true, false);
    let mut consumer = Client::new("new");
    bench.enter(&mut consumer, &[TOPIC]);
    bench.consumer_beat(ConsumerHeartbeat { member_epoch: -1, ..consumer.beat() }).unwrap();
    assert_eq!(bench.consumer_group().members.len(), 1, "a classic one in a group of consumers");

    let named = |name| {
        let MigrationPolicy { upgrade, downgrade } = MigrationPolicy::from_name(name);
        (upgrade, downgrade)
    };
    assert_eq!(named("bidirectional"), (true, true));
    assert_eq!(named("UPGRADE"), (true, false));
    assert_eq!(named("Downgrade"), (false, true));
    assert_eq!(named("disabled"), (false, false));
}

#[test]
fn a_group_of_another_protocol_type_or_with_strange_bytes_stays_classic() {
    for (kind, metadata) in [("connect", subscription(&[])), ("consumer", "?".into())] {
        let mut bench = Bench::consumers();
        let mut join = bench.join_of("");
        join.protocol_type = kind.into();
        join.protocols = vec![Protocol { name: "p".into(), metadata }];
        let token = bench.send(Command::Join(join));
        bench.joined(token);
        let refused = bench.consumer_beat(Client::new("new").joining(&[TOPIC]));
        assert_eq!(refused, Err(GroupError::GroupIdNotFound), "{kind}");
        assert!(bench.describe().is_ok());
    }
}

#[test]
fn a_reload_finds_the_turned_group() {
    let (mut bench, mut classic, mut consumer) = upgraded();
    let before = bench.consumer_group();
    bench.reload();
    assert_eq!(bench.consumer_group(), before);
    bench.settle_both(std::slice::from_mut(&mut classic), std::slice::from_mut(&mut consumer));
    assert_eq!((classic.owned.len(), consumer.partitions()), (2, 2));
}

/// One thing that one of three members of each protocol does.
#[derive(Clone, Debug)]
enum Act {
    Enter { member: usize },
    Beat { member: usize },
    Leave { member: usize },
    ClassicJoin { member: usize },
    ClassicBeat { member: usize },
    ClassicLeave { member: usize },
    Wait { ms: u64 },
    Crash,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        2 => (0..3usize).prop_map(|member| Act::Enter { member }),
        4 => (0..3usize).prop_map(|member| Act::Beat { member }),
        2 => (0..3usize).prop_map(|member| Act::Leave { member }),
        4 => (0..3usize).prop_map(|member| Act::ClassicJoin { member }),
        4 => (0..3usize).prop_map(|member| Act::ClassicBeat { member }),
        1 => (0..3usize).prop_map(|member| Act::ClassicLeave { member }),
        3 => prop_oneof![1..3_000u64, 1..70_000u64].prop_map(|ms| Act::Wait { ms }),
        1 => Just(Act::Crash),
    ];
    proptest::collection::vec(act, 1..80)
}

/// The members, and the JoinGroups that they wait for.
struct Play {
    bench: Bench,
    consumers: Vec<Client>,
    classic: Vec<Classic>,
    joins: BTreeMap<Token, usize>,
}

impl Play {
    fn act(&mut self, act: Act) {
        let bench = &mut self.bench;
        match act {
            Act::Enter { member } => {
                let client = &mut self.consumers[member];
                client.owned.clear();
                let beat = client.joining(&[TOPIC]);
                let _ = bench.tell(client, beat);
            }
            Act::Beat { member } => {
                let client = &mut self.consumers[member];
                if client.epoch > 0 {
                    let owned = Some(client.owned.clone());
                    let beat = ConsumerHeartbeat { owned, ..client.beat() };
                    if bench.tell(client, beat).is_err() {
                        client.epoch = 0;
                    }
                }
            }
            Act::Leave { member } => {
                let client = &mut self.consumers[member];
                let _ =
                    bench.consumer_beat(ConsumerHeartbeat { member_epoch: -1, ..client.beat() });
                client.epoch = 0;
            }
            Act::ClassicJoin { member } => {
                let token = bench.classic_join(&self.classic[member]);
                self.joins.insert(token, member);
            }
            Act::ClassicBeat { member } => {
                if bench.classic_beat(&self.classic[member]) == Err(GroupError::UnknownMemberId) {
                    self.classic[member] = Classic::default();
                }
            }
            Act::ClassicLeave { member } => {
                let _ = bench.leave(&self.classic[member].id);
                self.classic[member] = Classic::default();
            }
            Act::Wait { ms } => bench.wait(std::time::Duration::from_millis(ms)),
            Act::Crash => {
                bench.reload();
                self.joins.clear();
            }
        }
        self.take_joins();
    }

    /// Whoever has joined fetches its part; a leader gives all of it to itself.
    fn take_joins(&mut self) {
        for (token, member) in self.joins.clone() {
            let Some(reply) = self.bench.reply(token) else { continue };
            self.joins.remove(&token);
            let classic = &mut self.classic[member];
            match reply {
                Reply::Joined(Ok(joined)) => {
                    (classic.id, classic.generation) = (joined.member_id, joined.generation);
                    let classic = classic.clone();
                    let token = self.bench.classic_sync(&classic, &[(&classic, &[0, 1, 2, 3])]);
                    if !self.bench.is_waiting(token) {
                        let _ = self.bench.take_over(&mut self.classic[member], token);
                    }
                }
                Reply::Joined(Err(refused)) if refused.error == GroupError::UnknownMemberId => {
                    *classic = Classic::default();
                }
                _ => {}
            }
        }
    }

    fn assert_one_owner(&mut self) {
        let Ok(group) = self.bench.describe_consumers() else { return };
        let mut owners = BTreeMap::new();
        for member in group.members {
            for (topic, partitions) in member.assignment {
                for partition in partitions {
                    let other = owners.insert((topic, partition), member.member_id.clone());
                    assert_eq!(other, None, "{topic} {partition}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whichever way a group turns: no partition has two owners in a group of the consumer
    /// protocol, its log is its state, and nobody waits in it.
    #[test]
    fn groups_that_turn_keep_one_owner_and_their_log(acts in acts()) {
        let consumers = (0..3).map(|number| Client::new(&format!("c{number}"))).collect();
        let mut play = Play {
            bench: Bench::consumers(),
            consumers,
            classic: vec![Classic::default(); 3],
            joins: BTreeMap::new(),
        };
        for act in acts {
            play.act(act);
            play.assert_one_owner();
            let ours = play.bench.describe_consumers();
            if ours.is_ok() {
                prop_assert!(play.bench.coordinator.take_waiting().is_empty());
            }
            let members = ours.as_ref().map_or(0, |group| group.members.len());
            prop_assert_eq!(play.bench.coordinator.consumer_members(), members);
            let mut bench = Bench::consumers();
            bench.coordinator = replayed(play.bench.config, &play.bench.log);
            prop_assert_eq!(bench.describe_consumers(), ours);
        }
    }
}
