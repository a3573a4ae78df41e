use super::*;

#[test]
fn an_assignment_splits_at_its_first_equals_sign() {
    assert_eq!(parse_assignment("a=b=c").unwrap(), ("a".into(), "b=c".into()));
    assert_eq!(parse_assignment("a=").unwrap(), ("a".into(), String::new()));
}

#[test]
fn an_assignment_has_a_name() {
    assert!(parse_assignment("a").is_err());
    assert!(parse_assignment("=b").is_err());
}
