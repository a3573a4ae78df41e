//! Groups' figures on the terminal.

use std::io::{self, Write};

use super::{GroupEvent, GroupMeasure, GroupsPlan};
use crate::report::{latency_text, write_columns};

/// A line an event; of several rounds the median, and the worst.
///
/// # Errors
/// Those of `to`.
pub fn write_groups_table(
    plan: &GroupsPlan,
    figures: &[GroupMeasure],
    to: &mut dyn Write,
) -> io::Result<()> {
    let titles =
        ["event", "protocol", "members", "partitions", "rounds", "median", "worst", "server CPU"];
    let mut rows = vec![titles.map(String::from).to_vec()];
    let events = [
        (GroupEvent::AllJoin, "all join"),
        (GroupEvent::Rest, "at rest"),
        (GroupEvent::OneJoins, "one joins"),
        (GroupEvent::OneLeaves, "one leaves"),
        (GroupEvent::OneDies, "one dies"),
    ];
    for (event, name) in events {
        let of_event = figures.iter().filter(|figure| figure.event == event);
        let seconds = sorted(of_event.clone().map(|figure| figure.seconds));
        let cpu = sorted(of_event.filter_map(|figure| figure.server_cpu_seconds));
        let text = |seconds: Option<f64>| {
            seconds.map_or_else(|| "-".into(), |seconds| latency_text((seconds * 1e9) as u64))
        };
        if !seconds.is_empty() {
            rows.push(vec![
                name.into(),
                plan.protocol.name().into(),
                plan.members.to_string(),
                plan.partitions.to_string(),
                seconds.len().to_string(),
                text(median(&seconds)),
                text(seconds.last().copied()),
                text(median(&cpu)),
            ]);
        }
    }
    write_columns(&rows, to)
}

fn sorted(figures: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures
}

/// The upper one of two in the middle: no time that was not measured.
fn median(sorted: &[f64]) -> Option<f64> {
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
#[path = "table_test.rs"]
mod table_test;
