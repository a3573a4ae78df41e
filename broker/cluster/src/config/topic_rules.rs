//! What the configs of a topic must be together.

use super::resolve::BrokerLayers;
use super::topic_config::Values;
use super::topic_table::TOPIC_CONFIGS;
use super::value;
use crate::ClusterError;
use crate::state::Overrides;

/// Takes the value of `retention.*` for the local tier too.
const LOCAL_RETENTION_INHERITED: i64 = -2;

/// Refuses overrides that a topic cannot have.
///
/// # Errors
/// INVALID_CONFIG.
pub(crate) fn check_topic_configs(
    overrides: &Overrides,
    broker: &BrokerLayers<'_>,
) -> Result<(), ClusterError> {
    for (name, text) in overrides {
        let Some(def) = TOPIC_CONFIGS.get(name) else {
            return Err(ClusterError::invalid_config(format!("topics have no config {name}")));
        };
        value::check(def, text).map_err(|why| ClusterError::invalid_config(why.0))?;
    }
    let values = Values { overrides, broker };
    check_compaction_lag(&values)?;
    if values.boolean("remote.storage.enable") {
        check_remote_storage(&values)?;
    }
    Ok(())
}

/// Refuses to switch the remote tier off while it is not said what becomes of the data there.
///
/// # Errors
/// INVALID_CONFIG.
pub(crate) fn check_topic_change(
    before: &Overrides,
    after: &Overrides,
) -> Result<(), ClusterError> {
    let is_on = |overrides: &Overrides, name: &str| {
        overrides.get(name).and_then(|text| value::parse_boolean(text)).unwrap_or(false)
    };
    let switches_off =
        is_on(before, "remote.storage.enable") && !is_on(after, "remote.storage.enable");
    if switches_off && !is_on(after, "remote.log.delete.on.disable") {
        return Err(ClusterError::invalid_config(
            "remote.storage.enable can be switched off only with remote.log.delete.on.disable=true",
        ));
    }
    Ok(())
}

fn check_compaction_lag(values: &Values<'_>) -> Result<(), ClusterError> {
    let least = values.integer("min.compaction.lag.ms");
    let most = values.integer("max.compaction.lag.ms");
    if least > most {
        return Err(ClusterError::invalid_config(format!(
            "min.compaction.lag.ms ({least}) is above max.compaction.lag.ms ({most})"
        )));
    }
    Ok(())
}

fn check_remote_storage(values: &Values<'_>) -> Result<(), ClusterError> {
    if !values.broker.boolean("remote.log.storage.system.enable") {
        return Err(ClusterError::invalid_config(
            "remote.storage.enable needs remote.log.storage.system.enable on the brokers",
        ));
    }
    if values.list("cleanup.policy").iter().any(|policy| policy != "delete") {
        return Err(ClusterError::invalid_config("a tiered topic cannot be compacted"));
    }
    for unit in ["ms", "bytes"] {
        check_local_retention(values, unit)?;
    }
    Ok(())
}

fn check_local_retention(values: &Values<'_>, unit: &str) -> Result<(), ClusterError> {
    let total = values.integer(&format!("retention.{unit}"));
    let local = match values.integer(&format!("local.retention.{unit}")) {
        LOCAL_RETENTION_INHERITED => total,
        local => local,
    };
    let (is_total_unlimited, is_local_unlimited) = (total < 0, local < 0);
    if !is_total_unlimited && (is_local_unlimited || local > total) {
        return Err(ClusterError::invalid_config(format!(
            "local.retention.{unit} ({local}) is above retention.{unit} ({total})"
        )));
    }
    let is_equal = local == total || (is_local_unlimited && is_total_unlimited);
    if values.boolean("remote.log.copy.disable") && !is_equal {
        return Err(ClusterError::invalid_config(format!(
            "with remote.log.copy.disable, local.retention.{unit} must equal retention.{unit}"
        )));
    }
    let lag = values.integer(&format!("remote.copy.lag.{unit}"));
    if lag > 0 && !is_local_unlimited && lag > local {
        return Err(ClusterError::invalid_config(format!(
            "remote.copy.lag.{unit} ({lag}) is above the local retention ({local})"
        )));
    }
    Ok(())
}

#[cfg(test)]
#[path = "topic_rules_test.rs"]
mod topic_rules_test;
