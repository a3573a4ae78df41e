//! Histograms as HdrHistogram's tools read them: a log of intervals.

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::run::Outcome;

/// Values are in nanoseconds, to two digits; `interval_max` is scaled to milliseconds. Each
/// interval is tagged with its repeat: `repeat1`.
///
/// # Errors
/// Those of `to`.
pub fn write_hdr(outcome: &Outcome, to: &mut dyn Write) -> io::Result<()> {
    let mut to = to;
    let mut serializer = V2DeflateSerializer::new();
    let started = SystemTime::UNIX_EPOCH + Duration::from_millis(outcome.started_ms);
    let mut builder = IntervalLogWriterBuilder::new();
    builder
        .with_base_time(started)
        .with_start_time(started)
        .with_max_value_divisor(1_000_000.0)
        .add_comment("pelton bench: latencies in nanoseconds");
    let mut log = builder.begin_log_with(&mut to, &mut serializer)?;
    for (repeat, number) in outcome.repeats.iter().zip(1..) {
        let tally = repeat.latency_tally(outcome.plan.workload);
        let tag = format!("repeat{number}");
        let begun = Duration::from_millis(repeat.started_ms.saturating_sub(outcome.started_ms));
        let length = tally.window().interval;
        for (interval, at) in tally.intervals.iter().zip(0u32..) {
            if interval.latencies.is_empty() {
                continue;
            }
            log.write_histogram(&interval.latencies, begun + length * at, length, Tag::new(&tag))
                .map_err(|error| io::Error::other(format!("HDR log: {error:?}")))?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "hdr_test.rs"]
mod hdr_test;
