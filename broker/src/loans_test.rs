use std::pin::pin;
use std::task::Context;

use super::*;
use crate::message::{LogFault, ReadBytes};

fn reply(slices: &[&Bytes]) -> Reply {
    let outcome = |slices: Vec<Bytes>| ReadOutcome {
        result: Ok(ReadBytes { slices, ..ReadBytes::default() }),
    };
    let mut outcomes: Vec<ReadOutcome> =
        slices.iter().map(|slice| outcome(vec![(*slice).clone()])).collect();
    outcomes.push(ReadOutcome { result: Err(LogFault::NotHere) });
    Reply::Read(outcomes)
}

fn slices(reply: Reply) -> Vec<Bytes> {
    let Reply::Read(outcomes) = reply else { panic!("a read") };
    outcomes.into_iter().filter_map(|it| it.result.ok()).flat_map(|it| it.slices).collect()
}

#[test]
fn r6_a_slice_stays_with_its_home_until_every_clone_of_it_is_gone() {
    let (loans, returns) = (Loans::default(), Returns::default());
    let (one, two) = (Bytes::from(vec![1; 100]), Bytes::from(vec![2; 100]));
    let mut lent = reply(&[&one, &two]);
    let id = loans.lend(&lent).expect("a loan");
    returns.borrow_slices(id, &mut lent);
    let borrowed = slices(lent);
    assert_eq!(borrowed, [one.clone(), two.clone()]);
    let part = borrowed[1].slice(10..20);
    drop((one, borrowed));
    assert_eq!(returns.take(), [], "a part of it is still used");
    drop(part);
    assert_eq!(loans.count(), 1);
    // Home has the last clone but ours: nothing was freed elsewhere.
    assert!(!two.is_unique());
    let ids = returns.take();
    assert_eq!(ids, [id]);
    loans.settle(&ids);
    assert_eq!(loans.count(), 0);
    assert!(two.is_unique());
}

#[test]
fn a_reply_without_bytes_lends_nothing() {
    let loans = Loans::default();
    assert_eq!(loans.lend(&reply(&[])), None);
    assert_eq!(loans.lend(&Reply::Done), None);
    assert_eq!(loans.count(), 0);
}

#[test]
fn who_waits_for_returns_is_woken_by_the_first() {
    let (loans, returns) = (Loans::default(), Returns::default());
    let mut lent = reply(&[&Bytes::from_static(b"bytes")]);
    let id = loans.lend(&lent).expect("a loan");
    returns.borrow_slices(id, &mut lent);
    let mut some = pin!(returns.some());
    let mut context = Context::from_waker(Waker::noop());
    assert!(some.as_mut().poll(&mut context).is_pending());
    drop(lent);
    assert!(some.as_mut().poll(&mut context).is_ready());
}
