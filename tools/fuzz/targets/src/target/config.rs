//! Values of Kafka's configs: lines of `name=value`, each against every table, and all of them as
//! one change of a topic.

use pelton_cluster::config::value::{check, split_list};
use pelton_cluster::config::{
    BROKER_CONFIGS, BrokerLayers, CLIENT_METRICS_CONFIGS, GROUP_CONFIGS, TOPIC_CONFIGS,
    TopicConfig, replace_all,
};
use pelton_cluster::{ClusterState, ConfigResource, Overrides};
use pelton_model::NodeId;

use super::Target;

pub const TARGET: Target = Target {
    name: "config",
    run,
    samples,
    reseal: None,
    bytes_per_input_byte: 160,
    bytes_constant: 64 << 10,
};

fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let configs: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once('=')).collect();
    for (name, value) in &configs {
        for table in [&TOPIC_CONFIGS, &BROKER_CONFIGS, &GROUP_CONFIGS, &CLIENT_METRICS_CONFIGS] {
            if let Some(config) = table.get(name) {
                let _ = check(config, value);
            }
        }
        assert!(split_list(value).count() <= value.len() + 1);
    }
    let cluster = ClusterState::default();
    let fixed = Overrides::new();
    let broker = BrokerLayers::new(&cluster, NodeId::new(1), &fixed);
    let wanted: Vec<(&str, Option<&str>)> =
        configs.iter().map(|(name, value)| (*name, Some(*value))).collect();
    let resource = ConfigResource::Broker(NodeId::new(1));
    let _ = replace_all(&cluster, &broker, &resource, &wanted);
    // Only what passes the checks is ever resolved.
    let sound: Overrides = configs
        .iter()
        .filter(|(name, value)| {
            TOPIC_CONFIGS.get(name).is_some_and(|config| check(config, value).is_ok())
        })
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let _ = TopicConfig::resolve(&sound, &broker);
}

fn samples() -> Vec<Vec<u8>> {
    let tables = [&TOPIC_CONFIGS, &BROKER_CONFIGS, &GROUP_CONFIGS];
    let mut samples: Vec<Vec<u8>> = tables
        .into_iter()
        .flat_map(|table| table.iter())
        .map(|config| format!("{}=1", config.name).into_bytes())
        .collect();
    samples.push(
        b"cleanup.policy=compact,delete\nretention.ms=-1\nmin.cleanable.dirty.ratio=0.5\n\
        compression.type=zstd\nmessage.timestamp.type=LogAppendTime\nflush.messages=1\n\
        max.message.bytes=1048588\nsegment.bytes=1073741824\nunclean.leader.election.enable=false"
            .to_vec(),
    );
    samples
}
