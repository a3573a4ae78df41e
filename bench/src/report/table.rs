//! The table on the terminal.

use std::io::{self, Write};

use super::QUANTILES;
use super::units::{bytes_text, latency_text, rate_text};
use crate::plan::Workload;
use crate::run::{Outcome, Repeat};

/// One line a repeat, and behind them what the workload's figures are counted in.
///
/// # Errors
/// Those of `to`.
pub fn write_table(outcome: &Outcome, to: &mut dyn Write) -> io::Result<()> {
    let workload = outcome.plan.workload;
    let mut rows = vec![titles(outcome)];
    for (repeat, number) in outcome.repeats.iter().zip(1..) {
        rows.push(row(repeat, number, workload, outcome.plan.server_pid.is_some()));
    }
    write_columns(&rows, to)?;
    writeln!(to, "\n{}", legend(outcome))?;
    for (repeat, number) in outcome.repeats.iter().zip(1..) {
        for note in notes(repeat) {
            writeln!(to, "repeat {number}: {note}")?;
        }
    }
    Ok(())
}

fn titles(outcome: &Outcome) -> Vec<String> {
    let mut titles = vec!["repeat".to_owned(), "throughput".into(), "records".into()];
    titles.extend(QUANTILES.iter().map(|(_, name)| (*name).to_owned()));
    titles.push("client CPU".into());
    if outcome.plan.server_pid.is_some() {
        titles.extend(["server CPU", "per GB", "memory", "written", "read"].map(String::from));
    }
    titles
}

fn row(repeat: &Repeat, number: u32, workload: Workload, has_server: bool) -> Vec<String> {
    let latencies = &repeat.latency_tally(workload).latencies;
    let mut row = vec![
        number.to_string(),
        format!("{}/s", bytes_text(repeat.bytes_per_second(workload))),
        format!("{}/s", rate_text(repeat.records_per_second(workload))),
    ];
    row.extend(QUANTILES.iter().map(|&(quantile, _)| match latencies.is_empty() {
        true => "-".into(),
        false => latency_text(latencies.value_at_quantile(quantile)),
    }));
    row.push(format!("{:.2} s", repeat.client.cpu_seconds));
    if let (true, Some(server)) = (has_server, &repeat.server) {
        row.push(format!("{:.2} s", server.cpu_seconds));
        let per_gb = repeat.server_cpu_seconds_per_gb(workload);
        row.push(per_gb.map_or("-".into(), |seconds| format!("{seconds:.2} s")));
        row.push(bytes_text(server.resident_bytes as f64));
        match server.io {
            Some(io) => row.extend([io.write_bytes, io.read_bytes].map(|b| bytes_text(b as f64))),
            None => row.extend(["-".into(), "-".into()]),
        }
    }
    row
}

fn legend(outcome: &Outcome) -> String {
    let counted = match outcome.plan.workload {
        Workload::Produce => "bytes are keys and values before compression",
        _ => "bytes are batches as they came",
    };
    let of = match outcome.plan.workload {
        Workload::Produce => "Produce requests",
        Workload::Fetch | Workload::CatchUp => "Fetch requests",
        Workload::EndToEnd => "batches, until a consumer has them",
    };
    let from = match (outcome.plan.rate, outcome.plan.workload) {
        (_, Workload::CatchUp) | (None, _) => "from when they were sent, as fast as answered",
        (Some(_), _) => "from when they were due, at a fixed rate",
    };
    format!("{counted}; latencies are of {of}, {from}")
}

fn notes(repeat: &Repeat) -> Vec<String> {
    let mut notes = Vec::new();
    for (name, tally) in
        [("produce", &repeat.produce), ("fetch", &repeat.fetch), ("end to end", &repeat.end_to_end)]
    {
        let failures = tally.failures;
        if failures.unsent > 0 {
            notes.push(format!(
                "{name}: {} requests were never sent, the broker being too far behind; the latencies \
                 have the time that they had waited",
                failures.unsent
            ));
        }
        if failures.given_up > 0 {
            notes.push(format!(
                "{name}: {} requests had no answer in the end; the latencies have the time that they \
                 had waited",
                failures.given_up
            ));
        }
        if failures.refused > 0 {
            notes.push(format!(
                "{name}: {} requests were refused, in whole or in part; the latencies are without them",
                failures.refused
            ));
        }
        if let Some(first) = &tally.first_error {
            notes.push(format!(
                "{name}: {} retriable errors; first: {first}",
                tally.retriable_errors
            ));
        }
    }
    if repeat.unseen > 0 {
        notes.push(format!(
            "{} batches were acknowledged and no consumer saw them; the latencies have the time that \
             they had waited",
            repeat.unseen
        ));
    }
    let newcomers = &repeat.newcomers.latencies;
    if !newcomers.is_empty() {
        let told = QUANTILES.iter().map(|&(quantile, name)| {
            format!("{name} {}", latency_text(newcomers.value_at_quantile(quantile)))
        });
        notes.push(format!(
            "{} new connections beside the load, until they were told the versions: {}",
            newcomers.len(),
            told.collect::<Vec<_>>().join(", ")
        ));
    }
    notes
}

/// Columns as wide as their widest cell, aligned to the right, as numbers are read.
pub(crate) fn write_columns(rows: &[Vec<String>], to: &mut dyn Write) -> io::Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:>width$}"));
        writeln!(to, "{}", cells.collect::<Vec<_>>().join("  "))?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "table_test.rs"]
mod table_test;
