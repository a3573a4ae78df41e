//! Clients that are gone, without a word, in the middle of what they have asked for. The disk stands
//! still meanwhile, so that the middle is long enough.

use std::time::Duration;

use crate::support::Broker;
use crate::support::clients::{SOON, create_topic};
use crate::support::ext4::{Frozen, on_a_volume};
use crate::support::patience::eventually;
use crate::support::requests::{Joined, find_coordinator, join_group};
use crate::support::wire::{Answer, Connection, Fields};

const METADATA: i16 = 3;
const CREATE_TOPICS: i16 = 19;

/// Far less than a member's session, after which everybody would be answered.
const PATIENCE: Duration = Duration::from_secs(20);
const SESSION_MS: i32 = 120_000;

/// One shard, whose clients' requests stay where they have come in.
const OPTIONS: [&str; 4] = ["--cores", "1", "--set", "group.initial.rebalance.delay.ms=500"];

/// Sends a request that has to wait for the disk, and is gone once the broker is in the middle of it.
fn ask_and_leave(broker: &Broker, frozen: Frozen, mut connection: Connection, request: &Fields) {
    let mut witness = Connection::open(broker);
    assert!(connection.send(&request.frame()));
    eventually("the request is taken", SOON, || connection.is_read().then_some(()));
    // One core does one thing after the other: who is answered now comes behind.
    assert!(witness.is_served());
    connection.reset();
    (0..3).for_each(|_| assert!(witness.is_served()));
    drop(frozen);
}

#[test]
fn h3_a_change_of_metadata_is_made_whole_though_its_client_has_left() {
    const TEST: &str = "h3_a_change_of_metadata_is_made_whole_though_its_client_has_left";
    on_a_volume(TEST, 256, |volume| {
        let data = volume.path().join("data");
        let broker = Broker::start_with(&data, 0, &OPTIONS);
        create_topic(&broker, "before", 1);
        let leaver = Connection::open(&broker);
        let topic = Fields::request(CREATE_TOPICS, 2).i32(1).string("left").i32(1).i16(1);
        let request = topic.i32(0).i32(0).i32(30_000).i8(0);
        ask_and_leave(&broker, volume.freeze()?, leaver, &request);
        create_topic(&broker, "after", 1);
        assert!(is_there(&broker, "left"), "it was begun, so it is done");
        broker.kill();
        let broker = Broker::start_with(&data, 0, &OPTIONS);
        assert!(["before", "left", "after"].iter().all(|topic| is_there(&broker, topic)));
        broker.kill();
        Ok(())
    });
}

#[test]
fn h3_members_get_their_shares_though_the_leader_that_dealt_them_has_left() {
    const TEST: &str = "h3_members_get_their_shares_though_the_leader_that_dealt_them_has_left";
    on_a_volume(TEST, 256, |volume| {
        let broker = Broker::start_with(&volume.path().join("data"), 0, &OPTIONS);
        let mut members = [(); 2].map(|()| Connection::open(&broker));
        find_coordinator(&mut members[0], "g");
        let join = join_group("g", "", SESSION_MS, b"m");
        members.iter_mut().for_each(|member| assert!(member.send(&join.frame())));
        let mut members = members.map(|mut connection| {
            let joined = Joined::read(&connection.answer(PATIENCE).expect("an answer"));
            assert_eq!(joined.error, 0);
            (connection, joined)
        });
        members.sort_by_key(|(_, joined)| joined.is_leader());
        let [(mut followers, follower), (leaders, leader)] = members;
        assert!(leader.is_leader() && leader.generation == follower.generation);
        assert!(followers.send(&follower.sync("g", &[]).frame()));
        let shares: [(&str, &[u8]); 2] = [(&leader.member, b"1"), (&follower.member, b"2")];
        ask_and_leave(&broker, volume.freeze()?, leaders, &leader.sync("g", &shares));
        let body = followers.answer(PATIENCE).expect("its share");
        let mut answer = Answer(&body);
        assert_eq!((answer.i16(), answer.i32(), answer.0), (0, 1, &b"2"[..]));
        broker.kill();
        Ok(())
    });
}

fn is_there(broker: &Broker, topic: &str) -> bool {
    let request = Fields::request(METADATA, 1).i32(1).string(topic);
    let body = Connection::open(broker).ask(&request).expect("an answer");
    let mut answer = Answer(&body);
    for _ in 0..answer.i32() {
        let _ = (answer.i32(), answer.string(), answer.i32(), answer.i16());
    }
    let (_controller, topics) = (answer.i32(), answer.i32());
    topics == 1 && answer.i16() == 0
}
