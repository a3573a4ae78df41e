use super::*;

#[test]
fn success_is_no_error() {
    assert_eq!(check(0, Some("ignored"), || "anything".into()), Ok(()));
}

#[test]
fn an_answered_error_keeps_context_code_and_words() {
    let error = check(36, Some("it exists"), || "create topic a".into()).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::TopicAlreadyExists));
    assert_eq!(error.to_string(), "create topic a: TOPIC_ALREADY_EXISTS: it exists");
    assert!(!error.is_retriable());
}

#[test]
fn a_broken_connection_is_worth_another_try_but_says_nothing_of_the_outcome() {
    let error = Error::connection(&"127.0.0.1:1".into(), "refused");
    assert!(error.is_retriable());
    assert!(error.is_outcome_unknown());
}
