use super::*;
use pelton_model::NodeId;

const THIS: ConfigResource = ConfigResource::Broker(NodeId::new(1));
const ALL: ConfigResource = ConfigResource::AllBrokers;

fn is_good(resource: &ConfigResource, name: &str, value: &str) -> bool {
    let nothing = Overrides::new();
    let before = BrokerLayers { dynamic: &nothing, all_brokers: &nothing, fixed: &nothing };
    let after = Overrides::from([(name.to_owned(), value.to_owned())]);
    match check_broker_configs(resource, &after, &before) {
        Ok(()) => true,
        Err(error) => {
            assert_eq!(error.kind, crate::ErrorKind::InvalidRequest);
            false
        }
    }
}

#[test]
fn what_is_read_at_the_start_only_cannot_be_altered() {
    for name in ["num.partitions", "auto.create.topics.enable", "node.id"] {
        assert!(!is_good(&THIS, name, "1"), "{name}");
    }
}

#[test]
fn per_broker_configs_are_refused_for_all_brokers() {
    assert!(is_good(&THIS, "listeners", "PLAINTEXT://:9093"));
    assert!(!is_good(&ALL, "listeners", "PLAINTEXT://:9093"));
    assert!(is_good(&ALL, "message.max.bytes", "9"));
    assert!(is_good(&THIS, "message.max.bytes", "9"));
}

#[test]
fn key_stores_belong_to_a_listener() {
    assert_eq!(PER_LISTENER_ONLY.len(), 10);
    assert!(PER_LISTENER_ONLY.iter().all(|name| BROKER_CONFIGS.get(name).is_some()));
    assert!(!is_good(&THIS, "ssl.keystore.type", "PEM"));
    assert!(is_good(&THIS, "listener.name.external.ssl.keystore.type", "PEM"));
    assert!(!is_good(&ALL, "listener.name.external.ssl.keystore.type", "PEM"));
    assert!(is_good(&ALL, "listener.name.external.max.connections", "9"));
    assert!(!is_good(&THIS, "listener.name.external.max.connections", "-9"));
    assert!(is_good(&THIS, "listener.name.external.plain.sasl.jaas.config", "x"));
}

#[test]
fn malformed_and_out_of_range_values_are_refused() {
    assert!(!is_good(&THIS, "message.max.bytes", "-1"));
    assert!(!is_good(&THIS, "message.max.bytes", "many"));
    assert!(!is_good(&THIS, "log.cleaner.min.compaction.lag.ms", "many"));
}

#[test]
fn a_thread_pool_is_halved_or_doubled_at_most() {
    for (value, expected) in [("3", false), ("4", true), ("16", true), ("17", false)] {
        assert_eq!(is_good(&THIS, "num.io.threads", value), expected, "{value}");
    }
}

#[test]
fn a_name_that_nobody_knows_is_taken() {
    assert!(is_good(&THIS, "my.plugin.setting", "x"));
    assert!(is_good(&ALL, "my.plugin.setting", "x"));
    assert!(!is_static_name_known("my.plugin.setting"));
    assert!(is_static_name_known("listener.name.a.ssl.keystore.type"));
}

#[test]
fn the_brokers_file_is_checked_as_a_whole() {
    let check = |pairs: &[(&str, &str)]| {
        let fixed = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        check_static_configs(&fixed).is_ok()
    };
    assert!(check(&[("num.partitions", "3"), ("my.plugin.setting", "x")]));
    assert!(!check(&[("num.partitions", "0")]));
    let least = ("log.cleaner.min.compaction.lag.ms", "9");
    assert!(!check(&[least, ("log.cleaner.max.compaction.lag.ms", "8")]));
    let room = |bytes| check(&[("queued.max.request.bytes", bytes)]);
    assert_eq!(["-1", "104857600", "104857599"].map(room), [true, true, false]);
    let addresses = |text| check(&[("max.connections.per.ip.overrides", text)]);
    assert!(addresses("192.0.2.1:3, [::1]:0") && addresses(""));
    // Kafka would ask who has the name; nobody here does, so it must not be passed over.
    for bad in ["a.host:9", "192.0.2.1", "192.0.2.1:-1", ":3", "192.0.2.1:3,,"] {
        assert!(!addresses(bad), "{bad}");
    }
}

#[test]
fn what_has_no_effect_is_known_to_have_none() {
    assert_eq!(why_without_effect("num.partitions"), None);
    assert_eq!(why_without_effect("my.plugin.setting"), None);
    assert_eq!(why_without_effect("num.io.threads"), Some("one thread per core"));
    let by_listener = why_without_effect("listener.name.a.ssl.keystore.type");
    assert_eq!(by_listener, Some("security is not served yet"));
}
