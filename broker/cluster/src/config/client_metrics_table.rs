//! The configs of a client-metrics subscription (KIP-714), sorted by name.

use super::def::{Table, int, list};

/// The configs of a client-metrics subscription. The interval's bounds are a rule of their own.
pub static CLIENT_METRICS_CONFIGS: Table = Table::new(&[
    int("interval.ms").default("300000").doc("How often clients push, in milliseconds."),
    list("match")
        .default("")
        .doc("Which clients: name=regular expression, all of which must hold."),
    list("metrics").default("").doc("Prefixes of the metrics wanted; * for all, empty for none."),
]);
