use futures::FutureExt;

use super::*;

#[test]
fn bytes_come_back_when_the_charge_goes() {
    let budget = Budget::new(100);
    let mut charge = budget.try_acquire(60).unwrap();
    assert!(budget.try_acquire(50).is_none());
    let part = charge.split(20);
    drop(charge);
    assert_eq!(budget.in_use_bytes(), 20);
    assert!(budget.try_acquire(80).is_some());
    drop(part);
    assert_eq!(budget.in_use_bytes(), 0);
}

#[test]
fn a_small_request_does_not_overtake_a_large_one() {
    let budget = Budget::new(100);
    let first = budget.try_acquire(60).unwrap();
    let (mut large, mut small) = (budget.acquire(80), budget.acquire(10));
    assert!((&mut large).now_or_never().is_none());
    assert!((&mut small).now_or_never().is_none());
    assert!(budget.try_acquire(1).is_none());
    drop(first);
    let large = (&mut large).now_or_never().expect("first in line");
    let small = (&mut small).now_or_never().expect("fits beside it");
    assert_eq!(budget.in_use_bytes(), 90);
    assert_eq!((budget.waiting_count(), budget.waits()), (0, 2));
    drop((large, small));
    assert_eq!(budget.in_use_bytes(), 0);
}

#[test]
fn a_request_larger_than_the_budget_takes_it_alone() {
    let budget = Budget::new(100);
    let other = budget.try_acquire(1).unwrap();
    let mut huge = budget.acquire(1000);
    assert!((&mut huge).now_or_never().is_none());
    drop(other);
    let huge = (&mut huge).now_or_never().expect("alone now");
    assert!(budget.try_acquire(1).is_none());
    drop(huge);
    assert!(budget.try_acquire(100).is_some());
}

#[test]
fn whoever_leaves_the_line_lets_the_next_one_through() {
    let budget = Budget::new(100);
    let held = budget.try_acquire(50).unwrap();
    let (mut large, mut small) = (budget.acquire(80), budget.acquire(10));
    assert!((&mut large).now_or_never().is_none());
    assert!((&mut small).now_or_never().is_none());
    drop(large);
    let small = (&mut small).now_or_never().expect("nobody before it");
    drop((held, small));
    assert_eq!((budget.in_use_bytes(), budget.waiting_count()), (0, 0));
}

#[test]
fn a_grant_that_nobody_collects_comes_back() {
    let budget = Budget::new(100);
    let held = budget.try_acquire(100).unwrap();
    let mut waiting = budget.acquire(100);
    assert!((&mut waiting).now_or_never().is_none());
    drop(held);
    drop(waiting);
    assert_eq!(budget.in_use_bytes(), 0);
}

#[test]
fn beginnings_of_frames_cannot_lock_one_another_out() {
    let budget = Budget::new(100);
    let (mut a, mut b) = (budget.read_ahead(), budget.read_ahead());
    a.add(20);
    b.add(5);
    assert_eq!(budget.read_ahead_room(), 0, "a quarter of the capacity");
    let (mut rest_a, mut rest_b) = (budget.acquire(90), budget.acquire(90));
    let rest_a = (&mut rest_a).now_or_never().expect("nobody works");
    assert!((&mut rest_b).now_or_never().is_none(), "one at a time");
    let mut whole_a = a.settle(20);
    whole_a.absorb(rest_a);
    assert_eq!(whole_a.bytes(), 110);
    drop(whole_a);
    let rest_b = (&mut rest_b).now_or_never().expect("its turn");
    drop((rest_b, a, b));
    assert_eq!(budget.in_use_bytes(), 0);
}
