use std::time::Duration;

use pelton_model::histogram::BUCKETS;

use super::*;

#[test]
fn label_values_and_help_are_escaped() {
    let mut text = Exposition::default();
    text.gauge("g", "a \"b\" \\ c\nd").sample(&[("l", "a\"b\\c\nd"), ("m", "ü")], 1.5);
    let expected = concat!(
        "# HELP g a \"b\" \\\\ c\\nd\n",
        "# TYPE g gauge\n",
        "g{l=\"a\\\"b\\\\c\\nd\",m=\"ü\"} 1.5\n",
    );
    assert_eq!(text.into_text(), expected);
}

#[test]
fn a_sample_without_labels_has_no_braces() {
    let mut text = Exposition::default();
    text.counter("c_total", "Help.").sample(&[], 7);
    assert!(text.into_text().ends_with("\nc_total 7\n"));
}

#[test]
fn buckets_are_cumulative_and_end_with_the_count() {
    let mut histogram = Latencies::EMPTY;
    for took in [40, 60, 70, 60_000_000] {
        histogram.record_time(Duration::from_micros(took));
    }
    let mut text = Exposition::default();
    text.histogram("h", "Help.").latencies(&[("api", "Produce")], &histogram);
    let text = text.into_text();
    let lines: Vec<&str> = text.lines().skip(2).collect();
    assert_eq!(lines.len(), BUCKETS + 3);
    assert_eq!(lines[0], "h_bucket{api=\"Produce\",le=\"0.00005\"} 1");
    assert_eq!(lines[1], "h_bucket{api=\"Produce\",le=\"0.0001\"} 3");
    assert_eq!(lines[18], "h_bucket{api=\"Produce\",le=\"13.1072\"} 3");
    assert_eq!(lines[19], "h_bucket{api=\"Produce\",le=\"+Inf\"} 4");
    assert_eq!(lines[20], "h_sum{api=\"Produce\"} 60.00017");
    assert_eq!(lines[21], "h_count{api=\"Produce\"} 4");
}
