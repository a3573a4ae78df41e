//! How a run is going, on one line for someone who watches.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use pelton_bench::Progress;
use pelton_bench::report::{bytes_text, rate_text};

pub struct ProgressLine {
    is_drawn: bool,
    part: String,
    last: Option<Snapshot>,
}

#[derive(Clone, Copy)]
struct Snapshot {
    elapsed: Duration,
    produced: (u64, u64),
    fetched: (u64, u64),
}

impl ProgressLine {
    pub fn new(is_quiet: bool) -> Self {
        let is_drawn = !is_quiet && io::stderr().is_terminal();
        Self { is_drawn, part: String::new(), last: None }
    }

    pub fn show(&mut self, progress: Progress) {
        match progress {
            Progress::Part(part) => {
                self.part = part;
                self.last = None;
                self.draw("");
            }
            Progress::Counts { elapsed, produced, fetched } => {
                let now = Snapshot { elapsed, produced, fetched };
                if let Some(last) = self.last {
                    self.draw(&line(&last, &now));
                }
                self.last = Some(now);
            }
            Progress::Repeat(_) => self.clear(),
        }
    }

    pub fn clear(&mut self) {
        if self.is_drawn {
            // Stderr may be gone; then nobody watches.
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    fn draw(&self, text: &str) {
        if self.is_drawn {
            let _ = write!(io::stderr(), "\r{} {text}\x1b[K", self.part);
        }
    }
}

/// What happened between two looks.
fn line(last: &Snapshot, now: &Snapshot) -> String {
    let seconds = now.elapsed.saturating_sub(last.elapsed).as_secs_f64().max(1e-3);
    let side = |name: &str, last: (u64, u64), now: (u64, u64)| {
        let per_second = |last: u64, now: u64| now.saturating_sub(last) as f64 / seconds;
        (now.0 > 0).then(|| {
            format!(
                "  {name} {}/s, {} records/s",
                bytes_text(per_second(last.1, now.1)),
                rate_text(per_second(last.0, now.0))
            )
        })
    };
    let produced = side("produced", last.produced, now.produced).unwrap_or_default();
    let fetched = side("fetched", last.fetched, now.fetched).unwrap_or_default();
    format!("{:.0} s{produced}{fetched}", now.elapsed.as_secs_f64())
}

#[cfg(test)]
#[path = "progress_test.rs"]
mod progress_test;
