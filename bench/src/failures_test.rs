use super::*;

#[test]
fn those_that_there_are_are_told() {
    let mut failures = Failures::default();
    assert!(failures.is_none());
    assert_eq!(failures.to_string(), "");
    failures.add(Failures { refused: 2, unsent: 1, ..Failures::default() });
    failures.add(Failures { refused: 1, unseen: 4, ..Failures::default() });
    assert!(!failures.is_none());
    assert_eq!(
        failures.to_string(),
        "requests refused: 3, requests never sent: 1, batches never seen: 4"
    );
    let without_answer = Failures { given_up: 7, ..Failures::default() };
    assert_eq!(without_answer.to_string(), "requests without an answer: 7");
}
