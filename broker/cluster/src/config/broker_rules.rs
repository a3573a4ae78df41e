//! Which broker configs may be altered while the broker runs, and within which bounds.

use super::broker_table::BROKER_CONFIGS;
use super::def::{ConfigDef, Dynamic, Support};
use super::resolve::{BrokerLayers, effective};
use super::topic_table::TOPIC_CONFIGS;
use super::value;
use crate::ClusterError;
use crate::record::ConfigResource;
use crate::state::Overrides;

/// Can be altered for one listener only: `listener.name.<listener>.<config>`.
const PER_LISTENER_ONLY: [&str; 10] = [
    "ssl.key.password",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.type",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.type",
];

/// Can be altered for a listener of all brokers at once; other listener configs cannot.
const CLUSTER_WIDE_LISTENER_CONFIGS: [&str; 3] =
    ["max.connection.creation.rate", "max.connections", "num.network.threads"];

/// Sizes of thread pools, which may at most be halved or doubled at a time.
const THREAD_POOLS: [&str; 10] = [
    "background.threads",
    "log.cleaner.threads",
    "num.io.threads",
    "num.network.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.fetchers",
    "remote.log.manager.copier.thread.pool.size",
    "remote.log.manager.expiration.thread.pool.size",
    "remote.log.manager.follower.thread.pool.size",
    "remote.log.reader.threads",
];

/// A broker config as a client may name it.
pub(super) enum BrokerName {
    Plain(&'static ConfigDef),
    /// With the prefix of a listener, and maybe of a SASL mechanism.
    Listener(&'static ConfigDef),
    /// Kafka takes it, stores it, and never shows its value.
    Unknown {
        has_listener_prefix: bool,
    },
}

impl BrokerName {
    pub(super) fn parse(name: &str) -> Self {
        if let Some(def) = BROKER_CONFIGS.get(name) {
            return Self::Plain(def);
        }
        let Some((_, base)) =
            name.strip_prefix("listener.name.").and_then(|rest| rest.split_once('.'))
        else {
            return Self::Unknown { has_listener_prefix: false };
        };
        let without_mechanism = || {
            let (_, rest) = base.split_once('.')?;
            BROKER_CONFIGS.get(rest).filter(|def| def.name.starts_with("sasl."))
        };
        match BROKER_CONFIGS.get(base).or_else(without_mechanism) {
            Some(def) => Self::Listener(def),
            None => Self::Unknown { has_listener_prefix: true },
        }
    }

    pub(super) fn def(&self) -> Option<&'static ConfigDef> {
        match self {
            Self::Plain(def) | Self::Listener(def) => Some(def),
            Self::Unknown { .. } => None,
        }
    }

    fn check_dynamic(&self, name: &str, for_all_brokers: bool) -> Result<(), ClusterError> {
        let refuse = |why: &str| Err(ClusterError::invalid_request(format!("{name} {why}")));
        let per_broker = "can be altered for one broker at a time only";
        match self {
            Self::Plain(def) if def.dynamic == Dynamic::No => {
                refuse("cannot be altered while the broker runs")
            }
            Self::Plain(def) if PER_LISTENER_ONLY.contains(&def.name) => {
                refuse("can be altered for one listener only: listener.name.<listener>.<config>")
            }
            Self::Plain(def) if for_all_brokers && def.dynamic == Dynamic::PerBroker => {
                refuse(per_broker)
            }
            Self::Listener(def)
                if for_all_brokers && !CLUSTER_WIDE_LISTENER_CONFIGS.contains(&def.name) =>
            {
                refuse(per_broker)
            }
            Self::Unknown { has_listener_prefix: true } if for_all_brokers => refuse(per_broker),
            Self::Plain(_) | Self::Listener(_) | Self::Unknown { .. } => Ok(()),
        }
    }
}

/// Refuses overrides that a broker, or all brokers, cannot have.
///
/// # Errors
/// INVALID_REQUEST throughout, as Kafka answers for brokers.
pub(super) fn check_broker_configs(
    resource: &ConfigResource,
    overrides: &Overrides,
    before: &BrokerLayers<'_>,
) -> Result<(), ClusterError> {
    let for_all_brokers = *resource == ConfigResource::AllBrokers;
    for (name, text) in overrides {
        let parsed = BrokerName::parse(name);
        parsed.check_dynamic(name, for_all_brokers)?;
        if let Some(def) = parsed.def() {
            value::check(def, text).map_err(|why| ClusterError::invalid_request(why.0))?;
        }
    }
    let after = if for_all_brokers {
        BrokerLayers { all_brokers: overrides, ..*before }
    } else {
        BrokerLayers { dynamic: overrides, ..*before }
    };
    THREAD_POOLS.iter().try_for_each(|name| check_thread_pool(name, before, &after))?;
    check_compaction_lag(&after)
}

/// Refuses what a broker's file and flags may not hold. Names that nobody knows are let through:
/// Kafka passes them on to plug-ins, and so do the tools that write such files.
///
/// # Errors
/// Of some kind, with a message for the operator.
pub fn check_static_configs(fixed: &Overrides) -> Result<(), ClusterError> {
    for (name, text) in fixed {
        if let Some(def) = BrokerName::parse(name).def() {
            value::check(def, text).map_err(|why| ClusterError::invalid_config(why.0))?;
        }
    }
    let nothing = Overrides::new();
    let broker = BrokerLayers { dynamic: &nothing, all_brokers: &nothing, fixed };
    check_request_room(&broker)?;
    check_compaction_lag(&broker)
}

/// Whether a broker's file may mean something by this name, so that a slip can be warned of.
pub fn is_static_name_known(name: &str) -> bool {
    BrokerName::parse(name).def().is_some()
}

/// Why a config that is known has no effect here; `None` if it has one, or nobody knows the name.
pub fn why_without_effect(name: &str) -> Option<&'static str> {
    let def = BrokerName::parse(name).def()?;
    match def.support {
        Support::Serve => None,
        Support::Accept | Support::NotApplicable => Some(def.doc),
    }
}

/// As in Kafka: less than one request would be no room for any.
fn check_request_room(broker: &BrokerLayers<'_>) -> Result<(), ClusterError> {
    let (room, request) =
        (broker.integer("queued.max.request.bytes"), broker.integer("socket.request.max.bytes"));
    if room > 0 && room < request {
        return Err(ClusterError::invalid_config(format!(
            "queued.max.request.bytes ({room}) is below socket.request.max.bytes ({request})"
        )));
    }
    Ok(())
}

fn check_thread_pool(
    name: &str,
    before: &BrokerLayers<'_>,
    after: &BrokerLayers<'_>,
) -> Result<(), ClusterError> {
    let (now, wanted) = (before.integer(name), after.integer(name));
    if wanted < now / 2 || wanted > now.saturating_mul(2) {
        return Err(ClusterError::invalid_request(format!(
            "{name} can at most be halved or doubled at a time, from {now} to {wanted} is too far"
        )));
    }
    Ok(())
}

fn check_compaction_lag(broker: &BrokerLayers<'_>) -> Result<(), ClusterError> {
    let no_overrides = Overrides::new();
    let lag_ms = |name: &str| {
        let def = TOPIC_CONFIGS.get(name)?;
        effective(def, &no_overrides, broker)?.trim().parse::<i64>().ok()
    };
    match (lag_ms("min.compaction.lag.ms"), lag_ms("max.compaction.lag.ms")) {
        (Some(least), Some(most)) if least > most => Err(ClusterError::invalid_request(format!(
            "log.cleaner.min.compaction.lag.ms ({least}) is above \
             log.cleaner.max.compaction.lag.ms ({most})"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "broker_rules_test.rs"]
mod broker_rules_test;
