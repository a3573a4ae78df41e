use super::*;
use crate::bench::Bench;

#[test]
fn bytes_arrive_in_order_through_a_buffer_that_is_too_small() {
    let mut bench = Bench::default();
    let options = WireOptions { buffer_bytes: 7, read_bytes_max: 3, ..WireOptions::default() };
    let (a, b, wire) = pair(options);
    let written = bench.spawn({
        let a = a.clone();
        async move {
            let pieces =
                vec![Bytes::from_static(b"hello "), Bytes::new(), Bytes::from_static(b"world")];
            a.write_all(pieces).await
        }
    });
    bench.run();
    assert!(written.borrow().is_none(), "the writer waits");
    assert_eq!(wire.bytes_under_way(0), 7);
    assert_eq!(bench.received(&b), (b"hello world".to_vec(), false));
    assert!(written.borrow().is_some());
}

#[test]
fn a_half_closed_link_still_carries_the_other_direction() {
    let mut bench = Bench::default();
    let (a, b, _) = pair(WireOptions::default());
    bench.send(&a, "last words");
    a.shutdown(Shutdown::Write).unwrap();
    assert_eq!(bench.received(&b), (b"last words".to_vec(), true));
    bench.send(&b, "answer");
    drop(b);
    assert_eq!(bench.received(&a), (b"answer".to_vec(), true));
}

#[test]
fn a_cut_wakes_both_ends_with_an_error() {
    let mut bench = Bench::default();
    let (a, b, wire) = pair(WireOptions { buffer_bytes: 1, ..WireOptions::default() });
    let writing = bench.spawn(async move { a.write_all(vec![Bytes::from_static(b"xyz")]).await });
    let reading = bench.spawn(async move { b.read(&mut [0; 4]).await });
    wire.hold(0, true);
    bench.run();
    assert!(writing.borrow().is_none() && reading.borrow().is_none());
    wire.cut();
    bench.run();
    assert!(matches!(writing.take(), Some(Err(_))));
    assert!(matches!(reading.take(), Some(Err(_))));
}

#[test]
fn held_bytes_arrive_when_they_are_let_go() {
    let mut bench = Bench::default();
    let (a, b, wire) = pair(WireOptions::default());
    wire.hold(0, true);
    bench.send(&a, "late");
    assert_eq!(bench.received(&b), (vec![], false));
    wire.hold(0, false);
    assert_eq!(bench.received(&b), (b"late".to_vec(), false));
}
