//! The configs of a client-metrics subscription (KIP-714), sorted by name.

use super::def::{Table, int, list};

/// The configs of a client-metrics subscription. The interval's bounds are a rule of their own.
pub static CLIENT_METRICS_CONFIGS: Table = Table::new(&[
    int("interval.ms").default("300000").accept("client metrics are not served yet"),
    list("match").default("").accept("client metrics are not served yet"),
    list("metrics").default("").accept("client metrics are not served yet"),
]);
