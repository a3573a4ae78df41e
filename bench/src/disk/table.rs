//! The disk's figures on the terminal.

use std::io::{self, Write};

use super::{DiskFigure, FileState, Operation, Sync};
use crate::report::{QUANTILES, bytes_text, latency_text, rate_text, write_columns};

/// A line a test.
///
/// # Errors
/// Those of `to`.
pub fn write_disk_table(figures: &[DiskFigure], to: &mut dyn Write) -> io::Result<()> {
    let mut titles: Vec<String> =
        ["test", "file", "sync", "block", "depth", "throughput", "requests"]
            .map(String::from)
            .into();
    titles.extend(QUANTILES.iter().map(|(_, name)| (*name).to_owned()));
    titles.push("CPU per GB".into());
    let mut rows = vec![titles];
    rows.extend(figures.iter().map(row));
    write_columns(&rows, to)?;
    for figure in figures.iter().filter(|figure| figure.tally.failures.unsent > 0) {
        let (name, unsent) = (figure.test.name, figure.tally.failures.unsent);
        writeln!(
            to,
            "{name}: {unsent} requests were given up: the device is slower than the rate"
        )?;
    }
    Ok(())
}

fn row(figure: &DiskFigure) -> Vec<String> {
    let test = &figure.test;
    let file = match test.file {
        FileState::Overwritten => "overwritten",
        FileState::Allocated => "allocated",
        FileState::Growing => "growing",
    };
    let sync = match test.operation {
        Operation::Read | Operation::Write(Sync::None) => "-",
        Operation::Write(Sync::Dsync) => "dsync",
        Operation::Write(Sync::Fdatasync) => "fdatasync",
    };
    let counts = figure.tally.counts;
    let requests = counts.requests as f64 / figure.seconds.max(1e-9);
    let mut row = vec![
        test.name.to_owned(),
        file.into(),
        sync.into(),
        format!("{} KiB", test.block_bytes >> 10),
        test.depth.to_string(),
        format!("{}/s", bytes_text(figure.bytes_per_second())),
        format!("{}/s", rate_text(requests)),
    ];
    let latencies = &figure.tally.latencies;
    row.extend(QUANTILES.iter().map(|&(quantile, _)| match latencies.is_empty() {
        true => "-".into(),
        false => latency_text(latencies.value_at_quantile(quantile)),
    }));
    let gigabytes = (counts.bytes as f64 / 1e9).max(1e-9);
    row.push(format!("{:.2} s", figure.cpu_seconds / gigabytes));
    row
}
