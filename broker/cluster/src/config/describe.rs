//! DescribeConfigs of one resource.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::broker_rules::BrokerName;
use super::broker_table::BROKER_CONFIGS;
use super::client_metrics_table::CLIENT_METRICS_CONFIGS;
use super::def::{ConfigDef, Dynamic, Support, Table};
use super::group_table::GROUP_CONFIGS;
use super::resolve::{BrokerLayers, ConfigSource, effective};
use super::topic_table::TOPIC_CONFIGS;
use crate::record::ConfigResource;
use crate::state::{ClusterState, Overrides};
use crate::topic_name::check_topic_name;
use crate::{ClusterError, ErrorKind};

/// The type of a config that nobody knows.
const UNKNOWN_TYPE: i8 = 0;

/// What is told of one config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    pub name: String,
    /// `None` where it is unset, or sensitive.
    pub value: Option<String>,
    pub read_only: bool,
    pub source: ConfigSource,
    pub sensitive: bool,
    /// Everything that could give the value, what is in force first.
    pub synonyms: Vec<ConfigSynonym>,
    /// `Kind::wire_id`, or 0 where the type is not known.
    pub type_id: i8,
    pub documentation: String,
}

/// A place where a config's value may come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSynonym {
    pub name: String,
    pub value: Option<String>,
    pub source: ConfigSource,
}

/// The configs of a resource by name, or those named in `keys`; no keys are all of them.
///
/// A group or a subscription need not exist, its defaults are told. Names that nobody knows are
/// left out.
///
/// # Errors
/// INVALID_TOPIC_EXCEPTION; UNKNOWN_TOPIC_OR_PARTITION, with an empty message as in Kafka.
pub fn describe(
    state: &ClusterState,
    broker: &BrokerLayers<'_>,
    resource: &ConfigResource,
    keys: &[&str],
) -> Result<Vec<ConfigEntry>, ClusterError> {
    if let ConfigResource::Topic(name) = resource {
        check_topic_name(name)?;
        if state.topic(name).is_none() {
            return Err(ClusterError::new(ErrorKind::UnknownTopicOrPartition, ""));
        }
    }
    let own = state.overrides(resource);
    let mut entries = match resource {
        ConfigResource::Topic(_) => described(&TOPIC_CONFIGS, own, ConfigSource::Topic, broker),
        ConfigResource::Group(_) => described(&GROUP_CONFIGS, own, ConfigSource::Group, broker),
        ConfigResource::ClientMetrics(_) => {
            described(&CLIENT_METRICS_CONFIGS, own, ConfigSource::ClientMetrics, broker)
        }
        ConfigResource::Broker(_) => described_broker(broker),
        ConfigResource::AllBrokers => described_all_brokers(broker),
    };
    if !keys.is_empty() {
        // There may be a million of them.
        let keys: BTreeSet<&str> = keys.iter().copied().collect();
        entries.retain(|entry| keys.contains(&*entry.name));
    }
    Ok(entries)
}

/// The configs of a topic that has, or would have, these overrides: what CreateTopics answers, also
/// when it only validates.
pub fn describe_topic_overrides(
    overrides: &Overrides,
    broker: &BrokerLayers<'_>,
) -> Vec<ConfigEntry> {
    described(&TOPIC_CONFIGS, overrides, ConfigSource::Topic, broker)
}

fn described(
    table: &Table,
    own: &Overrides,
    own_source: ConfigSource,
    broker: &BrokerLayers<'_>,
) -> Vec<ConfigEntry> {
    let is_shown = |def: &&ConfigDef| !def.internal || own.contains_key(def.name);
    table
        .iter()
        .filter(is_shown)
        .map(|def| {
            let own_synonym = own.get(def.name).map(|value| ConfigSynonym {
                name: def.name.to_owned(),
                value: Some(value.clone()),
                source: own_source,
            });
            // As in Kafka a group's config that no broker config backs stands for itself.
            let own_default = def
                .default
                .filter(|_| own_source == ConfigSource::Group && def.synonyms.is_empty())
                .map(|value| ConfigSynonym {
                    name: def.name.to_owned(),
                    value: Some(value.to_owned()),
                    source: ConfigSource::Default,
                });
            let synonyms: Vec<_> = own_synonym
                .into_iter()
                .chain(broker_synonyms(def.synonyms, broker))
                .chain(own_default)
                .collect();
            ConfigEntry {
                name: def.name.to_owned(),
                value: effective(def, own, broker).map(Cow::into_owned),
                read_only: false,
                source: source_of(&synonyms),
                sensitive: false,
                synonyms,
                type_id: def.kind.wire_id(),
                documentation: documentation(def),
            }
        })
        .collect()
}

fn described_broker(broker: &BrokerLayers<'_>) -> Vec<ConfigEntry> {
    let is_set = |name| broker.layers(name).any(|(_, source)| source != ConfigSource::Default);
    let is_shown = |def: &&ConfigDef| !def.internal || is_set(def.name);
    let known = BROKER_CONFIGS.iter().filter(is_shown).map(|def| def.name);
    let other = [broker.dynamic, broker.all_brokers, broker.fixed]
        .into_iter()
        .flat_map(Overrides::keys)
        .map(String::as_str)
        .filter(|name| BROKER_CONFIGS.get(name).is_none());
    let mut names: Vec<&str> = known.chain(other).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| broker_entry(name, broker)).collect()
}

/// Only what was set for all brokers is told, and only from there.
fn described_all_brokers(broker: &BrokerLayers<'_>) -> Vec<ConfigEntry> {
    let nothing = Overrides::new();
    let only_all = BrokerLayers { dynamic: &nothing, fixed: &nothing, ..*broker };
    broker
        .all_brokers
        .keys()
        .map(|name| {
            let mut entry = broker_entry(name, &only_all);
            entry.synonyms.retain(|known| known.source == ConfigSource::DynamicDefaultBroker);
            entry
        })
        .collect()
}

fn broker_entry(name: &str, broker: &BrokerLayers<'_>) -> ConfigEntry {
    let parsed = BrokerName::parse(name);
    let def = parsed.def();
    let chain: Vec<&str> = match &parsed {
        BrokerName::Plain(def) => {
            std::iter::once(name).chain(def.synonyms.iter().copied()).collect()
        }
        BrokerName::Listener(def) => vec![name, def.name],
        BrokerName::Unknown { .. } => vec![name],
    };
    let sensitive = def.is_none_or(ConfigDef::is_sensitive);
    let mut synonyms = broker_synonyms(&chain, broker);
    if sensitive {
        synonyms.iter_mut().for_each(|synonym| synonym.value = None);
    }
    let is_dynamic =
        matches!(parsed, BrokerName::Plain(def) if !matches!(def.dynamic, Dynamic::No));
    ConfigEntry {
        name: name.to_owned(),
        value: broker.text(name).filter(|_| !sensitive).map(str::to_owned),
        read_only: !is_dynamic,
        source: source_of(&synonyms),
        sensitive,
        synonyms,
        type_id: def.map_or(UNKNOWN_TYPE, |def| def.kind.wire_id()),
        documentation: def.map(documentation).unwrap_or_default(),
    }
}

/// Everything under a chain of broker names, in order. As in Kafka there is nothing at all if the
/// first name of the chain is unset, even where a later one gives the value.
fn broker_synonyms(chain: &[&str], broker: &BrokerLayers<'_>) -> Vec<ConfigSynonym> {
    let is_first_set = chain.first().is_some_and(|name| broker.text(name).is_some());
    if !is_first_set {
        return Vec::new();
    }
    chain
        .iter()
        .flat_map(|name| {
            broker.layers(name).map(|(value, source)| ConfigSynonym {
                name: (*name).to_owned(),
                value: Some(value.to_owned()),
                source,
            })
        })
        .collect()
}

fn source_of(synonyms: &[ConfigSynonym]) -> ConfigSource {
    synonyms.first().map_or(ConfigSource::Default, |synonym| synonym.source)
}

fn documentation(def: &ConfigDef) -> String {
    match def.support {
        Support::Serve => def.doc.to_owned(),
        Support::Accept => format!("Accepted without effect: {}.", def.doc),
        Support::NotApplicable => format!("Not applicable: {}.", def.doc),
    }
}

#[cfg(test)]
#[path = "describe_test.rs"]
mod describe_test;
