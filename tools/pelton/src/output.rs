//! Standard output, buffered; errors of it are [`Failure`](crate::failure::Failure)s.

use std::io::{self, BufWriter, StdoutLock, Write};

use serde_json::Value;

/// Enough for a write to be cheap beside its records.
const BUFFER_BYTES: usize = 256 << 10;

pub type Output = BufWriter<StdoutLock<'static>>;

pub fn stdout() -> Output {
    BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock())
}

/// Writes a value over several lines, and flushes.
pub fn write_json(value: &Value) -> io::Result<()> {
    let mut output = stdout();
    serde_json::to_writer_pretty(&mut output, value)?;
    output.write_all(b"\n")?;
    output.flush()
}

/// `1 partition`, `2 partitions`.
pub fn counted(count: impl Into<i64>, noun: &str) -> String {
    match count.into() {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}

/// Columns as wide as their widest cell; the last one is not padded.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(titles: &[&str]) -> Self {
        Self { rows: vec![titles.iter().map(ToString::to_string).collect()] }
    }

    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub fn write(&self, output: &mut impl Write) -> io::Result<()> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column| {
            let cells = self.rows.iter().filter_map(|row| row.get::<usize>(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, &width) in row.iter().zip(&widths) {
                line.push_str(&format!("{cell:<width$}  "));
            }
            writeln!(output, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "output_test.rs"]
mod output_test;
