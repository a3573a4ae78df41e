use super::*;

#[test]
fn names_and_values_in_either_notation() {
    let text = "# a comment\n\n  acks=all \nlinger.ms: 1\n! another\nurl=http://x=y\nalone\n";
    let expected = [("acks", "all"), ("linger.ms", "1"), ("url", "http://x=y"), ("alone", "")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(parse(text), expected);
}
