use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

fn at_most(connections_max: usize) -> AdmissionLimits {
    AdmissionLimits { connections_max, ..AdmissionLimits::NONE }
}

fn admitted(admission: &Admission, here: u16) -> ConnectionSlot {
    match admission.place(ShardId::new(here), HOST, &at_most(100)) {
        Placement::Admitted(slot) => slot,
        refused => panic!("{refused:?}"),
    }
}

#[test]
fn connections_that_all_come_to_one_shard_are_spread() {
    let admission = Admission::new(3);
    let slots: Vec<_> = (0..10).map(|_| admitted(&admission, 0)).collect();
    let counts = [0, 1, 2].map(|shard| admission.connection_count(ShardId::new(shard)));
    assert_eq!(counts, [4, 3, 3]);
    drop(slots);
    assert_eq!(admission.connection_count(ShardId::new(0)), 0);
}

#[test]
fn a_shard_keeps_what_does_not_put_it_more_than_one_above_the_least() {
    let admission = Admission::new(2);
    let first = admitted(&admission, 1);
    assert_eq!(first.shard(), ShardId::new(1));
    assert_eq!(admitted(&admission, 1).shard(), ShardId::new(0));
    assert_eq!(first.moved_to(ShardId::new(0)).shard(), ShardId::new(0));
}

#[test]
fn connections_beyond_the_maximum_are_refused_until_one_goes() {
    let admission = Admission::new(2);
    let first = admitted(&admission, 0);
    let _second = admitted(&admission, 0);
    let third = || admission.place(ShardId::new(1), OTHER, &at_most(2));
    assert!(matches!(third(), Placement::Refused));
    assert_eq!((admission.refused_count(), admission.refused_by_ip_count()), (1, 0));
    drop(first);
    assert!(matches!(third(), Placement::Admitted(_)));
}

#[test]
fn an_address_has_its_own_maximum_or_that_of_all() {
    let admission = Admission::new(2);
    let limits = AdmissionLimits {
        per_ip_max: 1,
        per_ip_overrides: [(OTHER, 2)].into(),
        ..AdmissionLimits::NONE
    };
    let place = |ip| admission.place(ShardId::ZERO, ip, &limits);
    let Placement::Admitted(first) = place(HOST) else { panic!("refused") };
    let mapped = IpAddr::V6(Ipv6Addr::from([0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201]));
    assert!(matches!(place(mapped), Placement::RefusedByIp), "the same host");
    let held = [place(OTHER), place(OTHER)];
    assert!(held.iter().all(|it| matches!(it, Placement::Admitted(_))));
    assert!(matches!(place(OTHER), Placement::RefusedByIp));
    assert_eq!((admission.refused_count(), admission.refused_by_ip_count()), (0, 2));
    let moved = first.moved_to(ShardId::new(1));
    assert!(matches!(place(HOST), Placement::RefusedByIp), "it is still there");
    drop(moved);
    assert!(matches!(place(HOST), Placement::Admitted(_)));
    drop(held);
    assert_eq!(admission.connection_count(ShardId::ZERO), 0);
    assert!(admission.0.by_ip().is_empty(), "nothing is kept of who has gone");
}
