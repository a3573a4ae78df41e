use super::*;

fn beat(is_full: bool, subscription: Option<Subscription>) -> Beat {
    let owned = is_full.then(|| {
        let topic = TopicId::from_bytes([7; 16]);
        [2, 0].map(|index| PartitionId::new(topic, PartitionIndex::new(index))).into()
    });
    Beat { member_id: "me".into(), epoch: 3, is_full, subscription, owned }
}

fn options() -> GroupOptions {
    GroupOptions {
        server_assignor: Some("range".into()),
        poll_interval_max: Duration::from_secs(7),
        ..GroupOptions::new("g")
    }
}

#[test]
fn a_full_heartbeat_says_everything() {
    let topics = Subscription::Topics([Arc::from("t")].into());
    let request = request(&options(), beat(true, Some(topics)));
    assert_eq!((&*request.group_id, &*request.member_id, request.member_epoch), ("g", "me", 3));
    assert_eq!(request.rebalance_timeout_ms, 7_000);
    assert_eq!(request.server_assignor.as_deref(), Some("range"));
    assert_eq!(request.subscribed_topic_names.unwrap().len(), 1);
    assert_eq!(request.subscribed_topic_regex.as_deref(), Some(""));
    let owned = request.topic_partitions.unwrap();
    assert_eq!((owned.len(), &*owned[0].partitions), (1, [0, 2].as_slice()));
}

#[test]
fn what_has_not_changed_is_left_out() {
    let request = request(&options(), beat(false, None));
    assert_eq!(request.rebalance_timeout_ms, -1);
    assert_eq!(request.server_assignor, None);
    assert_eq!(request.subscribed_topic_names, None);
    assert_eq!(request.subscribed_topic_regex, None);
    assert_eq!(request.topic_partitions, None);
}

#[test]
fn a_pattern_stands_in_place_of_topics() {
    let pattern = Subscription::Pattern("a.*".into());
    let request = request(&options(), beat(false, Some(pattern)));
    assert_eq!(request.subscribed_topic_names.as_deref(), Some([].as_slice()));
    assert_eq!(request.subscribed_topic_regex.as_deref(), Some("a.*"));
}

#[test]
fn a_member_id_is_a_uuid_in_base64url() {
    // As other encoders (RFC 4648, section 5, no padding) write UUIDs of version 4.
    assert_eq!(&*member_id(0), "AAAAAAAAQACAAAAAAAAAAA");
    assert_eq!(&*member_id(u128::MAX), "________T_-__________w");
}
