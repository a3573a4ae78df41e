use super::*;

#[test]
fn a_list_of_addresses_may_have_spaces_and_empty_places() {
    assert_eq!(ClientOptions::new(" a:1, b:2,,").bootstrap, ["a:1", "b:2"]);
}

#[test]
fn what_cannot_be_done_yet_is_refused_by_name() {
    let mut options = ClientOptions::new("a:1");
    assert_eq!(options.check(), Ok(()));
    options.security = SecurityProtocol::SaslSsl;
    let error = options.check().unwrap_err();
    assert_eq!(error.to_string(), "security.protocol=SASL_SSL is not supported yet");
    assert!(!error.is_retriable());
}

#[test]
fn somebody_must_be_there_to_connect_to() {
    assert!(matches!(ClientOptions::new(" ,").check(), Err(Error::Invalid(_))));
}
