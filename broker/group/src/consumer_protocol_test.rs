use super::*;

fn subscription(version: i16) -> Vec<u8> {
    let mut writer = Writer::new(version, false);
    writer.count(1);
    writer.text("t");
    writer.bytes(b"user data");
    if version >= 1 {
        writer.count(1);
        writer.text("t");
        writer.count(2);
        writer.i32(0);
        writer.i32(3);
    }
    if version >= 2 {
        writer.i32(7);
    }
    if version >= 3 {
        writer.nullable_text(Some("rack"));
    }
    writer.finish()
}

#[test]
fn every_version_of_a_subscription_is_read_and_later_ones_as_the_newest() {
    for version in [0, 1, 2, 3, 4] {
        let bytes = subscription(version);
        let read = Subscription::decode(&bytes).unwrap();
        assert_eq!(read.topics, [TopicName::from("t")]);
        let owned = if version >= 1 { vec![("t".into(), vec![0, 3])] } else { Vec::new() };
        assert_eq!(read.owned, owned, "{version}");
        assert_eq!(read.rack_id.as_deref(), (version >= 3).then_some("rack"));
        for length in 0..bytes.len() {
            assert!(Subscription::decode(&bytes[..length]).is_err(), "{version} cut to {length}");
        }
    }
    assert!(Subscription::decode(&[0xff, 0xff]).is_err());
}

#[test]
fn an_assignment_is_read_as_it_was_written() {
    let topics = vec![("a".into(), vec![1, 2]), ("b".into(), Vec::new())];
    for version in 0..=3 {
        let bytes = encode_assignment(version, &topics);
        assert_eq!(bytes[..2], version.to_be_bytes());
        assert_eq!(decode_assignment(&bytes), Ok(topics.clone()));
    }
    assert_eq!(decode_assignment(&[]), Ok(Vec::new()));
}
