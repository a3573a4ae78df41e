use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use futures::FutureExt;
use glommio::LocalExecutorBuilder;
use pelton_model::ids::ShardId;

use super::*;
use crate::admission::{Admission, AdmissionLimits};
use crate::connection::Sleep;
use crate::listener::{Accepted, Acceptor, bind_shared};
use crate::stop::StopSignal;

fn sleep() -> Sleep {
    Rc::new(|duration| glommio::timer::sleep(duration).boxed_local())
}

fn on_executor(test: impl AsyncFnOnce() + Send + 'static) {
    LocalExecutorBuilder::default()
        .spawn(move || async move { test().await })
        .unwrap()
        .join()
        .unwrap();
}

fn bound() -> (TcpListener, SocketAddr) {
    let listener =
        bind_shared(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), 1, 128).unwrap().remove(0);
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

fn at_most_three() -> AdmissionLimits {
    AdmissionLimits { connections_max: 3, ..AdmissionLimits::NONE }
}

#[test]
fn connections_are_spread_over_the_shards_and_refused_beyond_the_maximum() {
    on_executor(async || {
        let (listener, addr) = bound();
        let admission = Admission::new(2);
        let listener = from_socket(listener).unwrap();
        let (acceptor, stop) = Acceptor::new(listener, ShardId::new(0), admission.clone(), sleep());
        let accepted: Rc<RefCell<Vec<Accepted>>> = Rc::default();
        let third = StopSignal::new();
        let running = glommio::spawn_local({
            let (accepted, third) = (accepted.clone(), third.clone());
            async move {
                acceptor
                    .run(at_most_three, move |socket| {
                        accepted.borrow_mut().push(socket);
                        if accepted.borrow().len() == 3 {
                            third.stop();
                        }
                    })
                    .await
            }
        });
        let clients: Vec<_> = (0..3).map(|_| TcpStream::connect(addr).unwrap()).collect();
        third.stopped().await;
        let shards: Vec<_> = accepted.borrow().iter().map(|a| a.slot.shard().get()).collect();
        assert_eq!(shards, [0, 1, 0]);
        let peers: Vec<_> = accepted.borrow().iter().map(|a| a.peer).collect();
        let expected: Vec<_> = clients.iter().map(|c| c.local_addr().unwrap()).collect();
        assert_eq!(peers, expected);

        // The refused client sees the end of the stream, without having sent anything.
        let refused = crate::link::glommio::connect(addr).await.unwrap();
        assert_eq!(refused.read(&mut [0; 1]).await.unwrap(), 0);
        assert_eq!(accepted.borrow().len(), 3);

        stop.stop();
        running.await.unwrap();
        assert!(TcpStream::connect(addr).is_err());
        accepted.borrow_mut().clear();
        assert_eq!(admission.connection_count(ShardId::new(0)), 0);
    });
}

#[test]
fn waiting_for_connections_costs_no_cpu() {
    on_executor(async || {
        let (listener, _) = bound();
        // As if someone had made it non-blocking before.
        listener.set_nonblocking(true).unwrap();
        let admission = Admission::new(1);
        let listener = from_socket(listener).unwrap();
        let (acceptor, stop) = Acceptor::new(listener, ShardId::new(0), admission, sleep());
        let running = glommio::spawn_local(acceptor.run(at_most_three, |_| {}));
        let before = thread_cpu();
        glommio::timer::sleep(Duration::from_millis(200)).await;
        assert!(thread_cpu() - before < Duration::from_millis(100));
        stop.stop();
        running.await.unwrap();
    });
}

fn thread_cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the answer.
    let outcome = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(outcome, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
