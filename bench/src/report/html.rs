//! A page that stands alone: no script, no font, nothing from elsewhere.

use std::io::{self, Write};

use super::plot::{Line, over_percentiles, over_time};
use super::table::write_table;
use super::{QUANTILES, to_json};
use crate::run::{Outcome, Repeat};
use crate::tally::{Interval, Tally};

/// Points of a percentile curve, evenly on its logarithmic axis.
const CURVE_POINTS: u32 = 120;

/// The table, throughput and latencies over time, latencies by percentile, and the plan.
///
/// # Errors
/// Those of `to`.
pub fn write_html(outcome: &Outcome, to: &mut dyn Write) -> io::Result<()> {
    let workload = outcome.plan.workload;
    let title = format!("pelton bench: {}", name_of(outcome));
    let mut table = Vec::new();
    write_table(outcome, &mut table)?;
    let machine = &outcome.machine;
    let all = |of: &dyn Fn(&Repeat) -> Vec<(f64, f64)>| -> Vec<Line> {
        let lines = outcome
            .repeats
            .iter()
            .zip(1..)
            .map(|(repeat, number)| Line { name: format!("repeat {number}"), points: of(repeat) });
        lines.collect()
    };
    let megabytes = all(&|repeat| throughput(repeat.main_tally(workload)));
    let curves = all(&|repeat| percentile_curve(repeat.latency_tally(workload)));
    let mut plots = vec![
        over_time("Throughput", "MB/s", &megabytes),
        over_percentiles("Latency by percentile", &curves),
    ];
    for (repeat, number) in outcome.repeats.iter().zip(1..) {
        let lines = QUANTILES
            .iter()
            .filter(|(_, name)| matches!(*name, "p50" | "p99" | "max"))
            .map(|&(quantile, name)| Line {
                name: name.into(),
                points: latency_over_time(repeat.latency_tally(workload), quantile),
            });
        let title = format!("Latency over time, repeat {number}");
        plots.push(over_time(&title, "ms", &lines.collect::<Vec<_>>()));
    }
    let plan = serde_json::to_string_pretty(&to_json(outcome)["plan"])?;
    write!(
        to,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <style>body{{font:15px/1.5 sans-serif;max-width:960px;margin:2em auto;padding:0 1em;\
         color:#222;background:#fff}}pre{{background:#f4f4f4;padding:1em;overflow-x:auto;\
         font-size:13px}}svg{{max-width:100%;height:auto}}</style></head>\n<body>\n<h1>{title}</h1>\n",
        title = escape(&title)
    )?;
    writeln!(
        to,
        "<p>{}, {} cores, {:.1} GiB, Linux {}</p>\n<pre>{}</pre>",
        escape(&machine.cpu),
        machine.cores,
        machine.memory_bytes as f64 / f64::from(1 << 30),
        escape(&machine.kernel),
        escape(&String::from_utf8_lossy(&table))
    )?;
    for plot in plots {
        writeln!(to, "<p>{}</p>", plot.map_err(io::Error::other)?)?;
    }
    writeln!(to, "<h2>Plan</h2>\n<pre>{}</pre>\n</body></html>", escape(&plan))
}

fn name_of(outcome: &Outcome) -> String {
    let name = serde_json::to_value(outcome.plan.workload).ok();
    name.as_ref().and_then(|name| name.as_str()).unwrap_or_default().to_owned()
}

fn throughput(tally: &Tally) -> Vec<(f64, f64)> {
    let seconds = tally.window().interval.as_secs_f64();
    let megabytes = |each: &Interval| each.counts.bytes as f64 / seconds / 1e6;
    let intervals = (0u32..).zip(tally.intervals_of_run());
    intervals.map(|(at, each)| (f64::from(at) * seconds, megabytes(each))).collect()
}

fn latency_over_time(tally: &Tally, quantile: f64) -> Vec<(f64, f64)> {
    let seconds = tally.window().interval.as_secs_f64();
    let timed = (0u32..).zip(&tally.intervals).filter(|(_, each)| !each.latencies.is_empty());
    let ms = |each: &Interval| each.latencies.value_at_quantile(quantile) as f64 / 1e6;
    timed.map(|(at, each)| (f64::from(at) * seconds, ms(each))).collect()
}

/// From the fastest to as many nines as there were requests.
fn percentile_curve(tally: &Tally) -> Vec<(f64, f64)> {
    let count = tally.latencies.len();
    if count == 0 {
        return Vec::new();
    }
    // Beyond the last but one request, so that the curve ends with the slowest.
    let end = (2.0 * count as f64).max(10.0).log10();
    let point = |at: u32| {
        let x = 10f64.powf(end * f64::from(at) / f64::from(CURVE_POINTS));
        (x, tally.latencies.value_at_quantile(1.0 - 1.0 / x) as f64 / 1e6)
    };
    (0..=CURVE_POINTS).map(point).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
#[path = "html_test.rs"]
mod html_test;
