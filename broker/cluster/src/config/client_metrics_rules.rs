//! What a client-metrics subscription may hold (KIP-714).

use super::client_metrics_table::CLIENT_METRICS_CONFIGS;
use super::value::{self, split_list, trim};
use crate::ClusterError;
use crate::state::Overrides;

const INTERVAL_MS_LEAST: i64 = 100;
const INTERVAL_MS_MOST: i64 = 3_600_000;

const MATCHED_NAMES: [&str; 6] = [
    "client_id",
    "client_instance_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

/// Refuses overrides that a subscription cannot have. Whether a pattern is a regular expression is
/// for the caller to find out, who has an engine for them.
///
/// # Errors
/// INVALID_REQUEST for unknown names and an interval out of bounds, else INVALID_CONFIG.
pub(super) fn check_client_metrics_configs(overrides: &Overrides) -> Result<(), ClusterError> {
    for (name, text) in overrides {
        let Some(def) = CLIENT_METRICS_CONFIGS.get(name) else {
            let message = format!("client-metrics subscriptions have no config {name}");
            return Err(ClusterError::invalid_request(message));
        };
        value::check(def, text).map_err(|why| ClusterError::invalid_config(why.0))?;
    }
    if let Some(text) = overrides.get("interval.ms") {
        check_interval(text)?;
    }
    let pairs = overrides.get("match").map(String::as_str).unwrap_or_default();
    split_list(pairs).try_for_each(check_match)
}

fn check_interval(text: &str) -> Result<(), ClusterError> {
    let interval_ms = trim(text).parse().unwrap_or(0);
    if (INTERVAL_MS_LEAST..=INTERVAL_MS_MOST).contains(&interval_ms) {
        return Ok(());
    }
    Err(ClusterError::invalid_request(format!(
        "interval.ms must be from {INTERVAL_MS_LEAST} to {INTERVAL_MS_MOST}"
    )))
}

fn check_match(pair: &str) -> Result<(), ClusterError> {
    match pair.split_once('=') {
        Some((name, pattern))
            if MATCHED_NAMES.contains(&trim(name)) && !trim(pattern).is_empty() =>
        {
            Ok(())
        }
        _ => Err(ClusterError::invalid_config(format!(
            "match: '{pair}' is not name=regular expression, with a name of {}",
            MATCHED_NAMES.join(", ")
        ))),
    }
}

#[cfg(test)]
#[path = "client_metrics_rules_test.rs"]
mod client_metrics_rules_test;
