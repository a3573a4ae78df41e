//! Everything, for programs. Units are in the names.

use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};

use super::QUANTILES;
use crate::run::{Outcome, Repeat};
use crate::tally::{Counts, Tally};

/// The form's number; raised when a program that reads it must change.
pub const FORMAT: u32 = 1;

/// An object with `format`, `plan`, `machine`, `started_ms` and a list of `repeats`.
pub fn to_json(outcome: &Outcome) -> Value {
    let repeats: Vec<Value> =
        outcome.repeats.iter().map(|repeat| repeat_json(outcome, repeat)).collect();
    json!({
        "format": FORMAT,
        "version": env!("CARGO_PKG_VERSION"),
        "plan": outcome.plan,
        "machine": outcome.machine,
        "started_ms": outcome.started_ms,
        "repeats": repeats,
    })
}

fn repeat_json(outcome: &Outcome, repeat: &Repeat) -> Value {
    let workload = outcome.plan.workload;
    json!({
        "topic": repeat.topic,
        "started_ms": repeat.started_ms,
        "seconds": repeat.seconds,
        "bytes_per_second": repeat.bytes_per_second(workload),
        "records_per_second": repeat.records_per_second(workload),
        "latency_ns": latencies(&repeat.latency_tally(workload).latencies),
        "connect_ns": latencies(&repeat.connect),
        "produce": tally(&repeat.produce),
        "fetch": tally(&repeat.fetch),
        "end_to_end": tally(&repeat.end_to_end),
        "unseen": repeat.unseen,
        "failures": repeat.failures(),
        "newcomers": tally(&repeat.newcomers),
        "client": repeat.client,
        "server": repeat.server,
        "server_cpu_seconds_per_gb": repeat.server_cpu_seconds_per_gb(workload),
    })
}

/// Null for a side that did nothing.
fn tally(tally: &Tally) -> Value {
    let is_idle = tally.counts == Counts::default() && tally.latencies.is_empty();
    if is_idle && tally.failures.is_none() && tally.retriable_errors == 0 {
        return Value::Null;
    }
    let window = tally.window();
    let interval = window.interval.as_secs_f64();
    let intervals = tally.intervals_of_run().iter().zip(0u32..).map(|(each, at)| {
        json!({
            "from_seconds": interval * f64::from(at),
            "counts": each.counts,
            "latency_ns": latencies(&each.latencies),
        })
    });
    let intervals: Vec<Value> = intervals.collect();
    json!({
        "counts": tally.counts,
        "refused": tally.failures.refused,
        "given_up": tally.failures.given_up,
        "unsent": tally.failures.unsent,
        "retriable_errors": tally.retriable_errors,
        "first_error": tally.first_error,
        "latency_ns": latencies(&tally.latencies),
        "interval_seconds": interval,
        "intervals": intervals,
    })
}

/// Percentiles by name; null if nothing was timed.
pub(crate) fn latencies(histogram: &Histogram<u64>) -> Value {
    if histogram.is_empty() {
        return Value::Null;
    }
    let mut of: Map<String, Value> = QUANTILES
        .iter()
        .map(|&(quantile, name)| (name.into(), histogram.value_at_quantile(quantile).into()))
        .collect();
    of.insert("count".into(), histogram.len().into());
    of.insert("mean".into(), histogram.mean().into());
    of.insert("min".into(), histogram.min().into());
    Value::Object(of)
}

#[cfg(test)]
#[path = "json_test.rs"]
mod json_test;
