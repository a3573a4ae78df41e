//! What a stranger may send instead of a body.

use std::fmt::Debug;

use bytes::Bytes;
use pelton_kafka::DecodeError;
use pelton_kafka::fetch::{FetchRequest, FetchResponse};
use pelton_kafka::produce::{ProduceRequest, ProduceResponse};

use crate::golden::vectors;
use crate::hot_path::{FETCH, PRODUCE};

type Decode = fn(Bytes, i16) -> Result<(), DecodeError>;

/// The file, whether its requests are meant, and their codec.
const CODECS: [(&str, bool, Decode); 4] = [
    (PRODUCE, true, |body, version| ProduceRequest::decode(body, version).map(drop)),
    (PRODUCE, false, |body, version| ProduceResponse::decode(body, version).map(drop)),
    (FETCH, true, |body, version| FetchRequest::decode(body, version).map(drop)),
    (FETCH, false, |body, version| FetchResponse::decode(body, version).map(drop)),
];

#[test]
fn a_body_that_ends_early_is_an_error_wherever_it_ends() {
    for (file, requests, decode) in CODECS {
        for vector in vectors(file).iter().filter(|vector| vector.is_request == requests) {
            for length in 0..vector.body.len() {
                let prefix = vector.body.slice(..length);
                let result = decode(prefix, vector.version);
                assert!(result.is_err(), "{}: {length} bytes", vector.title);
            }
        }
    }
}

/// Whether it still reads is of no interest: it must not panic, nor allocate by a false count.
#[test]
fn no_wrong_byte_makes_a_codec_panic() {
    for (file, requests, decode) in CODECS {
        for vector in vectors(file).iter().filter(|vector| vector.is_request == requests) {
            for at in 0..vector.body.len() {
                for wrong in [0x00, 0x01, 0x7f, 0x80, 0xff] {
                    let mut body = vector.body.to_vec();
                    body[at] = wrong;
                    let _ = decode(body.into(), vector.version);
                }
            }
        }
    }
}

#[test]
fn a_version_that_is_not_served_is_an_error() {
    for (file, requests, decode) in CODECS {
        let body = vectors(file)
            .into_iter()
            .find(|vector| vector.is_request == requests)
            .expect("a vector")
            .body;
        for version in [i16::MIN, -1, 0, 2, 19, i16::MAX] {
            let result = decode(body.clone(), version);
            assert!(is_unsupported(&result), "{file} v{version}: {result:?}");
        }
    }
}

fn is_unsupported<T: Debug>(result: &Result<T, DecodeError>) -> bool {
    matches!(result, Err(DecodeError::UnsupportedVersion { .. }))
}
