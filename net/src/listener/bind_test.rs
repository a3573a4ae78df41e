use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, TcpStream};
use std::time::Duration;

use super::*;

const BACKLOG: i32 = 128;

fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

#[test]
fn all_shards_listen_on_one_port_and_each_gets_connections() {
    let listeners = bind_shared(any_port(), 2, BACKLOG).unwrap();
    let addrs: Vec<_> = listeners.iter().map(|l| l.local_addr().unwrap()).collect();
    assert_eq!(addrs[0], addrs[1]);
    assert_ne!(addrs[0].port(), 0);

    let clients: Vec<_> = (0..64).map(|_| TcpStream::connect(addrs[0]).unwrap()).collect();
    let accepted: Vec<usize> = listeners
        .iter()
        .map(|listener| {
            listener.set_nonblocking(true).unwrap();
            std::iter::from_fn(|| listener.accept().ok()).count()
        })
        .collect();
    assert_eq!(accepted.iter().sum::<usize>(), clients.len());
    // One side gets none with a probability of 2^-63.
    assert!(accepted.iter().all(|count| *count > 0), "{accepted:?}");
}

#[test]
fn a_port_that_a_broker_listens_on_is_in_use() {
    let listeners = bind_shared(any_port(), 2, BACKLOG).unwrap();
    let addr = listeners[0].local_addr().unwrap();
    assert_eq!(bind_shared(addr, 2, BACKLOG).unwrap_err().kind(), ErrorKind::AddrInUse);
    assert_eq!(bind_shared(addr, 1, BACKLOG).unwrap_err().kind(), ErrorKind::AddrInUse);
    let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, addr.port()));
    assert_eq!(bind_shared(everywhere, 1, BACKLOG).unwrap_err().kind(), ErrorKind::AddrInUse);
    drop(listeners);
    bind_shared(addr, 3, BACKLOG).unwrap();
}

#[test]
fn a_port_can_be_bound_again_right_after_connections_on_it() {
    let listeners = bind_shared(any_port(), 1, BACKLOG).unwrap();
    let addr = listeners[0].local_addr().unwrap();
    let client = TcpStream::connect(addr).unwrap();
    // The side that closes first keeps the address in TIME_WAIT.
    drop(listeners[0].accept().unwrap());
    drop(listeners);
    drop(client);
    bind_shared(addr, 2, BACKLOG).unwrap();
}

#[test]
fn ipv6_addresses_are_bound_where_there_are_any() {
    match bind_shared(SocketAddr::from((Ipv6Addr::LOCALHOST, 0)), 2, BACKLOG) {
        Ok(listeners) => assert!(listeners[1].local_addr().unwrap().is_ipv6()),
        Err(error) => assert_ne!(error.kind(), ErrorKind::AddrInUse),
    }
}

fn congestion_control(socket: &impl std::os::fd::AsFd) -> String {
    let name = socket2::SockRef::from(socket).tcp_congestion().unwrap();
    String::from_utf8(name).unwrap().trim_end_matches('\0').to_owned()
}

#[test]
fn connections_of_a_loopback_address_are_not_paced_and_others_are_as_the_system_says() {
    let of_second = bind_shared(any_port(), 2, BACKLOG).unwrap().remove(1);
    assert_eq!(congestion_control(&of_second), "reno");
    let all = [any_port(), SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))];
    let [on_loopback, on_all] = all.map(|addr| {
        let listener = bind_shared(addr, 1, BACKLOG).unwrap().remove(0);
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let accepted = listener.accept().unwrap().0;
        (congestion_control(&client), congestion_control(&accepted))
    });
    assert_eq!(on_loopback.1, "reno");
    // A client is given the system's, as nobody has told it anything else.
    assert_eq!(on_all.0, on_all.1);
}

#[test]
fn the_kernel_holds_as_many_connections_as_it_is_told() {
    let held = |backlog| {
        let listener = bind_shared(any_port(), 1, backlog).unwrap().remove(0);
        let addr = listener.local_addr().unwrap();
        let connect = || TcpStream::connect_timeout(&addr, Duration::from_millis(300));
        // Nobody accepts. One more than the backlog is let in, listen(2); to whom the queue is full
        // the kernel answers nothing.
        std::iter::repeat_with(connect).take(8).map_while(Result::ok).count()
    };
    assert_eq!(held(2), 3);
    assert_eq!(held(128), 8);
}
