//! Which value is in force: what was set on the resource, then on this broker, on all brokers, at
//! the broker's start, and last the default.

use std::borrow::Cow;

use pelton_model::NodeId;

use super::broker_table::BROKER_CONFIGS;
use super::def::ConfigDef;
use super::value::{parse_boolean, split_list, trim};
use crate::record::ConfigResource;
use crate::state::{ClusterState, Overrides};

/// Where a value comes from, as DescribeConfigs tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    Topic,
    DynamicBroker,
    DynamicDefaultBroker,
    StaticBroker,
    Default,
    ClientMetrics,
    Group,
}

impl ConfigSource {
    pub const fn wire_id(self) -> i8 {
        match self {
            Self::Topic => 1,
            Self::DynamicBroker => 2,
            Self::DynamicDefaultBroker => 3,
            Self::StaticBroker => 4,
            Self::Default => 5,
            Self::ClientMetrics => 7,
            Self::Group => 8,
        }
    }
}

/// The configs of one broker in the order in which they count.
#[derive(Clone, Copy, Debug)]
pub struct BrokerLayers<'a> {
    /// Set on this broker by the admin APIs.
    pub dynamic: &'a Overrides,
    /// Set on all brokers by the admin APIs.
    pub all_brokers: &'a Overrides,
    /// From the broker's file and flags; checked when it starts.
    pub fixed: &'a Overrides,
}

impl<'a> BrokerLayers<'a> {
    pub fn new(state: &'a ClusterState, node_id: NodeId, fixed: &'a Overrides) -> Self {
        Self {
            dynamic: state.overrides(&ConfigResource::Broker(node_id)),
            all_brokers: state.overrides(&ConfigResource::AllBrokers),
            fixed,
        }
    }

    /// Everything that stands under a name, what is in force first.
    pub fn layers(&self, name: &str) -> impl Iterator<Item = (&'a str, ConfigSource)> + use<'a> {
        let set = [
            (self.dynamic.get(name), ConfigSource::DynamicBroker),
            (self.all_brokers.get(name), ConfigSource::DynamicDefaultBroker),
            (self.fixed.get(name), ConfigSource::StaticBroker),
        ];
        let default = BROKER_CONFIGS.get(name).and_then(|def| def.default);
        set.into_iter()
            .filter_map(|(value, source)| Some((value?.as_str(), source)))
            .chain(default.map(|value| (value, ConfigSource::Default)))
    }

    /// The value in force under exactly this name, or nothing.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.layers(name).next().map(|(value, _)| value)
    }

    /// As [`BrokerLayers::text`], a listener's own `listener.name.<listener>.<name>` before it.
    pub fn listener_text(&self, listener: &str, name: &str) -> Option<&'a str> {
        let own = format!("listener.name.{}.{name}", listener.to_ascii_lowercase());
        self.text(&own).or_else(|| self.text(name))
    }

    /// A number in force; its default if what stands there is none, 0 if it has no default.
    pub fn integer(&self, name: &str) -> i64 {
        self.layers(name).find_map(|(value, _)| trim(value).parse().ok()).unwrap_or(0)
    }

    /// A switch in force; its default if what stands there is none, off if it has no default.
    pub fn boolean(&self, name: &str) -> bool {
        self.layers(name).find_map(|(value, _)| parse_boolean(value)).unwrap_or(false)
    }

    /// The members of a list in force.
    pub fn list(&self, name: &str) -> Vec<&'a str> {
        self.text(name).map(|value| split_list(value).collect()).unwrap_or_default()
    }
}

/// The value in force of a topic's or a group's config, `None` if nothing and no default is set.
///
/// Where a broker config in hours or minutes stands in for one in milliseconds, it is converted.
pub fn effective<'a>(
    def: &'a ConfigDef,
    own: &'a Overrides,
    broker: &BrokerLayers<'a>,
) -> Option<Cow<'a, str>> {
    if let Some(value) = own.get(def.name) {
        return Some(Cow::Borrowed(value));
    }
    for synonym in def.synonyms {
        if let Some(value) = broker.text(synonym) {
            return Some(to_milliseconds(synonym, value));
        }
    }
    def.default.map(Cow::Borrowed)
}

fn to_milliseconds<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    let unit_ms = if name.ends_with(".minutes") {
        60_000
    } else if name.ends_with(".hours") {
        3_600_000
    } else {
        return Cow::Borrowed(value);
    };
    match trim(value).parse::<i64>() {
        Ok(count) if count < 0 => Cow::Borrowed("-1"),
        Ok(count) => Cow::Owned(count.saturating_mul(unit_ms).to_string()),
        Err(_) => Cow::Borrowed(value),
    }
}

#[cfg(test)]
#[path = "resolve_test.rs"]
mod resolve_test;
