use pelton_model::{NodeId, TopicId};

use super::*;
use crate::record::Record;

const BROKER: ConfigResource = ConfigResource::Broker(NodeId::new(1));

struct Bench {
    state: ClusterState,
    fixed: Overrides,
}

impl Bench {
    fn new(configs: &[(&ConfigResource, &str, &str)], fixed: &[(&str, &str)]) -> Self {
        let mut records = vec![Record::Topic {
            id: TopicId::from_random(1),
            name: "t".into(),
            partition_count: 1,
            replication_factor: 1,
        }];
        records.extend(configs.iter().map(|(resource, name, value)| Record::ConfigSet {
            resource: (*resource).clone(),
            name: (*name).into(),
            value: Some((*value).into()),
        }));
        let mut state = ClusterState::default();
        state.apply(1, &records).unwrap();
        let fixed = fixed.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Self { state, fixed }
    }

    fn describe(&self, resource: &ConfigResource, keys: &[&str]) -> Vec<ConfigEntry> {
        let broker = BrokerLayers::new(&self.state, NodeId::new(1), &self.fixed);
        describe(&self.state, &broker, resource, keys).unwrap()
    }

    fn one(&self, resource: &ConfigResource, name: &str) -> ConfigEntry {
        let mut entries = self.describe(resource, &[name]);
        assert_eq!(entries.len(), 1, "{name}");
        entries.remove(0)
    }
}

fn topic() -> ConfigResource {
    ConfigResource::Topic("t".into())
}

fn shown(synonyms: &[ConfigSynonym]) -> Vec<(&str, Option<&str>, i8)> {
    synonyms
        .iter()
        .map(|synonym| (&*synonym.name, synonym.value.as_deref(), synonym.source.wire_id()))
        .collect()
}

#[test]
fn each_kind_of_resource_lists_what_is_not_internal() {
    let bench = Bench::new(&[], &[]);
    assert_eq!(bench.describe(&topic(), &[]).len(), 37);
    assert_eq!(bench.describe(&ConfigResource::Group("g".into()), &[]).len(), 21);
    assert_eq!(bench.describe(&ConfigResource::ClientMetrics("m".into()), &[]).len(), 3);
    assert_eq!(bench.describe(&BROKER, &[]).len(), 353);
    assert_eq!(bench.describe(&ConfigResource::AllBrokers, &[]), []);
}

#[test]
fn an_internal_config_shows_once_it_is_set() {
    let bench = Bench::new(&[(&topic(), "internal.segment.bytes", "500")], &[]);
    assert_eq!(bench.describe(&topic(), &[]).len(), 38);

    let name = "pelton.group.consumer.min.heartbeat.interval.ms";
    let bench = Bench::new(&[], &[(name, "0")]);
    let entry = bench.one(&BROKER, name);
    assert_eq!(entry.value.as_deref(), Some("0"));
    assert_eq!(shown(&entry.synonyms), [(name, Some("0"), 4), (name, Some("1000"), 5)]);
}

#[test]
fn the_synonyms_of_a_topics_config_are_all_layers() {
    let name = "message.max.bytes";
    let bench = Bench::new(
        &[
            (&topic(), "max.message.bytes", "1"),
            (&BROKER, name, "2"),
            (&ConfigResource::AllBrokers, name, "3"),
        ],
        &[(name, "4")],
    );
    let entry = bench.one(&topic(), "max.message.bytes");
    assert_eq!((entry.value.as_deref(), entry.source), (Some("1"), ConfigSource::Topic));
    assert!(!entry.read_only);
    let expected = [
        ("max.message.bytes", Some("1"), 1),
        (name, Some("2"), 2),
        (name, Some("3"), 3),
        (name, Some("4"), 4),
        (name, Some("1048588"), 5),
    ];
    assert_eq!(shown(&entry.synonyms), expected);
}

#[test]
fn a_config_whose_broker_default_is_unset_has_no_synonyms() {
    let bench = Bench::new(&[], &[("log.retention.hours", "1")]);
    let entry = bench.one(&topic(), "retention.ms");
    assert_eq!((entry.value.as_deref(), entry.source), (Some("3600000"), ConfigSource::Default));
    assert_eq!(entry.synonyms, []);
    assert_eq!(bench.one(&topic(), "segment.ms").synonyms, []);
    assert_eq!(bench.one(&topic(), "flush.ms").value.as_deref(), Some("9223372036854775807"));
}

#[test]
fn unknown_keys_are_left_out() {
    let bench = Bench::new(&[], &[]);
    let entries = bench.describe(&topic(), &["no.such", "segment.ms"]);
    assert_eq!(entries.len(), 1);
    assert_eq!((&*entries[0].name, entries[0].type_id), ("segment.ms", 5));
}

#[test]
fn a_missing_topic_has_an_empty_message_and_an_invalid_name_its_own_code() {
    let bench = Bench::new(&[], &[]);
    let broker = BrokerLayers::new(&bench.state, NodeId::new(1), &bench.fixed);
    let refusal = |name: &str| {
        describe(&bench.state, &broker, &ConfigResource::Topic(name.into()), &[]).unwrap_err()
    };
    let missing = ClusterError::new(ErrorKind::UnknownTopicOrPartition, "");
    assert_eq!(refusal("x"), missing);
    assert_eq!(refusal("").kind, ErrorKind::InvalidTopicException);
}

#[test]
fn a_broker_config_is_read_only_unless_it_is_dynamic() {
    let bench = Bench::new(&[], &[("node.id", "1")]);
    assert!(bench.one(&BROKER, "num.partitions").read_only);
    assert!(!bench.one(&BROKER, "message.max.bytes").read_only);
    let node = bench.one(&BROKER, "node.id");
    assert_eq!((node.value.as_deref(), node.source), (Some("1"), ConfigSource::StaticBroker));
    let retention = bench.one(&BROKER, "log.retention.ms");
    assert_eq!((retention.value, retention.synonyms.len()), (None, 0));
    let hours = bench.one(&BROKER, "log.retention.hours");
    assert_eq!(shown(&hours.synonyms), [("log.retention.hours", Some("168"), 5)]);
}

#[test]
fn sensitive_and_unknown_broker_configs_are_shown_without_a_value() {
    let password = "listener.name.a.ssl.key.password";
    let bench = Bench::new(&[(&BROKER, password, "secret"), (&BROKER, "my.x", "hidden")], &[]);
    let entry = bench.one(&BROKER, password);
    assert_eq!((entry.value, entry.sensitive, entry.type_id), (None, true, 9));
    assert!(entry.synonyms.iter().all(|synonym| synonym.value.is_none()));
    let entry = bench.one(&BROKER, "my.x");
    assert_eq!((entry.value, entry.sensitive, entry.read_only), (None, true, true));
    assert_eq!((entry.type_id, entry.source), (0, ConfigSource::DynamicBroker));
}

#[test]
fn all_brokers_show_only_what_was_set_for_all() {
    let name = "message.max.bytes";
    let bench = Bench::new(
        &[(&ConfigResource::AllBrokers, name, "3"), (&BROKER, name, "2")],
        &[("num.partitions", "9")],
    );
    let entries = bench.describe(&ConfigResource::AllBrokers, &[]);
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].value.as_deref(), Some("3"));
    assert_eq!(shown(&entries[0].synonyms), [(name, Some("3"), 3)]);
}

#[test]
fn a_groups_config_that_no_broker_config_backs_stands_for_itself() {
    let bench = Bench::new(&[], &[]);
    let name = "share.isolation.level";
    let entry = bench.one(&ConfigResource::Group("g".into()), name);
    assert_eq!(shown(&entry.synonyms), [(name, Some("read_uncommitted"), 5)]);
}

#[test]
fn a_group_that_nobody_set_is_described_under_the_brokers_names() {
    let bench = Bench::new(&[], &[]);
    let group = ConfigResource::Group("g".into());
    let entry = bench.one(&group, "consumer.session.timeout.ms");
    assert_eq!((entry.value.as_deref(), entry.source), (Some("45000"), ConfigSource::Default));
    let expected = [("group.consumer.session.timeout.ms", Some("45000"), 5)];
    assert_eq!(shown(&entry.synonyms), expected);
}

#[test]
fn a_created_topic_is_described_before_it_exists() {
    let bench = Bench::new(&[], &[]);
    let broker = BrokerLayers::new(&bench.state, NodeId::new(1), &bench.fixed);
    let overrides = Overrides::from([("retention.ms".to_owned(), " 100000 ".to_owned())]);
    let entries = describe_topic_overrides(&overrides, &broker);
    let entry = entries.iter().find(|entry| entry.name == "retention.ms").unwrap();
    assert_eq!(entries.len(), 37);
    assert_eq!((entry.value.as_deref(), entry.source), (Some(" 100000 "), ConfigSource::Topic));
}
