use super::*;

#[test]
fn escapes_stand_for_their_bytes() {
    assert_eq!(unescape(r"a\tb\n\\\x00\xFFé").unwrap(), b"a\tb\n\\\x00\xff\xc3\xa9");
    assert_eq!(unescape("").unwrap(), b"");
}

#[test]
fn an_unknown_or_cut_escape_is_refused() {
    for text in [r"\q", r"\", r"\x", r"\x1", r"\xzz", r"\x+1", r"a\é", r"\xé"] {
        assert!(unescape(text).is_err(), "{text}");
    }
}

#[test]
fn a_separator_is_not_empty() {
    assert!(parse_separator("").is_err());
    assert_eq!(parse_separator(r"::").unwrap(), b"::");
}
