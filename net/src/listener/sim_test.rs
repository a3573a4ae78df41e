use futures::FutureExt;

use super::*;

#[test]
fn a_connection_arrives_and_carries_bytes() {
    let sim = SimListener::default();
    let listener = sim.listener();
    assert!(listener.accept().now_or_never().is_none());
    let (client, _wire) = sim.connect(WireOptions::default()).unwrap();
    let (arrival, peer) = listener.accept().now_or_never().unwrap().unwrap();
    assert_eq!(peer, WireOptions::default().addresses[0]);
    let server = arrival.into_link().unwrap();
    client.write_all(vec![b"hello".as_slice().into()]).now_or_never().unwrap().unwrap();
    let mut buf = [0; 8];
    assert_eq!(server.read(&mut buf).now_or_never().unwrap().unwrap(), 5);
}

#[test]
fn a_stop_refuses_who_comes_and_ends_who_waits_in_the_backlog() {
    let sim = SimListener::default();
    let listener = sim.listener();
    let (client, _wire) = sim.connect(WireOptions::default()).unwrap();
    listener.stop();
    assert!(listener.accept().now_or_never().unwrap().is_err());
    assert_eq!(client.read(&mut [0; 1]).now_or_never().unwrap().unwrap(), 0);
    assert!(sim.connect(WireOptions::default()).is_err());
}
