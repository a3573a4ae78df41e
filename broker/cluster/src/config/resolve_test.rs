use super::*;
use crate::config::TOPIC_CONFIGS;

fn overrides(pairs: &[(&str, &str)]) -> Overrides {
    pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

struct Layers {
    dynamic: Overrides,
    all_brokers: Overrides,
    fixed: Overrides,
}

impl Layers {
    fn new(dynamic: &[(&str, &str)], all_brokers: &[(&str, &str)], fixed: &[(&str, &str)]) -> Self {
        Self {
            dynamic: overrides(dynamic),
            all_brokers: overrides(all_brokers),
            fixed: overrides(fixed),
        }
    }

    fn broker(&self) -> BrokerLayers<'_> {
        BrokerLayers { dynamic: &self.dynamic, all_brokers: &self.all_brokers, fixed: &self.fixed }
    }

    fn topic_value(&self, name: &str, own: &[(&str, &str)]) -> Option<String> {
        let def = TOPIC_CONFIGS.get(name).unwrap();
        effective(def, &overrides(own), &self.broker()).map(Cow::into_owned)
    }
}

#[test]
fn the_nearest_layer_counts() {
    let name = "message.max.bytes";
    let all = [(name, "2")];
    let (own, dynamic, fixed) = ([("max.message.bytes", "0")], [(name, "1")], [(name, "3")]);
    for (layers, own, expected) in [
        (Layers::new(&dynamic, &all, &fixed), &own[..], "0"),
        (Layers::new(&dynamic, &all, &fixed), &[], "1"),
        (Layers::new(&[], &all, &fixed), &[], "2"),
        (Layers::new(&[], &[], &fixed), &[], "3"),
        (Layers::new(&[], &[], &[]), &[], "1048588"),
    ] {
        assert_eq!(layers.topic_value("max.message.bytes", own).as_deref(), Some(expected));
    }
}

#[test]
fn a_finer_unit_counts_before_a_coarser_one_of_any_layer() {
    let hours = Layers::new(&[], &[], &[("log.retention.hours", "2")]);
    assert_eq!(hours.topic_value("retention.ms", &[]).as_deref(), Some("7200000"));
    let minutes =
        Layers::new(&[], &[], &[("log.retention.hours", "2"), ("log.retention.minutes", "3")]);
    assert_eq!(minutes.topic_value("retention.ms", &[]).as_deref(), Some("180000"));
    let all = Layers::new(&[], &[("log.retention.ms", "4")], &[("log.retention.minutes", "3")]);
    assert_eq!(all.topic_value("retention.ms", &[]).as_deref(), Some("4"));
    let unlimited = Layers::new(&[], &[], &[("log.retention.minutes", "-1")]);
    assert_eq!(unlimited.topic_value("retention.ms", &[]).as_deref(), Some("-1"));
}

#[test]
fn without_any_setting_the_brokers_default_is_the_topics() {
    let none = Layers::new(&[], &[], &[]);
    for def in TOPIC_CONFIGS.iter() {
        let value = none.topic_value(def.name, &[]);
        let number = |text: Option<&str>| text.map(|text| text.parse::<i64>().ok());
        let is_same =
            value.as_deref() == def.default || number(value.as_deref()) == number(def.default);
        assert!(is_same, "{}: {value:?}", def.name);
    }
}

#[test]
fn a_listeners_own_config_counts_before_the_brokers() {
    let own = ("listener.name.internal.max.connections", "5");
    let layers = Layers::new(&[("max.connections", "9")], &[], &[own]);
    let broker = layers.broker();
    assert_eq!(broker.listener_text("INTERNAL", "max.connections"), Some("5"));
    assert_eq!(broker.listener_text("EXTERNAL", "max.connections"), Some("9"));
}

#[test]
fn typed_reading_falls_back_to_what_can_be_read() {
    let layers = Layers::new(&[("num.partitions", "many")], &[], &[("num.partitions", " 4 ")]);
    assert_eq!(layers.broker().integer("num.partitions"), 4);
    assert_eq!(layers.broker().integer("no.such.config"), 0);
    assert!(layers.broker().boolean("auto.create.topics.enable"));
    assert_eq!(layers.broker().list("group.consumer.assignors"), ["uniform", "range"]);
}
