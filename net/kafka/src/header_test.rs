use serde_json::Value;

use super::*;

struct Golden {
    is_request: bool,
    version: i64,
    decode_only: bool,
    json: Value,
    bytes: Vec<u8>,
}

fn golden() -> Vec<Golden> {
    let lines = include_str!("../tests/golden/headers.jsonl").lines();
    lines
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let hex = line["hex"].as_str().unwrap();
            let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            Golden {
                is_request: line["schema"] == "RequestHeader",
                version: line["version"].as_i64().unwrap(),
                decode_only: line.get("decode_only").is_some(),
                bytes: (0..hex.len()).step_by(2).map(byte).collect(),
                json: line["json"].clone(),
            }
        })
        .collect()
}

/// The frame behind its length, as a writer leaves it.
fn written(write: impl FnOnce(&mut Writer)) -> Bytes {
    let mut writer = Writer::new(0, false);
    write(&mut writer);
    writer.finish().unwrap().into_contiguous().slice(4..)
}

#[test]
fn request_headers_come_back_byte_for_byte() {
    for mut golden in golden().into_iter().filter(|golden| golden.is_request) {
        // The vectors' kinds and versions are made up: put in some that have this header.
        let api_version = if golden.version == 2 { 13 } else { 8 };
        golden.bytes[..4].copy_from_slice(&[0, 0, 0, api_version]);
        let frame = [&golden.bytes[..], b"body"].concat();
        let (header, body) = RequestHeader::decode(frame.into()).unwrap();
        assert_eq!(&body[..], b"body");
        assert_eq!(header.api_key, ApiKey::PRODUCE);
        assert_eq!(header.api_version, i16::from(api_version));
        assert_eq!(i64::from(header.correlation_id), golden.json["correlationId"]);
        assert_eq!(header.client_id.as_deref(), golden.json["clientId"].as_str());
        if !golden.decode_only {
            let bytes = written(|writer| {
                let (version, client_id) = (header.api_version, header.client_id.as_deref());
                let correlation_id = header.correlation_id;
                RequestHeader::encode(writer, header.api_key, version, correlation_id, client_id)
                    .unwrap();
            });
            assert_eq!(bytes, golden.bytes);
        }
        for length in 0..golden.bytes.len() {
            let prefix = Bytes::copy_from_slice(&golden.bytes[..length]);
            assert!(RequestHeader::decode(prefix).is_err());
        }
    }
}

#[test]
fn response_headers_come_back_byte_for_byte() {
    for golden in golden().into_iter().filter(|golden| !golden.is_request) {
        let version = if golden.version == 1 { 13 } else { 8 };
        let frame: Bytes = [&golden.bytes[..], b"body"].concat().into();
        let peeked = ResponseHeader::peek_correlation_id(&frame);
        let (header, body) = ResponseHeader::decode(frame, ApiKey::PRODUCE, version).unwrap();
        assert_eq!(&body[..], b"body");
        assert_eq!(i64::from(header.correlation_id), golden.json["correlationId"]);
        assert_eq!(peeked, Some(header.correlation_id));
        if !golden.decode_only {
            let bytes = written(|writer| {
                ResponseHeader::encode(writer, ApiKey::PRODUCE, version, header.correlation_id);
            });
            assert_eq!(bytes, golden.bytes);
        }
    }
}

#[test]
fn api_versions_of_the_future_can_be_answered() {
    let frame = Bytes::from_static(b"\0\x12\0\x63\0\0\0\x07\0\x02me\0whatever");
    let (header, body) = RequestHeader::decode(frame).unwrap();
    assert_eq!((header.api_key, header.api_version), (ApiKey::API_VERSIONS, 99));
    assert_eq!(header.correlation_id, 7);
    assert_eq!(header.client_id.as_deref(), Some("me"));
    assert_eq!(&body[..], b"whatever");
}

#[test]
fn an_unknown_kind_of_request_still_has_a_header() {
    let frame = Bytes::from_static(b"\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff");
    let (header, body) = RequestHeader::decode(frame).unwrap();
    assert_eq!((header.api_key.get(), header.api_version), (i16::MAX, -1));
    assert_eq!((header.correlation_id, header.client_id), (-1, None));
    assert!(body.is_empty());
}
