//! Every broken batch that Kafka 4.4 was asked about, in a Produce over the wire: answered by Kafka's
//! code, by a connection that lives on, and nothing of what is refused is in the log.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::support::clients::{config, create_topic_with, numbered, payloads, produce};
use crate::support::wire::{Answer, Connection, Fields};
use crate::support::{Broker, directory};

const PRODUCE: i16 = 0;
const LIST_OFFSETS: i16 = 2;
const LATEST: i64 = -1;

/// Lines that are answered otherwise than by Kafka: to which topic, how, and why.
const EXCEPTIONS: &[(&str, &str, &str, &str)] = &[
    ("length-huge", "plain", "CORRUPT_MESSAGE", "Kafka overflows"),
    ("snappy-bomb", "plain", "NONE", "1 MiB is within our bound of a batch"),
    ("lz4-bomb", "plain", "NONE", "16 MiB are within our bound of a batch"),
    ("zstd-bomb-many", "limited", "INVALID_RECORD", "Kafka has no bound of a batch"),
];

/// However far a bomb is let off: what it becomes is looked at piece by piece.
const GROWTH_MAX: u64 = 8 << 20;

#[derive(Deserialize)]
struct Line {
    group: String,
    name: String,
    hex: String,
    kafka: Kafka,
    #[serde(default)]
    advice: Option<String>,
    #[serde(default)]
    topic: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Kafka {
    broker: Verdict,
    #[serde(default)]
    broker_limited: Option<Verdict>,
}

#[derive(Deserialize)]
struct Verdict {
    name: String,
}

fn broken_lines() -> Vec<Line> {
    let text = include_str!("../../../../storage/model/tests/golden/batches.jsonl");
    let lines = text.lines().map(|line| serde_json::from_str(line).expect("a line"));
    let lines: Vec<Line> = lines.filter(|line: &Line| line.group != "sound").collect();
    assert!(lines.len() >= 100, "{} lines", lines.len());
    lines
}

/// Kafka's names by their numbers.
fn error_names() -> BTreeMap<i16, String> {
    #[derive(Deserialize)]
    struct Error {
        code: i16,
        name: String,
    }
    let text = include_str!("../../../../net/kafka/tests/golden/errors.jsonl");
    let errors = text.lines().map(|line| serde_json::from_str::<Error>(line).expect("a line"));
    errors.map(|error| (error.code, error.name)).collect()
}

fn expected<'a>(line: &'a Line, topic: &str) -> &'a str {
    let is_this = |(name, to, ..): &&(&str, &str, &str, &str)| *name == line.name && *to == topic;
    if let Some((_, _, answer, _)) = EXCEPTIONS.iter().find(is_this) {
        return answer;
    }
    let is_limited = topic == "limited";
    let verdict = match &line.kafka.broker_limited {
        Some(limited) if is_limited => limited,
        _ => &line.kafka.broker,
    };
    match verdict.name.as_str() {
        // What Kafka's own readers then cannot read, or what nothing bounds.
        "NONE" if line.advice.is_some() && !is_limited => "INVALID_RECORD",
        // Kafka's accidents.
        "UNKNOWN_SERVER_ERROR" => "INVALID_RECORD",
        name => name,
    }
}

fn send(connection: &mut Connection, topic: &str, batch: &[u8]) -> i16 {
    let request = Fields::request(PRODUCE, 8).i16(-1).i16(-1).i32(10_000);
    let request = request.i32(1).string(topic).i32(1).i32(0);
    let request = request.i32(batch.len() as i32).bytes(batch);
    let answer = connection.ask(&request).expect("an answer");
    let mut answer = Answer(&answer);
    let (_topics, _name, _partitions) = (answer.i32(), answer.string(), answer.i32());
    let _index = answer.i32();
    answer.i16()
}

fn end_offset(connection: &mut Connection, topic: &str) -> i64 {
    let request = Fields::request(LIST_OFFSETS, 1).i32(-1);
    let request = request.i32(1).string(topic).i32(1).i32(0).i64(LATEST);
    let answer = connection.ask(&request).expect("an answer");
    let mut answer = Answer(&answer);
    let (_topics, _name, _partitions) = (answer.i32(), answer.string(), answer.i32());
    let _index = answer.i32();
    assert_eq!(answer.i16(), 0);
    let _timestamp = answer.i64();
    answer.i64()
}

#[test]
fn each_is_answered_as_kafka_answers_it_and_nothing_refused_is_stored() {
    let names = error_names();
    let data = directory();
    let broker = Broker::start_with(data.path(), 0, &["--set", "pelton.validate.compressed=true"]);
    create_topic_with(&broker, "plain", &[]);
    create_topic_with(&broker, "neighbour", &[]);
    create_topic_with(&broker, "compacted", &[("cleanup.policy", "compact")]);
    create_topic_with(&broker, "limited", &[("max.decompressed.message.bytes", "1048576")]);
    produce(&config(&broker), "neighbour", 0, &numbered("sound", 0..10));

    let mut connection = Connection::open(&broker);
    let mut otherwise = Vec::new();
    for line in broken_lines() {
        let batch = unhex(&line.hex);
        let mut topics = vec![if line.topic.is_some() { "compacted" } else { "plain" }];
        topics.extend(line.kafka.broker_limited.as_ref().map(|_| "limited"));
        for topic in topics {
            let before = end_offset(&mut connection, topic);
            let answer = &names[&send(&mut connection, topic, &batch)];
            let grown = end_offset(&mut connection, topic) - before;
            assert_eq!(answer == "NONE", grown > 0, "{}: {answer}, {grown} more", line.name);
            let wanted = expected(&line, topic);
            if answer != wanted {
                otherwise.push(format!("{} to {topic}: {answer}, Kafka: {wanted}", line.name));
            }
        }
    }
    assert!(otherwise.is_empty(), "{otherwise:#?}");
    assert_eq!(payloads(&broker, "neighbour", 0), numbered("sound", 0..10));
}

#[test]
fn a_bomb_takes_no_memory_for_what_it_becomes() {
    let data = directory();
    let broker = Broker::start(data.path());
    let bounded = ("max.decompressed.message.bytes", "1048576");
    create_topic_with(&broker, "recompressed", &[("compression.type", "lz4"), bounded]);
    let mut connection = Connection::open(&broker);
    let lines = broken_lines();
    let bombs: Vec<&Line> = lines.iter().filter(|line| line.name.contains("-bomb")).collect();
    assert_eq!(bombs.len(), 5);
    for line in bombs {
        let batch = unhex(&line.hex);
        broker.forget_peak();
        let before = broker.peak_bytes();
        for _ in 0..3 {
            send(&mut connection, "recompressed", &batch);
        }
        let grown = broker.peak_bytes().saturating_sub(before);
        let sent = 3 * batch.len() as u64;
        assert!(grown <= sent + GROWTH_MAX, "{}: {grown} bytes for {sent}", line.name);
    }
    assert!(connection.is_served());
    produce(&config(&broker), "recompressed", 0, &numbered("sound", 0..10));
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("a hex digit");
    (0..text.len()).step_by(2).map(digit).collect()
}
