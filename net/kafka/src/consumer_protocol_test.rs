use super::*;

fn unhex(hex: &str) -> Bytes {
    let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16));
    bytes.map(Result::unwrap).collect::<Vec<_>>().into()
}

#[test]
fn kafkas_own_bytes_come_back_as_they_were() {
    let golden = include_str!("../tests/golden/consumer-protocol.jsonl");
    let mut lines = 0;
    for line in golden.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let bytes = unhex(line["hex"].as_str().unwrap());
        let version = line["version"].as_i64().unwrap() as i16;
        let again = match line["schema"].as_str().unwrap() {
            "ConsumerProtocolSubscription" => {
                encode_subscription(&decode_subscription(bytes.clone()).unwrap(), version)
            }
            _ => encode_assignment(&decode_assignment(bytes.clone()).unwrap(), version),
        };
        assert_eq!(again.unwrap(), bytes, "{line}");
        lines += 1;
    }
    assert_eq!(lines, 23);
}

#[test]
fn a_version_from_the_future_is_read_as_far_as_it_is_known() {
    let subscription = crate::message!(ConsumerProtocolSubscription { topics: vec!["t".into()] });
    let mut bytes = encode_subscription(&subscription, VERSION_MAX).unwrap().to_vec();
    bytes[1] = 9;
    bytes.extend_from_slice(b"something new");
    assert_eq!(decode_subscription(bytes.into()), Ok(subscription));
}

#[test]
fn no_bytes_are_no_partitions() {
    let assignment = decode_assignment(Bytes::new()).unwrap();
    assert!(assignment.assigned_partitions.is_empty());
}

#[test]
fn bytes_that_lie_are_errors() {
    assert!(decode_assignment(Bytes::from_static(b"\0")).is_err());
    assert!(decode_assignment(Bytes::from_static(b"\0\x03\x7f\xff\xff\xff")).is_err());
    assert!(decode_subscription(Bytes::from_static(b"\xff\xff\0\0\0\0")).is_err());
}
