use super::*;

#[test]
fn every_way_to_begin_is_understood() {
    for (text, start) in [
        ("beginning", StartAt::Beginning),
        ("end", StartAt::End),
        ("0", StartAt::Offset(Offset::ZERO)),
        ("42", StartAt::Offset(Offset::new(42))),
        ("-10", StartAt::BeforeEnd(10)),
        ("@1700000000000", StartAt::Timestamp(TimestampMs::new(1_700_000_000_000))),
    ] {
        assert_eq!(parse_start_at(text), Ok(start), "{text}");
    }
}

#[test]
fn anything_else_is_refused() {
    for text in ["", "-", "@", "--1", "@-1", "+1", "1.5", "Beginning", "99999999999999999999"] {
        assert!(parse_start_at(text).is_err(), "{text}");
    }
}
