use super::*;

const SETTLE: Duration = Duration::from_millis(300);

fn looks(of: &[(u64, Option<u64>)]) -> Tracker {
    let begin = clock::now();
    let looks = of.iter().zip(0u32..).map(|(&(bytes, read), at)| Look {
        at: begin + at * LOOK_EVERY,
        bytes,
        compacted: read.map(|read| CompactedBytes { read, written: read / 10 }),
        server: Some(Sample { cpu_seconds: f64::from(at), ..Sample::default() }),
    });
    let looks: Vec<_> = looks.collect();
    let mut tracker = Tracker::new(looks[0]);
    looks[1..].iter().for_each(|look| tracker.look(*look));
    tracker
}

#[test]
fn a_topic_that_only_grows_is_not_compacted() {
    let sizes: Vec<_> = (0..20).map(|at| (100 + at, None)).collect();
    assert!(looks(&sizes).ended(SETTLE).is_none());
}

#[test]
fn it_is_over_when_for_a_while_nothing_has_become_less() {
    let mut sizes =
        vec![(100, None), (101, None), (50, None), (51, None), (20, None), (21, None), (22, None)];
    assert!(looks(&sizes).ended(SETTLE).is_none(), "two looks are not enough");
    sizes.push((23, None));
    let tracker = looks(&sizes);
    let ended = tracker.ended(SETTLE).unwrap();
    assert_eq!(ended.ended - ended.switched_on, 4 * LOOK_EVERY);
    assert_eq!((ended.bytes_before, ended.bytes_after), (100, 20));
    assert_eq!((ended.began, ended.compacted), (None, None));
    assert_eq!(ended.server.unwrap().cpu_seconds, 4.0);
}

#[test]
fn metrics_tell_when_it_began_and_that_it_goes_on() {
    let sizes = [(100, 7), (101, 7), (102, 17), (40, 27), (41, 37), (42, 47)];
    let mut sizes: Vec<_> = sizes.map(|(bytes, read)| (bytes, Some(read))).into();
    sizes.extend([(43, Some(47)); 2]);
    assert!(looks(&sizes).ended(SETTLE).is_none(), "it went on to read");
    sizes.push((44, Some(47)));
    let ended = looks(&sizes).ended(SETTLE).unwrap();
    assert_eq!(ended.began.unwrap() - ended.switched_on, LOOK_EVERY, "after the second look");
    assert_eq!(ended.ended - ended.switched_on, 5 * LOOK_EVERY);
    assert_eq!(ended.compacted, Some(CompactedBytes { read: 40, written: 4 }));
}
