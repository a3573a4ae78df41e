//! Requests and answers of Fetch: what is read can be written, and reads the same again.

use bytes::Bytes;
use pelton_kafka::fetch::{FetchRequest, FetchResponse};
use pelton_kafka::{ApiKey, RequestHeader, ResponseHeader};

use super::{Target, versioned};
use crate::vectors;

pub const TARGET: Target = Target {
    name: "fetch",
    run,
    samples,
    reseal: None,
    // The structures of a partition are some twenty times as large as the fewest bytes that
    // announce one; all is there twice, and once more as bytes.
    bytes_per_input_byte: 160,
    bytes_constant: 8192,
};

const CORRELATION_ID: i32 = 7;

/// The first byte: request or answer, and its version.
fn run(input: &[u8]) {
    let Some((first, body)) = input.split_first() else { return };
    let version = i16::from(first & 0x7f);
    let body = Bytes::copy_from_slice(body);
    if first & 0x80 == 0 {
        let Ok(request) = FetchRequest::decode(body, version) else { return };
        let Ok(frame) = request.encode(CORRELATION_ID, None, version) else { return };
        let frame = frame.into_contiguous().slice(4..);
        let (_, body) = RequestHeader::decode(frame).expect("our own header");
        assert_eq!(FetchRequest::decode(body, version).as_ref(), Ok(&request));
    } else {
        let Ok(response) = FetchResponse::decode(body, version) else { return };
        let Ok(frame) = response.encode(CORRELATION_ID, version) else { return };
        let frame = frame.into_contiguous().slice(4..);
        let (_, body) =
            ResponseHeader::decode(frame, ApiKey::FETCH, version).expect("our own header");
        assert_eq!(FetchResponse::decode(body, version).as_ref(), Ok(&response));
    }
}

fn samples() -> Vec<Vec<u8>> {
    let mut samples = versioned(vectors::fetch(), true);
    samples.extend(versioned(vectors::fetch(), false).into_iter().map(|mut sample| {
        sample[0] |= 0x80;
        sample
    }));
    samples
}
