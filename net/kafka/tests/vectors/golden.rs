//! Reads the golden vectors.

use std::path::Path;

use bytes::Bytes;
use serde_json::Value;

/// One body, as Kafka wrote it.
pub struct Vector {
    pub version: i16,
    pub is_request: bool,
    pub case: String,
    /// Holds unknown tagged fields: our own codecs drop them.
    pub decode_only: bool,
    pub body: Bytes,
    /// To be found again when a test fails.
    pub title: String,
}

/// The vectors of one file, but for versions that no broker offers.
pub fn vectors(file: &str) -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    let text = std::fs::read_to_string(&path).expect("golden files are in the repository");
    let lines = text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON"));
    let vectors: Vec<_> = lines
        .filter(|line: &Value| line.get("unstable").is_none())
        .map(|line| vector(file, &line))
        .collect();
    assert!(!vectors.is_empty());
    vectors
}

fn vector(file: &str, line: &Value) -> Vector {
    let word = |key: &str| line[key].as_str().expect(key).to_owned();
    let version = line["version"].as_i64().expect("version") as i16;
    let (dir, case) = (word("dir"), word("case"));
    Vector {
        version,
        is_request: dir == "request",
        decode_only: line.get("decode_only").is_some(),
        body: unhex(&word("hex")),
        title: format!("{file} {dir} v{version} {case}"),
        case,
    }
}

fn unhex(text: &str) -> Bytes {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("hex is ASCII");
            u8::from_str_radix(pair, 16).expect("hex")
        })
        .collect::<Vec<u8>>()
        .into()
}
