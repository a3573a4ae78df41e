//! Figures for people and for programs.

mod hdr;
mod html;
mod json;
mod plot;
mod table;
mod units;

#[cfg(test)]
mod example;

pub use hdr::write_hdr;
pub use html::write_html;
pub(crate) use json::latencies as latencies_json;
pub use json::{FORMAT, to_json};
pub(crate) use table::write_columns;
pub use table::write_table;
pub use units::{bytes_text, latency_text, rate_text};

/// The percentiles that are told, and their names.
pub const QUANTILES: [(f64, &str); 6] = [
    (0.50, "p50"),
    (0.90, "p90"),
    (0.99, "p99"),
    (0.999, "p99.9"),
    (0.9999, "p99.99"),
    (1.0, "max"),
];
