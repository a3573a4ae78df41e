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
fn what_the_protocol_cannot_say_is_refused_by_name() {
    type Set = fn(&mut ClientOptions);
    let forever: [(&str, Set); 9] = [
        ("socket.connection.setup.timeout.ms", |it| it.connect_timeout = Duration::MAX),
        ("request.timeout.ms", |it| it.request_timeout = Duration::MAX),
        ("default.api.timeout.ms", |it| it.retry_timeout = Duration::MAX),
        ("retry.backoff.ms", |it| it.retry_backoff = Duration::MAX),
        ("retry.backoff.max.ms", |it| it.retry_backoff_max = Duration::MAX),
        ("reconnect.backoff.ms", |it| it.reconnect_backoff = Duration::MAX),
        ("reconnect.backoff.max.ms", |it| it.reconnect_backoff_max = Duration::MAX),
        ("metadata.max.age.ms", |it| it.metadata_max_age = Duration::MAX),
        ("client.id", |it| it.client_id = "c".repeat(STRING_BYTES_MAX + 1)),
    ];
    for (name, set) in forever {
        let mut options = ClientOptions::new("a:1");
        set(&mut options);
        let error = options.check().unwrap_err();
        assert!(error.to_string().starts_with(&format!("{name} ")), "{error}");
    }
    let mut options = ClientOptions::new("a:1");
    options.metadata_max_age = Duration::from_millis(2_147_483_647);
    assert_eq!(options.check(), Ok(()));
}

#[test]
fn somebody_must_be_there_to_connect_to() {
    assert!(matches!(ClientOptions::new(" ,").check(), Err(Error::Invalid(_))));
}
