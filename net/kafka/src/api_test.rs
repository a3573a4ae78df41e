use serde_json::Value;

use super::*;
use crate::versions::{SERVED, Versions};

fn golden() -> Vec<Value> {
    let lines = include_str!("../tests/golden/apis.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_table_is_kafkas() {
    let apis = golden();
    assert_eq!(apis.len(), ApiKey::ALL.len());
    for (api, ours) in apis.iter().zip(ApiKey::ALL) {
        assert_eq!(i64::from(ours.get()), api["api"]);
        assert_eq!(ours.name(), api["name"].as_str());
        let flexible_from = api.get("flexible_from").and_then(Value::as_i64);
        assert_eq!(ours.flexible_from().map(i64::from), flexible_from);
    }
}

#[test]
fn what_is_served_is_served_in_kafkas_versions() {
    let apis = golden();
    for served in SERVED {
        let api = &apis[served.api_key.get() as usize];
        let end = |at: usize| api["versions"][at].as_i64().unwrap() as i16;
        let unstable = api["unstable_version"].as_i64();
        let max = unstable.map_or(end(1), |version| version as i16 - 1);
        assert_eq!(served.served, Versions::new(end(0), max), "{}", served.api_key);
    }
}

#[test]
fn a_number_that_kafka_does_not_know_is_a_key_too() {
    for number in [-1, 95, i16::MIN, i16::MAX] {
        let key = ApiKey::new(number);
        assert_eq!(key.name(), None);
        assert!(!key.is_flexible(i16::MAX));
        assert_eq!(key.to_string(), format!("api {number}"));
    }
}
