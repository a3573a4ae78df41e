//! What compaction took, on the terminal and for programs.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{CompactionFigures, CompactionPlan, LoadFigures};
use crate::report::{FORMAT, QUANTILES, bytes_text, latencies_json, latency_text, write_columns};
use crate::run::Machine;

/// The load before and while, their ratio, and what compaction did.
///
/// # Errors
/// Those of `to`.
pub fn write_compaction_table(
    plan: &CompactionPlan,
    figures: &CompactionFigures,
    to: &mut dyn Write,
) -> io::Result<()> {
    let mut titles = vec!["load".to_owned(), "seconds".into(), "requests".into()];
    titles.extend(QUANTILES.iter().map(|(_, name)| (*name).to_owned()));
    let line = |name: &str, load: &LoadFigures| {
        let mut row =
            vec![name.into(), format!("{:.1}", load.seconds), load.latencies.len().to_string()];
        let of = |(quantile, _): &(f64, _)| load.latencies.value_at_quantile(*quantile);
        row.extend(QUANTILES.iter().map(of).map(latency_text));
        row
    };
    let mut ratios = vec!["ratio".to_owned(), String::new(), String::new()];
    ratios.extend(QUANTILES.iter().map(|(quantile, _)| format!("{:.2}", figures.ratio(*quantile))));
    let (before, during) = (line("before", &figures.before), line("compacting", &figures.during));
    write_columns(&[titles, before, during, ratios], to)?;

    let working = figures.working_seconds.map(|seconds| format!(" ({seconds:.1} s at work)"));
    writeln!(
        to,
        "\ncompacted in {:.1} s{}: {} to {}, with the load's",
        figures.seconds,
        working.unwrap_or_default(),
        bytes_text(figures.bytes_before as f64),
        bytes_text(figures.bytes_after as f64),
    )?;
    if let Some(moved) = figures.compacted {
        let (read, written) = (bytes_text(moved.read as f64), bytes_text(moved.written as f64));
        writeln!(to, "read {read}, written {written}")?;
    }
    if let Some(cpu) = figures.cpu_seconds {
        let per_gb = figures.cpu_seconds_per_gb_read();
        let per_gb = per_gb.map(|seconds| format!(", {seconds:.2} s per GB read"));
        writeln!(to, "server CPU beyond the load's: {cpu:.2} s{}", per_gb.unwrap_or_default())?;
    }
    let found = &figures.verdict;
    writeln!(
        to,
        "{} records of {} keys: {} left, {} keys lost, {} records replaced and left, {} wrong",
        plan.records,
        plan.keys,
        found.records,
        found.missing_keys,
        found.replaced_records,
        found.wrong_records
    )?;
    let errors = figures.before.retriable_errors + figures.during.retriable_errors;
    if errors > 0 {
        writeln!(to, "{errors} batches of the load were refused for a while")?;
    }
    let failures = figures.failures();
    if !failures.is_none() {
        writeln!(to, "of the load: {failures}")?;
    }
    Ok(())
}

/// Everything; units are in the names.
pub fn to_json(plan: &CompactionPlan, figures: &CompactionFigures) -> Value {
    let load = |load: &LoadFigures| {
        json!({
            "seconds": load.seconds,
            "latency_ns": latencies_json(&load.latencies),
            "retriable_errors": load.retriable_errors,
            "failures": load.failures,
            "server": load.server,
        })
    };
    json!({
        "format": FORMAT,
        "version": env!("CARGO_PKG_VERSION"),
        "machine": Machine::this(),
        "plan": plan,
        "before": load(&figures.before),
        "compacting": load(&figures.during),
        "p50_ratio": figures.ratio(0.5),
        "p99_ratio": figures.ratio(0.99),
        "seconds": figures.seconds,
        "working_seconds": figures.working_seconds,
        "bytes_before": figures.bytes_before,
        "bytes_after": figures.bytes_after,
        "compacted_bytes": figures.compacted,
        "server_cpu_seconds": figures.cpu_seconds,
        "server_cpu_seconds_per_gb_read": figures.cpu_seconds_per_gb_read(),
        "verdict": figures.verdict,
    })
}

#[cfg(test)]
#[path = "table_test.rs"]
mod table_test;
