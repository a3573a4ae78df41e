use super::subscribed_topics;

/// Made by Kafka's own serialiser: version 1, topics t1 and t2, no user data, nothing owned.
const SUBSCRIPTION: &[u8] =
    &[0, 1, 0, 0, 0, 2, 0, 2, b't', b'1', 0, 2, b't', b'2', 255, 255, 255, 255, 0, 0, 0, 0];

#[test]
fn the_topics_of_a_subscription_are_read() {
    assert_eq!(subscribed_topics(SUBSCRIPTION).unwrap(), ["t1", "t2"]);
}

#[test]
fn what_is_no_subscription_is_refused() {
    for length in 0..14 {
        assert!(subscribed_topics(&SUBSCRIPTION[..length]).is_err(), "{length}");
    }
    assert!(subscribed_topics(&[0, 0, 127, 255, 255, 255]).is_err());
    assert!(subscribed_topics(b"not a subscription").is_err());
}
