use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::bench_test::{Bench, seconds};
use crate::consumer::consumer_test::{Client, TOPIC};
use crate::{ConsumerHeartbeat, ConsumerState};

fn config(interval_ms: i32, min_ms: i32) -> ConsumerGroupConfig {
    ConsumerGroupConfig {
        heartbeat_interval_ms: interval_ms,
        heartbeat_interval_min_ms: min_ms,
        ..ConsumerGroupConfig::default()
    }
}

#[test]
fn an_interval_is_as_short_as_the_core_can_afford_within_its_bounds() {
    let told = |under_way, count| interval_ms(&config(5_000, 1_000), under_way, count);
    assert_eq!(
        [1, 500, 501, 1_000, 2_499].map(|it| told(false, it)),
        [1_000, 1_000, 1_002, 2_000, 4_998]
    );
    assert_eq!([2_500, 100_000, usize::MAX].map(|it| told(false, it)), [5_000; 3]);
    assert_eq!([1, 2_000, 2_001, 9_999].map(|it| told(true, it)), [1_000, 1_000, 1_001, 5_000]);
    assert_eq!(told(true, usize::MAX), 5_000);
}

#[test]
fn a_configured_interval_below_the_shortest_one_holds() {
    assert_eq!(interval_ms(&config(300, 1_000), true, 1), 300);
    assert_eq!(interval_ms(&config(300, 1_000), false, 1), 300);
}

#[test]
fn without_a_shortest_interval_everybody_is_told_the_configured_one() {
    assert_eq!(interval_ms(&config(5_000, 0), true, 1), 5_000);
    assert_eq!(interval_ms(&config(5_000, 0), false, 1), 5_000);
}

#[test]
fn members_that_wait_are_told_a_shorter_interval_than_those_at_rest() {
    let (mut bench, mut clients) = Bench::members(2);
    bench.cluster.other_members = 4_000;
    let told = |bench: &mut Bench, client: &Client| {
        let owned = Some(client.owned.clone());
        bench.consumer_beat(ConsumerHeartbeat { owned, ..client.beat() }).unwrap()
    };
    assert_eq!(told(&mut bench, &clients[0]).heartbeat_interval_ms, 5_000, "at rest");

    // There is a new target at once, and what the newcomer is to have is not free.
    let mut newcomer = Client::new("m9");
    let joined = bench.consumer_beat(newcomer.joining(&[TOPIC])).unwrap();
    assert_eq!(joined.heartbeat_interval_ms, 2_000, "it waits for its part");
    newcomer.epoch = joined.member_epoch;
    let others = clients.iter().map(|client| told(&mut bench, client).heartbeat_interval_ms);
    let others: BTreeSet<i32> = others.collect();
    assert_eq!(others, BTreeSet::from([2_000, 5_000]), "one is to give up, one has its part");

    // Another change, so soon that the target is put off.
    let left = ConsumerHeartbeat { member_epoch: -1, ..clients[1].beat() };
    bench.consumer_beat(left).unwrap();
    assert_eq!(bench.consumer_group().state, ConsumerState::Assigning);
    assert_eq!(told(&mut bench, &clients[0]).heartbeat_interval_ms, 2_000, "a target is to come");

    clients.remove(1);
    clients.push(newcomer);
    bench.settle(&mut clients);
    assert_eq!(told(&mut bench, &clients[1]).heartbeat_interval_ms, 5_000, "at rest again");
}

#[test]
fn members_of_all_groups_on_the_core_share_what_it_can_afford() {
    let (mut bench, clients) = Bench::members(1);
    let interval =
        |bench: &mut Bench| bench.consumer_beat(clients[0].beat()).unwrap().heartbeat_interval_ms;
    assert_eq!(interval(&mut bench), 1_000);
    bench.cluster.other_members = 1_500;
    assert_eq!(interval(&mut bench), 3_000);
}

/// Clients that beat when they are told to, and at once when they have given something up. How long
/// until the group is at rest after 40 have joined at once, and after one of them has left.
fn times_to_stable(heartbeat_interval_min_ms: i32) -> (Duration, Duration) {
    let mut bench = Bench::new();
    bench.cluster.set_topic(TOPIC, 40);
    bench.cluster.config.heartbeat_interval_min_ms = heartbeat_interval_min_ms;
    let mut clients: Vec<Client> = (0..40).map(|it| Client::new(&format!("m{it}"))).collect();
    let mut due: BTreeSet<(Duration, usize)> = BTreeSet::new();
    for number in 0..clients.len() {
        due.insert((Duration::from_millis(number as u64), number));
    }
    let mut run = |bench: &mut Bench, clients: &mut Vec<Client>| {
        let began = bench.elapsed;
        while bench.elapsed < began + seconds(60) {
            let Some((at, number)) = due.pop_first() else { break };
            // Those that are gone beat no more.
            let Some(client) = clients.get_mut(number) else { continue };
            bench.wait(at.saturating_sub(bench.elapsed));
            let beat = match client.epoch {
                0 => client.joining(&[TOPIC]),
                _ => ConsumerHeartbeat { owned: Some(client.owned.clone()), ..client.beat() },
            };
            let told = bench.consumer_beat(beat).unwrap();
            client.epoch = told.member_epoch;
            let has_changed = told.assignment.as_ref().is_some_and(|it| *it != client.owned);
            client.owned = told.assignment.unwrap_or(std::mem::take(&mut client.owned));
            let pause = if has_changed { 0 } else { told.heartbeat_interval_ms as u64 };
            due.insert((at + Duration::from_millis(pause), number));
            let is_even = clients.iter().all(|it| (1..=2).contains(&it.partitions()));
            if is_even && bench.consumer_group().state == ConsumerState::Stable {
                return bench.elapsed - began;
            }
        }
        panic!("no rest within a minute");
    };
    let joined = run(&mut bench, &mut clients);
    bench.wait(seconds(2));
    let last = clients.pop().unwrap();
    bench.consumer_beat(ConsumerHeartbeat { member_epoch: -1, ..last.beat() }).unwrap();
    (joined, run(&mut bench, &mut clients))
}

#[test]
fn a_group_comes_to_rest_as_fast_as_its_members_beat() {
    let (joined, left) = times_to_stable(0);
    assert!(joined > seconds(5) && left > seconds(2), "{joined:?}, {left:?}");
    let (joined, left) = times_to_stable(1_000);
    assert!(joined < seconds(3) && left <= seconds(1), "{joined:?}, {left:?}");
}
