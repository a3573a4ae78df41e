use super::*;

#[test]
fn names_of_ascii_letters_digits_and_three_signs_are_good() {
    for name in ["a", "A.b_c-9", "...", "__x", &"x".repeat(249)] {
        assert_eq!(check_topic_name(name), Ok(()), "{name}");
    }
}

#[test]
fn other_names_are_refused() {
    for name in ["", ".", "..", "a b", "a/b", "ä", "a:b", "a\0", &"x".repeat(250)] {
        let error = check_topic_name(name).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidTopicException, "{name}");
    }
}
