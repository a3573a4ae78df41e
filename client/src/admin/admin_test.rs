use super::*;

fn codes(codes: &[ErrorCode]) -> Result<()> {
    retriable(codes.iter().map(|code| code.code()))
}

#[test]
fn a_request_is_repeated_only_if_nothing_of_it_was_done() {
    assert!(codes(&[]).is_ok());
    assert!(codes(&[ErrorCode::None]).is_ok());
    assert!(codes(&[ErrorCode::NotController, ErrorCode::None]).is_ok());
    assert!(codes(&[ErrorCode::NotController, ErrorCode::NotController]).is_err());
    assert!(codes(&[ErrorCode::TopicAlreadyExists]).is_ok());
}
