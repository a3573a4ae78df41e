use super::super::example::{outcome, stalled};
use super::*;

fn page(outcome: &Outcome) -> String {
    let mut page = Vec::new();
    write_html(outcome, &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

#[test]
fn the_page_stands_alone() {
    let page = page(&outcome());
    for outside in ["<script", "<link", "<img", "@import", "url(", "src=", "href="] {
        assert!(!page.contains(outside), "{outside}");
    }
    // Throughput, percentiles, and latencies over time for each repeat.
    assert_eq!(page.matches("<svg").count(), 4);
    // Axes and grids are thinner than what they are for. Each line stands in the legend, too.
    let lines = page.split("<polyline").filter(|line| line.contains("stroke-width=\"2\""));
    assert_eq!(lines.count(), 2 * (2 + 2 + 3 + 3));
}

#[test]
fn what_the_machine_calls_itself_is_text() {
    let page = page(&outcome());
    assert!(page.contains("A &lt;fast&gt; one") && !page.contains("<fast>"));
}

#[test]
fn a_run_that_measured_nothing_has_a_page_all_the_same() {
    let mut outcome = outcome();
    outcome.plan.workload = crate::plan::Workload::EndToEnd;
    assert!(page(&outcome).contains("</html>"));
    outcome.repeats.clear();
    assert!(page(&outcome).contains("</html>"));
}

#[test]
fn a_curve_rises_from_the_least_to_the_most() {
    let outcome = outcome();
    let curve = percentile_curve(&outcome.repeats[1].produce);
    assert!(curve.is_sorted_by(|one, next| one.0 < next.0 && one.1 <= next.1));
    assert!((49.9..50.1).contains(&curve.last().unwrap().1));
    assert!((1.99..2.01).contains(&curve.first().unwrap().1));
}

#[test]
fn throughput_is_nothing_in_a_stall_until_the_end() {
    let points = throughput(&stalled().repeats[0].produce);
    let (seconds, megabytes): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
    assert_eq!(seconds.len(), 10);
    assert!((megabytes[4] - 100.0).abs() < 0.1 && megabytes[5..] == [0.0; 5], "{megabytes:?}");
}
