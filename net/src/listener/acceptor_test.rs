use std::cell::RefCell;
use std::rc::Rc;

use futures::FutureExt;

use super::*;
use crate::link::sim::WireOptions;
use crate::listener::sim::SimListener;

#[test]
fn connections_are_spread_over_the_shards_and_refused_beyond_the_maximum() {
    let sim = SimListener::default();
    let admission = Admission::new(2);
    let sleep: Sleep = Rc::new(|_| futures::future::pending().boxed_local());
    let (acceptor, stop) = Acceptor::new(sim.listener(), ShardId::new(0), admission.clone(), sleep);
    let accepted: Rc<RefCell<Vec<Accepted>>> = Rc::default();
    let deliver = accepted.clone();
    let limits = || AdmissionLimits { connections_max: 3, ..AdmissionLimits::NONE };
    let mut running =
        acceptor.run(limits, move |connection| deliver.borrow_mut().push(connection)).boxed_local();
    let clients: Vec<_> = (0..4).map(|_| sim.connect(WireOptions::default()).unwrap().0).collect();
    assert!((&mut running).now_or_never().is_none());
    let shards: Vec<_> = accepted.borrow().iter().map(|it| it.slot.shard().get()).collect();
    assert_eq!(shards, [0, 1, 0]);
    // The refused client sees the end of the stream, without having sent anything.
    assert_eq!(clients[3].read(&mut [0; 1]).now_or_never().unwrap().unwrap(), 0);

    stop.stop();
    running.now_or_never().unwrap().unwrap();
    accepted.borrow_mut().clear();
    assert_eq!(admission.connection_count(ShardId::new(0)), 0);
}

#[test]
fn errors_of_accept_are_told_apart() {
    let failure = |code| Failure::of(&io::Error::from_raw_os_error(code));
    assert!(matches!(failure(libc::EMFILE), Failure::Exhausted));
    assert!(matches!(failure(libc::ENFILE), Failure::Exhausted));
    assert!(matches!(failure(libc::ECONNABORTED), Failure::Connection));
    assert!(matches!(failure(libc::EINVAL), Failure::Listener));
}
