//! The header of a request, and the body of whatever it says it is.

use bytes::Bytes;
use pelton_kafka::messages::decode_request;
use pelton_kafka::{RequestHeader, ResponseHeader, wire};

use super::Target;
use crate::vectors;

pub const TARGET: Target = Target {
    name: "header",
    run,
    samples,
    reseal: None,
    // Of a few bytes on the wire a cold message makes a structure of some hundred.
    bytes_per_input_byte: 512,
    bytes_constant: 4096,
};

fn run(input: &[u8]) {
    let _ = ResponseHeader::peek_correlation_id(input);
    let Ok((header, body)) = RequestHeader::decode(Bytes::copy_from_slice(input)) else { return };
    match header.api_key.get() {
        3 => drop(decode_request::<wire::MetadataRequest>(body, header.api_version)),
        44 => {
            drop(decode_request::<wire::IncrementalAlterConfigsRequest>(body, header.api_version));
        }
        _ => {}
    }
}

fn samples() -> Vec<Vec<u8>> {
    let sample = |body: vectors::Body| {
        let mut out = Vec::new();
        out.extend_from_slice(&body.api.to_be_bytes());
        out.extend_from_slice(&body.version.to_be_bytes());
        out.extend_from_slice(&77_i32.to_be_bytes());
        out.extend_from_slice(&6_i16.to_be_bytes());
        out.extend_from_slice(b"client");
        if body.header_version >= 2 {
            out.push(0);
        }
        out.extend_from_slice(&body.bytes);
        out
    };
    vectors::requests().into_iter().map(sample).collect()
}
