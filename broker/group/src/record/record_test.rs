//! Against bytes that Kafka's own serialisers made.

use serde_json::Value;

use super::*;

const GOLDEN: &str = include_str!("../../tests/golden/consumer_offsets.jsonl");

struct Vector {
    schema: String,
    part: String,
    version: i64,
    decode_only: bool,
    json: Value,
    bytes: Vec<u8>,
}

fn vectors() -> Vec<Vector> {
    GOLDEN
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            Vector {
                schema: text("schema"),
                part: text("part"),
                version: line["version"].as_i64().unwrap(),
                decode_only: line["decode_only"].as_bool().unwrap_or(false),
                bytes: hex(&text("hex")),
                json: line["json"].clone(),
            }
        })
        .collect()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn of<'a>(vectors: &'a [Vector], schema: &str) -> Vec<&'a Vector> {
    let found: Vec<_> = vectors.iter().filter(|vector| vector.schema == schema).collect();
    assert!(!found.is_empty(), "{schema}");
    found
}

/// Kafka's base64 with or without padding, either alphabet.
fn base64(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => panic!("not base64: {text}"),
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

#[test]
fn keys_are_those_of_kafka() {
    let vectors = vectors();
    for vector in of(&vectors, "OffsetCommitKey") {
        let record = Record::decode(&vector.bytes, None).unwrap().unwrap();
        let Record::OffsetCommit { group, topic, partition, value: None } = &record else {
            panic!("{record:?}");
        };
        assert_eq!(&**group, vector.json["group"]);
        assert_eq!(&**topic, vector.json["topic"]);
        assert_eq!(*partition, vector.json["partition"]);
        assert_eq!(record.key(), vector.bytes);
    }
    for vector in of(&vectors, "LegacyOffsetCommitKey") {
        let record = Record::decode(&vector.bytes, None).unwrap().unwrap();
        assert!(matches!(record, Record::OffsetCommit { .. }));
    }
    for vector in of(&vectors, "GroupMetadataKey") {
        let record = Record::decode(&vector.bytes, None).unwrap().unwrap();
        assert_eq!(&**record.group(), vector.json["group"]);
        assert_eq!(record.key(), vector.bytes);
    }
}

#[test]
fn other_protocols_records_are_skipped() {
    for vector in vectors().iter().filter(|vector| vector.part == "key") {
        let record_type = i16::from_be_bytes([vector.bytes[0], vector.bytes[1]]);
        if record_type > GROUP_METADATA && !ConsumerRecord::TYPES.contains(&record_type) {
            assert_eq!(Record::decode(&vector.bytes, Some(&[])), Ok(None), "{}", vector.schema);
        }
    }
}

#[test]
fn committed_offsets_are_read_in_every_version_and_written_as_kafka_writes_them() {
    for vector in of(&vectors(), "OffsetCommitValue") {
        let value = CommittedOffset::decode(&vector.bytes).unwrap();
        assert_eq!(value.offset, vector.json["offset"]);
        assert_eq!(value.leader_epoch, vector.json["leaderEpoch"].as_i64().unwrap_or(-1) as i32);
        assert_eq!(&*value.metadata, vector.json["metadata"]);
        assert_eq!(value.commit_timestamp.get(), vector.json["commitTimestamp"]);
        let expire = vector.json["expireTimestamp"].as_i64().filter(|at| *at != -1);
        assert_eq!(value.expire_timestamp.map(TimestampMs::get), expire);
        let topic = vector.json["topicId"].as_str().map(base64).unwrap_or(vec![0; 16]);
        assert_eq!(value.topic_id.as_bytes().as_slice(), topic);
        let writes = match value.expire_timestamp {
            Some(_) => WITH_EXPIRY_VERSION,
            None => FLEXIBLE_VERSION,
        };
        if vector.version == writes && !vector.decode_only {
            assert_eq!(value.encode(), vector.bytes);
        }
    }
}

const WITH_EXPIRY_VERSION: i64 = 1;
const FLEXIBLE_VERSION: i64 = 4;

#[test]
fn groups_are_read_in_every_version_and_written_as_kafka_writes_them() {
    let mut written = 0;
    for vector in of(&vectors(), "GroupMetadataValue") {
        let group = GroupMetadata::decode(&vector.bytes).unwrap();
        assert_eq!(group.protocol_type, vector.json["protocolType"].as_str().unwrap());
        assert_eq!(group.generation, vector.json["generation"]);
        assert_eq!(group.protocol.as_deref(), vector.json["protocol"].as_str());
        assert_eq!(group.leader.as_deref(), vector.json["leader"].as_str());
        let since = vector.json["currentStateTimestamp"].as_i64().unwrap_or(-1);
        assert_eq!(group.current_state_timestamp, since);
        let members = vector.json["members"].as_array().unwrap();
        assert_eq!(group.members.len(), members.len());
        for (ours, theirs) in group.members.iter().zip(members) {
            assert_eq!(&*ours.member_id, theirs["memberId"]);
            assert_eq!(ours.instance_id.as_deref(), theirs["groupInstanceId"].as_str());
            assert_eq!(ours.client_id, theirs["clientId"].as_str().unwrap());
            assert_eq!(ours.client_host, theirs["clientHost"].as_str().unwrap());
            let timeout = theirs["rebalanceTimeout"].as_i64().unwrap_or(-1);
            assert_eq!(i64::from(ours.rebalance_timeout_ms), timeout);
            assert_eq!(ours.session_timeout_ms, theirs["sessionTimeout"]);
            assert_eq!(&ours.subscription[..], base64(theirs["subscription"].as_str().unwrap()));
            assert_eq!(&ours.assignment[..], base64(theirs["assignment"].as_str().unwrap()));
        }
        if vector.version == 3 {
            assert_eq!(group.encode(), vector.bytes);
            written += 1;
        }
    }
    assert!(written >= 4);
}

/// The record of a vector: a key of its type with the vector's value.
fn consumer_record(vector: &Vector, key: &[u8], bytes: &[u8]) -> Result<Record, DecodeError> {
    let record = Record::decode(key, Some(bytes))?;
    Ok(record.unwrap_or_else(|| panic!("{} is not ours", vector.schema)))
}

/// Of every schema of the consumer protocol its longest key, and its values.
fn consumer_vectors(vectors: &[Vector]) -> Vec<(&Vector, Vec<u8>)> {
    let key_of = |value: &Vector| {
        let schema = value.schema.replace("Value", "Key");
        let keys = vectors.iter().filter(|vector| vector.schema == schema);
        keys.map(|key| key.bytes.clone()).max_by_key(Vec::len).expect("a key")
    };
    let values = vectors
        .iter()
        .filter(|vector| vector.part == "value" && vector.schema.starts_with("ConsumerGroup"));
    values.map(|value| (value, key_of(value))).collect()
}

#[test]
fn consumer_groups_are_read_and_written_as_kafka_writes_them() {
    let vectors = vectors();
    let mut written = std::collections::BTreeMap::new();
    for (vector, key) in consumer_vectors(&vectors) {
        let record = consumer_record(vector, &key, &vector.bytes).unwrap();
        assert_eq!(record.key(), key, "{}", vector.schema);
        assert_eq!(&**record.group(), "groupId-1");
        // Null regular expressions and epochs are read and never written.
        let has_nulls = vector.json["subscribedTopicRegex"].is_null()
            && vector.schema == "ConsumerGroupMemberMetadataValue"
            || vector.json.to_string().contains("\"assignmentEpochs\":null");
        if !vector.decode_only && !has_nulls {
            let value = record.value().unwrap();
            assert_eq!(value, vector.bytes, "{} {}", vector.schema, vector.json);
            *written.entry(vector.schema.clone()).or_insert(0) += 1;
        }
        let tombstone = Record::decode(&key, None).unwrap().unwrap();
        assert_eq!((tombstone.key(), tombstone.value()), (key, None));
    }
    assert_eq!(written.len(), 7, "{written:?}");
    assert!(written.values().all(|count| *count >= 2), "{written:?}");
}

#[test]
fn members_are_what_kafka_says_they_are() {
    let vectors = vectors();
    for (vector, key) in consumer_vectors(&vectors) {
        let json = &vector.json;
        let Record::Consumer { record, .. } = consumer_record(vector, &key, &vector.bytes).unwrap()
        else {
            panic!("{}", vector.schema);
        };
        match record {
            ConsumerRecord::Member(_, Some(member)) => {
                assert_eq!(member.instance_id.as_deref(), json["instanceId"].as_str());
                assert_eq!(member.rack_id.as_deref(), json["rackId"].as_str());
                assert_eq!(member.regex, json["subscribedTopicRegex"].as_str().unwrap_or(""));
                assert_eq!(member.rebalance_timeout_ms, json["rebalanceTimeoutMs"]);
                assert_eq!(
                    member.topics.len(),
                    json["subscribedTopicNames"].as_array().unwrap().len()
                );
                let classic = json["classicMemberMetadata"]["supportedProtocols"].as_array();
                if let Some(protocols) = classic {
                    let ours = member.classic.unwrap();
                    assert_eq!(ours.protocols.len(), protocols.len());
                    let metadata = base64(protocols[0]["metadata"].as_str().unwrap());
                    assert_eq!(&ours.protocols[0].metadata[..], metadata);
                }
            }
            ConsumerRecord::Current(_, Some(current)) => {
                assert_eq!(current.member_epoch, json["memberEpoch"]);
                assert_eq!(current.previous_member_epoch, json["previousMemberEpoch"]);
                let topics = json["assignedPartitions"].as_array().unwrap();
                for ((_, ours), theirs) in current.assigned.iter().zip(topics) {
                    let partitions = theirs["partitions"].as_array().unwrap();
                    assert!(ours.keys().zip(partitions).all(|(ours, theirs)| ours == theirs));
                    if let Some(epochs) = theirs["assignmentEpochs"].as_array() {
                        assert!(ours.values().zip(epochs).all(|(ours, theirs)| ours == theirs));
                    }
                }
            }
            ConsumerRecord::Metadata(Some(metadata)) => assert_eq!(metadata.epoch, json["epoch"]),
            ConsumerRecord::TargetMetadata(Some(metadata)) => {
                assert_eq!(metadata.assignment_epoch, json["assignmentEpoch"]);
            }
            _ => {}
        }
    }
}

#[test]
fn consumer_groups_cut_anywhere_are_an_error_and_not_a_panic() {
    let vectors = vectors();
    for (vector, key) in consumer_vectors(&vectors) {
        for length in 0..vector.bytes.len() {
            let cut = consumer_record(vector, &key, &vector.bytes[..length]);
            assert!(cut.is_err(), "{} cut to {length} bytes", vector.schema);
        }
        let later = [&[0, 1], &vector.bytes[2..]].concat();
        let later = consumer_record(vector, &key, &later).unwrap_err();
        assert!(matches!(later, DecodeError::UnknownVersion { version: 1, .. }), "{later:?}");
    }
}

#[test]
fn bytes_cut_anywhere_are_an_error_and_not_a_panic() {
    for vector in vectors() {
        for length in 0..vector.bytes.len() {
            let cut = &vector.bytes[..length];
            let outcome = match vector.schema.as_str() {
                "OffsetCommitValue" => CommittedOffset::decode(cut).err(),
                "GroupMetadataValue" => GroupMetadata::decode(cut).err(),
                "OffsetCommitKey" | "GroupMetadataKey" => Record::decode(cut, None).err(),
                _ => continue,
            };
            assert!(outcome.is_some(), "{} cut to {length} bytes", vector.schema);
        }
    }
}

#[test]
fn a_later_version_is_refused_by_name() {
    let refused = CommittedOffset::decode(&[0, 5, 0, 0]);
    assert_eq!(refused, Err(DecodeError::UnknownVersion { record_type: 1, version: 5 }));
    let refused = GroupMetadata::decode(&[0, 9, 0, 0]);
    assert_eq!(refused, Err(DecodeError::UnknownVersion { record_type: 2, version: 9 }));
}

use pelton_model::TimestampMs;
