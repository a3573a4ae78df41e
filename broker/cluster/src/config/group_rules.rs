//! What the configs of a group must be together, and within the broker's limits.

use super::broker_table::BROKER_CONFIGS;
use super::group_table::GROUP_CONFIGS;
use super::resolve::{BrokerLayers, effective};
use super::value::{self, trim};
use crate::ClusterError;
use crate::state::Overrides;

const PROTOCOLS: [&str; 3] = ["consumer", "share", "streams"];

/// Refuses overrides that a group cannot have.
///
/// # Errors
/// INVALID_CONFIG.
pub(super) fn check_group_configs(
    overrides: &Overrides,
    broker: &BrokerLayers<'_>,
) -> Result<(), ClusterError> {
    for (name, text) in overrides {
        let Some(def) = GROUP_CONFIGS.get(name) else {
            return Err(ClusterError::invalid_config(format!("groups have no config {name}")));
        };
        value::check(def, text).map_err(|why| ClusterError::invalid_config(why.0))?;
        check_broker_limits(name, text, broker)?;
    }
    for protocol in PROTOCOLS {
        check_session_outlasts_heartbeat(protocol, overrides, broker)?;
    }
    check_dead_letter_topic(overrides)?;
    check_streams_assignor(overrides, broker)
}

/// A number in force for a group. One that was stored when the broker's limits were wider is
/// clamped to them, so that an operator's limit always holds.
pub fn group_integer(overrides: &Overrides, broker: &BrokerLayers<'_>, name: &str) -> i64 {
    let Some(def) = GROUP_CONFIGS.get(name) else {
        return 0;
    };
    let number = effective(def, overrides, broker)
        .and_then(|text| trim(&text).parse().ok())
        .or_else(|| def.default?.parse().ok())
        .unwrap_or(0);
    if !overrides.contains_key(name) {
        return number;
    }
    let (least, most) = broker_limits(name, broker);
    // Not `clamp`, which panics when an operator has set the limits the wrong way round.
    number.max(least.unwrap_or(i64::MIN)).min(most.unwrap_or(i64::MAX))
}

/// The broker's bounds for a group's config: `group.<protocol>.min.<rest>` and `.max.<rest>`.
fn broker_limits(name: &str, broker: &BrokerLayers<'_>) -> (Option<i64>, Option<i64>) {
    let Some((protocol, rest)) = name.split_once('.') else {
        return (None, None);
    };
    // The maximum of `num.standby.replicas` is named without the `num`.
    let rest = rest.strip_prefix("num.").unwrap_or(rest);
    let limit = |bound: &str| {
        let name = format!("group.{protocol}.{bound}.{rest}");
        BROKER_CONFIGS.get(&name).map(|_| broker.integer(&name))
    };
    (limit("min"), limit("max"))
}

fn check_broker_limits(
    name: &str,
    text: &str,
    broker: &BrokerLayers<'_>,
) -> Result<(), ClusterError> {
    let Ok(number) = trim(text).parse::<i64>() else {
        return Ok(());
    };
    let (least, most) = broker_limits(name, broker);
    if let Some(least) = least.filter(|least| number < *least) {
        let message = format!("{name} ({number}) is below the broker's minimum ({least})");
        return Err(ClusterError::invalid_config(message));
    }
    if let Some(most) = most.filter(|most| number > *most) {
        let message = format!("{name} ({number}) is above the broker's maximum ({most})");
        return Err(ClusterError::invalid_config(message));
    }
    Ok(())
}

fn check_session_outlasts_heartbeat(
    protocol: &str,
    overrides: &Overrides,
    broker: &BrokerLayers<'_>,
) -> Result<(), ClusterError> {
    let session = format!("{protocol}.session.timeout.ms");
    let heartbeat = format!("{protocol}.heartbeat.interval.ms");
    if !overrides.contains_key(&session) && !overrides.contains_key(&heartbeat) {
        return Ok(());
    }
    let session_ms = group_integer(overrides, broker, &session);
    let heartbeat_ms = group_integer(overrides, broker, &heartbeat);
    if session_ms <= heartbeat_ms {
        return Err(ClusterError::invalid_config(format!(
            "{session} ({session_ms}) must be above {heartbeat} ({heartbeat_ms})"
        )));
    }
    Ok(())
}

fn check_dead_letter_topic(overrides: &Overrides) -> Result<(), ClusterError> {
    let name = "errors.deadletterqueue.topic.name";
    if overrides.get(name).is_some_and(|topic| trim(topic).starts_with("__")) {
        return Err(ClusterError::invalid_config(format!("{name} must not begin with \"__\"")));
    }
    Ok(())
}

fn check_streams_assignor(
    overrides: &Overrides,
    broker: &BrokerLayers<'_>,
) -> Result<(), ClusterError> {
    let Some(assignor) = overrides.get("streams.assignor.name").map(|text| trim(text)) else {
        return Ok(());
    };
    let known = broker.list("group.streams.assignors");
    if known.contains(&assignor) {
        Ok(())
    } else {
        let known = known.join(", ");
        let message = format!("the broker has no streams assignor '{assignor}', but: {known}");
        Err(ClusterError::invalid_config(message))
    }
}

#[cfg(test)]
#[path = "group_rules_test.rs"]
mod group_rules_test;
