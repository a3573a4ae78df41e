use serde_json::Value;

use super::*;

#[test]
fn the_table_is_kafkas() {
    let lines = include_str!("../tests/golden/errors.jsonl").lines();
    let errors: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(errors.len(), ErrorCode::ALL.len());
    for (error, &ours) in errors.iter().zip(ErrorCode::ALL) {
        assert_eq!(i64::from(ours.code()), error["code"]);
        assert_eq!(ours.name(), error["name"]);
        assert_eq!(ours.is_retriable(), error["retriable"]);
        assert_eq!(ErrorCode::from_code(ours.code()), ours);
    }
}

#[test]
fn a_code_of_the_future_is_an_unknown_error() {
    for code in [-2, 137, i16::MIN, i16::MAX] {
        assert_eq!(ErrorCode::from_code(code), ErrorCode::UnknownServerError);
    }
}
