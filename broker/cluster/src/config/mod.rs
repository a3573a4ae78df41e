//! Configs of topics, brokers, groups and client-metrics subscriptions, under Kafka's names.
//!
//! The tables say which there are and what they may hold, `resolve` which value is in force,
//! `alter` and `describe` are the verbs. The rules that tie several configs together stand in one
//! file per kind of resource.

pub mod alter;
pub mod describe;
pub mod resolve;
pub mod topic_config;
pub mod value;

mod broker_rules;
mod broker_table;
mod client_metrics_rules;
mod client_metrics_table;
mod def;
mod group_rules;
mod group_table;
mod topic_table;

pub(crate) mod topic_rules;

pub use alter::{Alteration, Operation, incremental_alter, replace_all};
pub use broker_rules::{check_static_configs, is_static_name_known, why_without_effect};
pub use broker_table::BROKER_CONFIGS;
pub use client_metrics_table::CLIENT_METRICS_CONFIGS;
pub use def::{ConfigDef, Dynamic, Kind, Support, Table, Valid};
pub use describe::{ConfigEntry, ConfigSynonym, describe, describe_topic_overrides};
pub use group_rules::group_integer;
pub use group_table::GROUP_CONFIGS;
pub use resolve::{BrokerLayers, ConfigSource};
pub use topic_config::{CleanupPolicy, TopicConfig};
pub use topic_table::TOPIC_CONFIGS;
