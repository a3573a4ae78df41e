//! How far we are, for someone who watches.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use tokio::time::Instant;

use crate::output::counted;

const SHOW_EVERY: Duration = Duration::from_millis(200);

/// Counts, and draws one line on stderr if that is a terminal.
pub struct Progress {
    is_quiet: bool,
    is_drawn: bool,
    started: Instant,
    shown: Instant,
    records: u64,
    bytes: u64,
}

impl Progress {
    pub fn new(is_quiet: bool) -> Self {
        let now = Instant::now();
        let is_drawn = !is_quiet && io::stderr().is_terminal();
        Self { is_quiet, is_drawn, started: now, shown: now, records: 0, bytes: 0 }
    }

    pub fn count(&mut self, bytes: usize) {
        self.records += 1;
        self.bytes += bytes as u64;
    }

    pub fn show(&mut self) {
        if self.is_drawn && self.shown.elapsed() >= SHOW_EVERY {
            self.shown = Instant::now();
            // Stderr may be gone; then nobody watches.
            let _ = write!(io::stderr(), "\r{}\x1b[K", self.line());
        }
    }

    pub fn summarise(&self, failed: u64) {
        if self.is_quiet {
            return;
        }
        let clear = if self.is_drawn { "\r\x1b[K" } else { "" };
        let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        let _ = writeln!(io::stderr(), "{clear}{}{failed}", self.line());
    }

    fn line(&self) -> String {
        line(self.records, self.bytes, self.started.elapsed())
    }
}

fn line(records: u64, bytes: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let megabytes = bytes as f64 / 1e6;
    let all = counted(records as i64, "record");
    format!(
        "{all}, {megabytes:.1} MB in {seconds:.2} s ({:.0} records/s, {:.1} MB/s)",
        records as f64 / seconds,
        megabytes / seconds
    )
}

#[cfg(test)]
#[path = "progress_test.rs"]
mod progress_test;
