use super::*;

fn overrides(pairs: &[(&str, &str)]) -> Overrides {
    pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn with_broker<T>(fixed: &[(&str, &str)], then: impl FnOnce(&BrokerLayers<'_>) -> T) -> T {
    let nothing = Overrides::new();
    let fixed = overrides(fixed);
    then(&BrokerLayers { dynamic: &nothing, all_brokers: &nothing, fixed: &fixed })
}

fn is_good(pairs: &[(&str, &str)]) -> bool {
    with_broker(&[], |broker| check_group_configs(&overrides(pairs), broker).is_ok())
}

#[test]
fn values_lie_within_the_brokers_limits() {
    for (name, good, bad) in [
        ("consumer.session.timeout.ms", ["45000", "60000"], ["44999", "60001"]),
        ("consumer.heartbeat.interval.ms", ["5000", "15000"], ["4999", "15001"]),
        ("share.delivery.count.limit", ["2", "10"], ["1", "11"]),
        ("share.record.lock.duration.ms", ["15000", "60000"], ["14999", "60001"]),
        ("share.partition.max.record.locks", ["100", "4000"], ["99", "4001"]),
        ("streams.num.standby.replicas", ["0", "2"], ["-1", "3"]),
        ("streams.assignment.interval.ms", ["0", "15000"], ["-1", "15001"]),
    ] {
        assert!(good.iter().all(|value| is_good(&[(name, value)])), "{name}");
        assert!(!bad.iter().any(|value| is_good(&[(name, value)])), "{name}");
    }
}

#[test]
fn a_session_outlasts_a_heartbeat_also_the_brokers() {
    let limits = [
        ("group.consumer.min.session.timeout.ms", "1"),
        ("group.consumer.max.heartbeat.interval.ms", "60000"),
    ];
    let is_good = |pairs: &[(&str, &str)]| {
        with_broker(&limits, |broker| check_group_configs(&overrides(pairs), broker).is_ok())
    };
    assert!(!is_good(&[("consumer.session.timeout.ms", "5000")]));
    assert!(is_good(&[("consumer.session.timeout.ms", "5001")]));
    assert!(!is_good(&[("consumer.heartbeat.interval.ms", "45000")]));
}

#[test]
fn names_that_are_not_served_are_refused() {
    assert!(!is_good(&[("retention.ms", "1")]));
    assert!(!is_good(&[("errors.deadletterqueue.topic.name", "__x")]));
    assert!(is_good(&[("errors.deadletterqueue.topic.name", "x")]));
    assert!(is_good(&[("streams.assignor.name", "sticky")]));
    assert!(!is_good(&[("streams.assignor.name", "other")]));
}

#[test]
fn a_stored_value_is_clamped_when_the_limits_have_moved() {
    let own = overrides(&[("consumer.session.timeout.ms", "60000")]);
    let name = "consumer.session.timeout.ms";
    let most = [("group.consumer.max.session.timeout.ms", "50000")];
    assert_eq!(with_broker(&most, |broker| group_integer(&own, broker, name)), 50_000);
    assert_eq!(with_broker(&[], |broker| group_integer(&own, broker, name)), 60_000);
    assert_eq!(with_broker(&[], |broker| group_integer(&Overrides::new(), broker, name)), 45_000);
}
