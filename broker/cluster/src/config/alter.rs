//! IncrementalAlterConfigs and AlterConfigs of one resource.
//!
//! Either all changes of a resource are taken or none. A request that names a resource twice is for
//! the caller to refuse (`topics::find_duplicates`).

use std::collections::BTreeSet;

use super::broker_rules::{BrokerName, check_broker_configs};
use super::client_metrics_rules::check_client_metrics_configs;
use super::client_metrics_table::CLIENT_METRICS_CONFIGS;
use super::def::{ConfigDef, Kind};
use super::group_rules::check_group_configs;
use super::group_table::GROUP_CONFIGS;
use super::resolve::BrokerLayers;
use super::topic_rules::{check_topic_change, check_topic_configs};
use super::topic_table::TOPIC_CONFIGS;
use super::value::split_list;
use crate::record::{ConfigResource, Record};
use crate::state::{ClusterState, Overrides};
use crate::topic_name::check_topic_name;
use crate::{ClusterError, ErrorKind};

/// Bytes of one stored value, as in Kafka, where a record's string has a length of 16 bits.
pub const CONFIG_VALUE_BYTES_MAX: usize = 32_767;

/// Bytes of a config's name: any broker name is accepted, and known ones are far shorter.
pub const CONFIG_NAME_BYTES_MAX: usize = 512;

/// Configs set on one resource: three times what there is to set on a broker, and a bound on the
/// unknown names that brokers take.
pub const OVERRIDES_PER_RESOURCE_MAX: usize = 1024;

/// What IncrementalAlterConfigs does to one config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Set,
    /// Back to what stands behind it; a value beside it is ignored.
    Delete,
    /// Adds members to a list.
    Append,
    /// Takes members out of a list.
    Subtract,
}

impl Operation {
    /// The operation of a request, `None` for one that Kafka does not know either.
    pub fn from_wire(id: i8) -> Option<Self> {
        match id {
            0 => Some(Self::Set),
            1 => Some(Self::Delete),
            2 => Some(Self::Append),
            3 => Some(Self::Subtract),
            _ => None,
        }
    }
}

/// One change of IncrementalAlterConfigs.
#[derive(Clone, Copy, Debug)]
pub struct Alteration<'a> {
    pub name: &'a str,
    pub operation: Operation,
    pub value: Option<&'a str>,
}

/// IncrementalAlterConfigs: the records that change what is named and leave the rest.
///
/// # Errors
/// INVALID_REQUEST, INVALID_CONFIG, INVALID_TOPIC_EXCEPTION, UNKNOWN_TOPIC_OR_PARTITION.
pub fn incremental_alter(
    state: &ClusterState,
    broker: &BrokerLayers<'_>,
    resource: &ConfigResource,
    alterations: &[Alteration<'_>],
) -> Result<Vec<Record>, ClusterError> {
    check_names(alterations.iter().map(|alteration| alteration.name))?;
    let before = state.overrides(resource);
    let mut after = before.clone();
    for alteration in alterations {
        match altered_value(resource, before, alteration)? {
            Some(value) => after.insert(alteration.name.to_owned(), value),
            None => after.remove(alteration.name),
        };
    }
    finish(state, broker, resource, after)
}

/// AlterConfigs: the records that make the given configs the only ones set.
///
/// # Errors
/// As [`incremental_alter`].
pub fn replace_all(
    state: &ClusterState,
    broker: &BrokerLayers<'_>,
    resource: &ConfigResource,
    configs: &[(&str, Option<&str>)],
) -> Result<Vec<Record>, ClusterError> {
    check_names(configs.iter().map(|(name, _)| *name))?;
    let mut after = Overrides::new();
    for (name, value) in configs {
        let value = value.ok_or_else(|| null_value(name))?;
        after.insert((*name).to_owned(), value.to_owned());
    }
    finish(state, broker, resource, after)
}

fn check_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), ClusterError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            let message = format!("{name} stands twice in the request");
            return Err(ClusterError::invalid_request(message));
        }
    }
    Ok(())
}

fn altered_value(
    resource: &ConfigResource,
    before: &Overrides,
    alteration: &Alteration<'_>,
) -> Result<Option<String>, ClusterError> {
    let Alteration { name, operation, value } = *alteration;
    if operation == Operation::Delete {
        return Ok(None);
    }
    let value = value.ok_or_else(|| null_value(name))?;
    if operation == Operation::Set {
        return Ok(Some(value.to_owned()));
    }
    let Some(def) = definition(resource, name).filter(|def| def.kind == Kind::List) else {
        let message = format!("{name} is not a list, nothing can be appended or subtracted");
        return Err(ClusterError::invalid_config(message));
    };
    let present = before.get(name).map(String::as_str).or(def.default).unwrap_or_default();
    Ok(Some(altered_list(present, operation, value)))
}

/// How long the value is allowed to be is looked at when all of the resource is known.
fn altered_list(present: &str, operation: Operation, value: &str) -> String {
    let mut members: Vec<&str> = split_list(present).collect();
    match operation {
        Operation::Append => {
            let mut known: BTreeSet<&str> = members.iter().copied().collect();
            members.extend(split_list(value).filter(|member| known.insert(member)));
        }
        Operation::Subtract => {
            let gone: BTreeSet<&str> = split_list(value).collect();
            members.retain(|member| !gone.contains(member));
        }
        Operation::Set | Operation::Delete => {}
    }
    members.join(",")
}

/// As in Kafka, whether there is such a topic is looked at last.
fn finish(
    state: &ClusterState,
    broker: &BrokerLayers<'_>,
    resource: &ConfigResource,
    after: Overrides,
) -> Result<Vec<Record>, ClusterError> {
    let before = state.overrides(resource);
    check_sizes(&after)?;
    match resource {
        ConfigResource::Topic(name) => {
            if name.is_empty() {
                return Err(ClusterError::invalid_request("topics have no common configs"));
            }
            check_topic_name(name)?;
            check_topic_configs(&after, broker)?;
            check_topic_change(before, &after)?;
            if state.topic(name).is_none() {
                let message = format!("there is no topic '{name}'");
                return Err(ClusterError::new(ErrorKind::UnknownTopicOrPartition, message));
            }
        }
        ConfigResource::Broker(_) | ConfigResource::AllBrokers => {
            check_broker_configs(resource, &after, broker)?;
        }
        ConfigResource::ClientMetrics(_) => check_client_metrics_configs(&after)?,
        ConfigResource::Group(_) => check_group_configs(&after, broker)?,
    }
    Ok(differences(resource, before, after))
}

/// Refuses more, or longer, configs than a resource may have.
///
/// # Errors
/// INVALID_CONFIG.
pub(crate) fn check_sizes(overrides: &Overrides) -> Result<(), ClusterError> {
    if overrides.len() > OVERRIDES_PER_RESOURCE_MAX {
        return Err(ClusterError::invalid_config(format!(
            "{} configs on one resource, {OVERRIDES_PER_RESOURCE_MAX} at most",
            overrides.len()
        )));
    }
    for (name, value) in overrides {
        if name.len() > CONFIG_NAME_BYTES_MAX {
            return Err(ClusterError::invalid_config("the name of a config is too long"));
        }
        if value.len() > CONFIG_VALUE_BYTES_MAX {
            return Err(ClusterError::invalid_config(format!(
                "the value of {name} has {} bytes, {CONFIG_VALUE_BYTES_MAX} at most",
                value.len()
            )));
        }
    }
    Ok(())
}

fn differences(resource: &ConfigResource, before: &Overrides, after: Overrides) -> Vec<Record> {
    let record = |name: String, value: Option<String>| Record::ConfigSet {
        resource: resource.clone(),
        name,
        value,
    };
    let mut records: Vec<Record> = before
        .keys()
        .filter(|name| !after.contains_key(*name))
        .map(|name| record(name.clone(), None))
        .collect();
    let changed = after.into_iter().filter(|(name, value)| before.get(name) != Some(value));
    records.extend(changed.map(|(name, value)| record(name, Some(value))));
    records
}

fn definition(resource: &ConfigResource, name: &str) -> Option<&'static ConfigDef> {
    match resource {
        ConfigResource::Topic(_) => TOPIC_CONFIGS.get(name),
        ConfigResource::Broker(_) | ConfigResource::AllBrokers => BrokerName::parse(name).def(),
        ConfigResource::ClientMetrics(_) => CLIENT_METRICS_CONFIGS.get(name),
        ConfigResource::Group(_) => GROUP_CONFIGS.get(name),
    }
}

fn null_value(name: &str) -> ClusterError {
    ClusterError::invalid_request(format!("the value of {name} is null"))
}

#[cfg(test)]
#[path = "alter_test.rs"]
mod alter_test;
