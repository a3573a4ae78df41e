use super::super::example::{outcome, stalled};
use super::*;

#[test]
fn figures_stand_under_names_with_their_units() {
    let json = to_json(&outcome());
    assert_eq!(json["format"], 1);
    assert_eq!(json["plan"]["workload"], "produce");
    assert_eq!(json["plan"]["rate"]["bytes_per_second"], 100e6);
    assert_eq!(json["plan"]["duration_seconds"], 2.0);
    assert_eq!(json["machine"]["cores"], 2);
    let repeat = &json["repeats"][1];
    assert_eq!(repeat["topic"], "filled");
    assert_eq!(repeat["bytes_per_second"], 100e6);
    assert_eq!(repeat["records_per_second"], 100e3);
    assert_eq!(repeat["server_cpu_seconds_per_gb"], 2.5);
    assert_eq!(repeat["latency_ns"]["count"], 200);
    let max = repeat["latency_ns"]["max"].as_u64().unwrap();
    assert!((49_900_000..50_100_000).contains(&max), "{max}");
    assert_eq!(repeat["produce"]["counts"]["records"], 200_000);
    assert_eq!(repeat["fetch"], Value::Null);
}

#[test]
fn intervals_add_up_to_the_whole() {
    let json = to_json(&outcome());
    let produce = &json["repeats"][0]["produce"];
    let intervals = produce["intervals"].as_array().unwrap();
    assert_eq!((intervals.len(), &produce["interval_seconds"]), (10, &json!(0.2)));
    let sum: u64 = intervals.iter().map(|each| each["counts"]["bytes"].as_u64().unwrap()).sum();
    assert_eq!(produce["counts"]["bytes"], sum);
}

#[test]
fn a_stall_until_the_end_has_its_intervals() {
    let json = to_json(&stalled());
    let intervals = json["repeats"][0]["produce"]["intervals"].as_array().unwrap();
    assert_eq!(intervals.len(), 10);
    assert_eq!(intervals[9]["counts"]["requests"], 0);
    assert_eq!(intervals[9]["latency_ns"]["count"], 20);
}
