use super::*;

fn refused(set: impl FnOnce(&mut ConsumerOptions, &mut GroupOptions)) -> Option<String> {
    let mut options = ConsumerOptions::default();
    let mut group = GroupOptions::new("g");
    set(&mut options, &mut group);
    options.group = Some(group);
    options.check().err().map(|error| error.to_string())
}

#[test]
fn what_the_protocol_cannot_say_is_refused_by_name() {
    assert_eq!(refused(|_, _| {}), None);
    type Set = fn(&mut ConsumerOptions, &mut GroupOptions);
    let impossible: [(&str, Set); 8] = [
        ("fetch.max.wait.ms", |it, _| it.fetch_wait = Duration::MAX),
        ("session.timeout.ms", |_, group| group.session_timeout = Duration::MAX),
        ("heartbeat.interval.ms", |_, group| group.heartbeat_interval = Duration::MAX),
        ("max.poll.interval.ms", |_, group| group.poll_interval_max = Duration::MAX),
        ("auto.commit.interval.ms", |_, group| group.auto_commit = Some(Duration::MAX)),
        ("group.id", |_, group| group.id = "g".repeat(STRING_BYTES_MAX + 1)),
        ("group.instance.id", |_, group| group.instance_id = Some("i".repeat(1 << 15))),
        ("group.remote.assignor", |_, group| group.server_assignor = Some("a".repeat(1 << 15))),
    ];
    for (name, set) in impossible {
        let reason = refused(set).expect(name);
        assert!(reason.starts_with(&format!("{name} ")), "{reason}");
    }
}

#[test]
fn a_member_that_would_do_nothing_but_beat_is_refused() {
    let reason = refused(|_, group| group.heartbeat_interval = Duration::ZERO);
    assert_eq!(reason.as_deref(), Some("heartbeat.interval.ms must be at least 1"));
}
