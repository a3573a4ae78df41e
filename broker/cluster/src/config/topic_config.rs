//! A topic's configs as the data path reads them: numbers, not text.

use pelton_model::Compression;
use pelton_model::batch::{CompressionTarget, TimestampType};

use super::def::Kind;
use super::resolve::{BrokerLayers, effective};
use super::topic_table::TOPIC_CONFIGS;
use super::value::{Value, parse};
use crate::state::Overrides;

/// What may be removed from a log. Neither: nothing, ever, but by DeleteRecords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupPolicy {
    pub compact: bool,
    pub delete: bool,
}

/// All configs of a topic that have an effect, with every layer behind them resolved.
///
/// Times are in milliseconds, sizes in bytes; `None` is unlimited.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicConfig {
    pub cleanup_policy: CleanupPolicy,
    /// `compression.type`, with the level of its codec.
    pub compression: CompressionTarget,
    pub delete_retention_ms: i64,
    pub max_compaction_lag_ms: i64,
    pub max_decompressed_message_bytes: i64,
    /// The whole batch as it is stored, with the 12 bytes in front of its length's end.
    pub max_message_bytes: i64,
    pub message_timestamp_after_max_ms: i64,
    pub message_timestamp_before_max_ms: i64,
    pub message_timestamp_type: TimestampType,
    pub min_cleanable_dirty_ratio: f64,
    pub min_compaction_lag_ms: i64,
    /// As in Kafka it asks for no more replicas than the partition has.
    pub min_insync_replicas: i64,
    pub retention_bytes: Option<i64>,
    pub retention_ms: Option<i64>,
    /// `internal.segment.bytes` where it is set, which has no lower bound.
    pub segment_bytes: i64,
    pub segment_jitter_ms: i64,
    pub segment_ms: i64,
}

impl TopicConfig {
    /// Resolves a topic's overrides over a broker's layers.
    ///
    /// Values were checked when they were set; should one still not be readable, its default
    /// counts, so that no partition is lost to a config.
    pub fn resolve(overrides: &Overrides, broker: &BrokerLayers<'_>) -> Self {
        let values = Values { overrides, broker };
        let unless_negative = |value: i64| (value >= 0).then_some(value);
        let policies = values.list("cleanup.policy");
        let has_policy = |name: &str| policies.iter().any(|policy| policy == name);
        Self {
            cleanup_policy: CleanupPolicy {
                compact: has_policy("compact"),
                delete: has_policy("delete"),
            },
            compression: values.compression(),
            delete_retention_ms: values.integer("delete.retention.ms"),
            max_compaction_lag_ms: values.integer("max.compaction.lag.ms"),
            max_decompressed_message_bytes: values.integer("max.decompressed.message.bytes"),
            max_message_bytes: values.integer("max.message.bytes"),
            message_timestamp_after_max_ms: values.integer("message.timestamp.after.max.ms"),
            message_timestamp_before_max_ms: values.integer("message.timestamp.before.max.ms"),
            message_timestamp_type: match &*values.text("message.timestamp.type") {
                "LogAppendTime" => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            },
            min_cleanable_dirty_ratio: values.double("min.cleanable.dirty.ratio"),
            min_compaction_lag_ms: values.integer("min.compaction.lag.ms"),
            min_insync_replicas: values.integer("min.insync.replicas"),
            retention_bytes: unless_negative(values.integer("retention.bytes")),
            retention_ms: unless_negative(values.integer("retention.ms")),
            segment_bytes: values
                .optional_integer("internal.segment.bytes")
                .filter(|bytes| *bytes > 0)
                .unwrap_or_else(|| values.integer("segment.bytes")),
            segment_jitter_ms: values.integer("segment.jitter.ms"),
            segment_ms: values.integer("segment.ms"),
        }
    }
}

/// Typed reading of a topic's configs by name.
pub(super) struct Values<'a> {
    pub(super) overrides: &'a Overrides,
    pub(super) broker: &'a BrokerLayers<'a>,
}

impl Values<'_> {
    pub(super) fn integer(&self, name: &str) -> i64 {
        self.optional_integer(name).unwrap_or(0)
    }

    pub(super) fn optional_integer(&self, name: &str) -> Option<i64> {
        match self.value(name) {
            Some(Value::Integer(number)) => Some(number),
            _ => None,
        }
    }

    pub(super) fn boolean(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::Boolean(true)))
    }

    pub(super) fn list(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(Value::List(members)) => members,
            _ => Vec::new(),
        }
    }

    fn compression(&self) -> CompressionTarget {
        let level = |name| self.integer(name).try_into().unwrap_or(i32::MAX);
        match &*self.text("compression.type") {
            "uncompressed" => CompressionTarget::Codec(Compression::None, 0),
            "gzip" => CompressionTarget::Codec(Compression::Gzip, level("compression.gzip.level")),
            "snappy" => CompressionTarget::Codec(Compression::Snappy, 0),
            "lz4" => CompressionTarget::Codec(Compression::Lz4, level("compression.lz4.level")),
            "zstd" => CompressionTarget::Codec(Compression::Zstd, level("compression.zstd.level")),
            _ => CompressionTarget::Producer,
        }
    }

    fn double(&self, name: &str) -> f64 {
        match self.value(name) {
            Some(Value::Double(number)) => number,
            _ => 0.0,
        }
    }

    fn text(&self, name: &str) -> String {
        match self.value(name) {
            Some(Value::Text(text)) => text,
            _ => String::new(),
        }
    }

    fn value(&self, name: &str) -> Option<Value> {
        let def = TOPIC_CONFIGS.get(name)?;
        // A broker config that stands in may be narrower than the topic's, never wider.
        let kind = if def.kind == Kind::Int { Kind::Long } else { def.kind };
        effective(def, self.overrides, self.broker)
            .and_then(|text| parse(kind, &text))
            .or_else(|| parse(kind, def.default?))
    }
}

#[cfg(test)]
#[path = "topic_config_test.rs"]
mod topic_config_test;
