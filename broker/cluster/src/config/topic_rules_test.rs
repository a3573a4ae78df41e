use super::*;

fn overrides(pairs: &[(&str, &str)]) -> Overrides {
    pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn is_good_on(fixed: &[(&str, &str)], pairs: &[(&str, &str)]) -> bool {
    let nothing = Overrides::new();
    let fixed = overrides(fixed);
    let broker = BrokerLayers { dynamic: &nothing, all_brokers: &nothing, fixed: &fixed };
    check_topic_configs(&overrides(pairs), &broker).is_ok()
}

#[test]
fn the_least_compaction_lag_is_not_above_the_most() {
    let most = ("max.compaction.lag.ms", "100");
    assert!(is_good_on(&[], &[most, ("min.compaction.lag.ms", "100")]));
    assert!(!is_good_on(&[], &[most, ("min.compaction.lag.ms", "101")]));
    let fixed = [("log.cleaner.min.compaction.lag.ms", "101")];
    assert!(!is_good_on(&fixed, &[most]), "also against the broker's");
}

#[test]
fn a_tiered_topic_needs_the_clusters_switch_and_may_not_be_compacted() {
    let on = ("remote.storage.enable", "true");
    let switch = [("remote.log.storage.system.enable", "true")];
    assert!(!is_good_on(&[], &[on]));
    assert!(is_good_on(&switch, &[on]));
    assert!(is_good_on(&switch, &[on, ("cleanup.policy", "")]));
    assert!(!is_good_on(&switch, &[on, ("cleanup.policy", "compact")]));
    assert!(!is_good_on(&switch, &[on, ("cleanup.policy", "compact,delete")]));
}

#[test]
fn local_retention_is_within_the_total() {
    let is_good = |pairs: &[(&str, &str)]| {
        let on = [&[("remote.storage.enable", "true")], pairs].concat();
        is_good_on(&[("remote.log.storage.system.enable", "true")], &on)
    };
    assert!(is_good(&[("retention.ms", "10"), ("local.retention.ms", "10")]));
    assert!(!is_good(&[("retention.ms", "10"), ("local.retention.ms", "11")]));
    assert!(!is_good(&[("retention.ms", "10"), ("local.retention.ms", "-1")]));
    assert!(is_good(&[("retention.ms", "-1"), ("local.retention.ms", "-1")]));
    assert!(is_good(&[("local.retention.bytes", "5"), ("remote.copy.lag.bytes", "5")]));
    assert!(!is_good(&[("local.retention.bytes", "5"), ("remote.copy.lag.bytes", "6")]));
    let stopped = ("remote.log.copy.disable", "true");
    assert!(is_good(&[stopped]));
    assert!(!is_good(&[stopped, ("retention.bytes", "9"), ("local.retention.bytes", "5")]));
}

#[test]
fn the_remote_tier_is_switched_off_only_with_its_data() {
    let before = overrides(&[("remote.storage.enable", "true")]);
    let delete = ("remote.log.delete.on.disable", "true");
    for (after, is_good) in [
        (&[][..], false),
        (&[("remote.storage.enable", "false")], false),
        (&[("remote.storage.enable", "false"), delete], true),
        (&[("remote.storage.enable", "true")], true),
    ] {
        assert_eq!(check_topic_change(&before, &overrides(after)).is_ok(), is_good, "{after:?}");
    }
}
