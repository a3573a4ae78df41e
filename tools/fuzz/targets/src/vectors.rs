//! Samples from Apache Kafka's own serialisers.

use serde::Deserialize;

const PRODUCE: &str = include_str!("../../../../net/kafka/tests/golden/00-Produce.jsonl");
const FETCH: &str = include_str!("../../../../net/kafka/tests/golden/01-Fetch.jsonl");
const METADATA: &str = include_str!("../../../../net/kafka/tests/golden/03-Metadata.jsonl");
const CONFIGS: &str =
    include_str!("../../../../net/kafka/tests/golden/44-IncrementalAlterConfigs.jsonl");
const BATCHES: &str = include_str!("../../../../storage/model/tests/golden/batches.jsonl");

/// One body, without length and header.
pub struct Body {
    pub api: i16,
    pub version: i16,
    pub header_version: i16,
    pub is_request: bool,
    pub bytes: Vec<u8>,
}

#[derive(Deserialize)]
struct Line {
    api: i16,
    version: i16,
    dir: String,
    header_version: i16,
    hex: String,
}

fn bodies(text: &str) -> Vec<Body> {
    let lines = text.lines().map(|line| serde_json::from_str::<Line>(line).expect("a vector"));
    let body = |line: Line| Body {
        api: line.api,
        version: line.version,
        header_version: line.header_version,
        is_request: line.dir == "request",
        bytes: unhex(&line.hex),
    };
    lines.map(body).collect()
}

pub fn produce() -> Vec<Body> {
    bodies(PRODUCE)
}

pub fn fetch() -> Vec<Body> {
    bodies(FETCH)
}

/// Requests of several kinds.
pub fn requests() -> Vec<Body> {
    let all = [PRODUCE, FETCH, METADATA, CONFIGS].into_iter().flat_map(bodies);
    all.filter(|body| body.is_request).collect()
}

/// Record batches, sound and broken, but for the bombs, which take their time.
pub fn batches() -> Vec<Vec<u8>> {
    #[derive(Deserialize)]
    struct Batch {
        name: String,
        hex: String,
    }
    let lines = BATCHES.lines().map(|line| serde_json::from_str::<Batch>(line).expect("a batch"));
    lines.filter(|line| !line.name.contains("-bomb")).map(|line| unhex(&line.hex)).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("a hex digit");
    (0..text.len()).step_by(2).map(digit).collect()
}
