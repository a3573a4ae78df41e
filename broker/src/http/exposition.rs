//! Prometheus's text format 0.0.4: families of samples, each with HELP and TYPE first.
//!
//! Source: prometheus.io, "Exposition formats", section "Text-based format".

use std::fmt::{Display, Write};

use pelton_model::histogram::{Histogram, Latencies};

/// Names and values of labels.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

/// A scrape's answer in the making.
#[derive(Default)]
pub struct Exposition {
    text: String,
}

impl Exposition {
    /// Only ever grows within a life; `name` ends in `_total`.
    pub fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "counter", help)
    }

    pub fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "gauge", help)
    }

    pub fn histogram(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "histogram", help)
    }

    pub fn into_text(self) -> String {
        self.text
    }

    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        let text = &mut self.text;
        put(text, format_args!("# HELP {name} "));
        escape(text, help, false);
        put(text, format_args!("\n# TYPE {name} {kind}\n"));
        Family { text, name }
    }
}

/// All samples of one name. The format wants them together, which the borrow sees to.
pub struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl Family<'_> {
    /// A set of labels may appear once.
    pub fn sample(&mut self, labels: Labels<'_>, value: impl Display) {
        self.line("", labels, None, value);
    }

    /// Times, which are shown in seconds.
    pub fn latencies(&mut self, labels: Labels<'_>, histogram: &Latencies) {
        self.buckets(labels, histogram, |nanos| nanos as f64 / 1e9);
    }

    /// Bytes or numbers of things, as they are.
    pub fn amounts<const FIRST: u64>(&mut self, labels: Labels<'_>, histogram: &Histogram<FIRST>) {
        self.buckets(labels, histogram, |amount| amount as f64);
    }

    /// Buckets are cumulative, and the last is the count.
    fn buckets<const FIRST: u64>(
        &mut self,
        labels: Labels<'_>,
        histogram: &Histogram<FIRST>,
        shown: impl Fn(u64) -> f64,
    ) {
        let mut below: u64 = 0;
        for (at, count) in histogram.buckets.iter().enumerate() {
            below += count;
            let bound = match Histogram::<FIRST>::bound(at) {
                Some(bound) => shown(bound).to_string(),
                None => "+Inf".to_owned(),
            };
            self.line("_bucket", labels, Some(("le", &bound)), below);
        }
        self.line("_sum", labels, None, shown(histogram.sum));
        self.line("_count", labels, None, below);
    }

    fn line(
        &mut self,
        suffix: &str,
        labels: Labels<'_>,
        last: Option<(&str, &str)>,
        value: impl Display,
    ) {
        put(self.text, format_args!("{}{suffix}", self.name));
        let mut before = '{';
        for (name, value) in labels.iter().copied().chain(last) {
            put(self.text, format_args!("{before}{name}=\""));
            escape(self.text, value, true);
            self.text.push('"');
            before = ',';
        }
        if before == ',' {
            self.text.push('}');
        }
        put(self.text, format_args!(" {value}\n"));
    }
}

fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(arguments);
}

/// Backslashes and line feeds, and within a label's value quotes too.
fn escape(text: &mut String, raw: &str, quotes: bool) {
    for character in raw.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if quotes => text.push_str("\\\""),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
#[path = "exposition_test.rs"]
mod exposition_test;
