//! The validator and the walk against what Kafka 4.4 says of the batches in `golden/`.

use pelton_model::TimestampMs;
use pelton_model::batch::{
    BatchBuilder, BatchError, BatchFields, BatchHeader, Batches, CompressionTarget, NewRecord,
    Prepared, Record, Records, Refusal, TimestampType, ValidationRules, patch, prepare_for_log,
    record_bytes,
};
use pelton_model::{Compression, LeaderEpoch, Offset};
use serde::Deserialize;
use serde_json::{Value, json};

/// Lines that the validator answers otherwise than Kafka's broker, and why.
const EXCEPTIONS: &[(&str, Answer, &str)] = &[
    ("crc-attributes", refused(Refusal::CorruptMessage), "Kafka looks for rights first"),
    ("length-huge", refused(Refusal::CorruptMessage), "Kafka overflows (UNKNOWN_SERVER_ERROR)"),
    ("snappy-bomb", Answer::Taken, "1 MiB is within our bound"),
];

/// The bound of a batch: below the bombs but snappy's, above all sound lines.
const DECOMPRESSED_BYTES_MAX: usize = 8 << 20;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    Taken,
    Refused(Refusal),
}

const fn refused(refusal: Refusal) -> Answer {
    Answer::Refused(refusal)
}

#[derive(Deserialize)]
struct Line {
    group: String,
    name: String,
    hex: String,
    kafka: Kafka,
    #[serde(default)]
    advice: Option<String>,
    #[serde(default)]
    topic: Option<Value>,
    #[serde(default)]
    batches: Vec<Value>,
    #[serde(default)]
    stored: Option<String>,
    #[serde(default)]
    ignored_tail: usize,
    #[serde(default)]
    reencode: bool,
}

#[derive(Deserialize)]
struct Kafka {
    log_validator: String,
    broker: Broker,
    #[serde(default)]
    broker_limited: Option<Broker>,
}

#[derive(Deserialize)]
struct Broker {
    name: String,
    #[serde(default)]
    record_errors: Vec<usize>,
}

fn lines() -> Vec<Line> {
    let lines: Vec<Line> = include_str!("golden/batches.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of golden/batches.jsonl"))
        .collect();
    assert_eq!(lines.len(), 235);
    lines
}

fn rules(line: &Line) -> ValidationRules {
    ValidationRules {
        max_message_bytes: 1_048_588,
        decompressed_record_bytes_max: i32::MAX as usize,
        decompressed_batch_bytes_max: DECOMPRESSED_BYTES_MAX,
        timestamp_type: TimestampType::CreateTime,
        timestamp_before_max_ms: i64::MAX,
        timestamp_after_max_ms: 3_600_000,
        now: TimestampMs::new(1_800_000_000_000),
        needs_keys: line.topic.is_some(),
        compression: CompressionTarget::Producer,
        produce_version: 11,
        validate_compressed: true,
    }
}

/// What the validator must say of a line.
fn expected(line: &Line) -> Answer {
    if let Some((_, answer, _)) = EXCEPTIONS.iter().find(|(name, ..)| *name == line.name) {
        return *answer;
    }
    if line.advice.is_some() {
        return refused(Refusal::InvalidRecord);
    }
    match line.kafka.broker.name.as_str() {
        "NONE" => Answer::Taken,
        "INVALID_RECORD" => refused(Refusal::InvalidRecord),
        "CORRUPT_MESSAGE" => refused(Refusal::CorruptMessage),
        "INVALID_TIMESTAMP" => refused(Refusal::InvalidTimestamp),
        // Kafka's accidents: what does not decompress, unknown codecs.
        "UNKNOWN_SERVER_ERROR" => refused(Refusal::InvalidRecord),
        // Whether a transactional batch may be written is not a question of its bytes.
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED" => match line.kafka.log_validator.as_str() {
            "ok" => Answer::Taken,
            "InvalidRecordException" => refused(Refusal::InvalidRecord),
            other => panic!("{}: {other}", line.name),
        },
        other => panic!("{}: {other}", line.name),
    }
}

fn answer(result: &Result<Prepared, BatchError>) -> Answer {
    match result {
        Ok(_) => Answer::Taken,
        Err(error) => refused(error.refusal()),
    }
}

#[test]
fn every_line_is_answered_as_kafka_or_as_advised() {
    for line in lines() {
        let result = prepare_for_log(&unhex(&line.hex), &rules(&line));
        assert_eq!(answer(&result), expected(&line), "{}: {result:?}", line.name);
        if let Err(error) = result {
            let indices: Vec<_> = error.record_errors().iter().map(|(index, _)| *index).collect();
            assert_eq!(indices, line.kafka.broker.record_errors, "{}", line.name);
        }
    }
}

#[test]
fn with_a_bound_for_each_record_the_bombs_are_refused_as_in_kafka() {
    let mut bombs = 0;
    for line in lines() {
        let Some(limited) = &line.kafka.broker_limited else { continue };
        let rules = ValidationRules {
            decompressed_record_bytes_max: 1 << 20,
            decompressed_batch_bytes_max: 128 << 20,
            ..rules(&line)
        };
        let result = prepare_for_log(&unhex(&line.hex), &rules);
        let taken = limited.name == "NONE";
        assert_eq!(result.is_ok(), taken, "{}: {:?}", line.name, result.err());
        bombs += 1;
    }
    assert_eq!(bombs, 5);
}

#[test]
fn what_is_stored_are_kafkas_bytes() {
    for line in lines() {
        let bytes = unhex(&line.hex);
        let (Some(stored), Ok(prepared)) = (&line.stored, prepare_for_log(&bytes, &rules(&line)))
        else {
            continue;
        };
        let mut batch = prepared.to_vec(&bytes);
        patch::set_base_offset_and_epoch(&mut batch, Offset::new(5000), LeaderEpoch::new(9));
        assert_eq!(hex(&batch), *stored, "{}", line.name);
        assert_eq!(batch.len(), prepared.total_bytes());
    }
}

#[test]
fn compressed_batches_pass_unread_where_nothing_asks_for_more() {
    for line in lines().iter().filter(|line| line.group == "sound") {
        let rules = ValidationRules { validate_compressed: false, ..rules(line) };
        let result = prepare_for_log(&unhex(&line.hex), &rules);
        assert_eq!(answer(&result), expected(line), "{}", line.name);
    }
}

#[test]
fn the_walk_reads_what_kafka_reads() {
    for line in lines().iter().filter(|line| line.group == "sound") {
        let bytes = unhex(&line.hex);
        let mut batches = Batches::new(&bytes);
        let read: Vec<Value> = batches
            .by_ref()
            .map(|batch| {
                let (header, batch) = batch.expect("a sound batch");
                describe(&header, batch)
            })
            .collect();
        assert_eq!(batches.rest().len(), line.ignored_tail, "{}", line.name);
        let mut known = line.batches.clone();
        known.iter_mut().for_each(forget_marker_meaning);
        assert_eq!(read, known, "{}", line.name);
    }
}

#[test]
fn the_builder_writes_kafkas_bytes() {
    let mut count = 0;
    for line in lines().iter().filter(|line| line.group == "sound" && line.reencode) {
        if line.batches.len() > 1 {
            continue;
        }
        let bytes = unhex(&line.hex);
        assert_eq!(hex(&rebuild(&bytes)), line.hex, "{}", line.name);
        count += 1;
    }
    assert!(count >= 10, "{count} lines");
}

fn rebuild(batch: &[u8]) -> Vec<u8> {
    let header = BatchHeader::read(batch).unwrap();
    let mut builder = BatchBuilder::new(BatchFields {
        base_offset: header.base_offset,
        leader_epoch: header.leader_epoch,
        compression: Compression::None,
        compression_level: 0,
        timestamp_type: header.timestamp_type(),
        is_transactional: header.is_transactional(),
        is_control: header.is_control(),
        delete_horizon: header.delete_horizon(),
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
    });
    let records = record_bytes(&header, batch, usize::MAX).unwrap();
    for record in Records::new(&header, &records) {
        let record = record.unwrap();
        let headers: Vec<_> = record.headers.clone().collect();
        builder.push_at(
            record.offset_delta,
            &NewRecord {
                timestamp: header.timestamp_of(record.timestamp_delta),
                key: record.key,
                value: record.value,
                headers: &headers,
            },
        );
    }
    builder.set_last_offset_delta(header.last_offset_delta);
    builder.set_max_timestamp(header.max_timestamp);
    builder.build()
}

/// What a marker's key and value say is for the transaction coordinator to read.
fn forget_marker_meaning(batch: &mut Value) {
    for record in batch["records"].as_array_mut().into_iter().flatten() {
        record.as_object_mut().map(|fields| fields.remove("control"));
    }
}

/// A batch as the lines describe it.
fn describe(header: &BatchHeader, batch: &[u8]) -> Value {
    let bytes = record_bytes(header, batch, 64 << 20).expect("sound records");
    let records: Vec<Value> = Records::new(header, &bytes)
        .map(|record| describe_record(header, &record.expect("a sound record")))
        .collect();
    let timestamp_type = match header.timestamp_type() {
        TimestampType::CreateTime => "CreateTime",
        TimestampType::LogAppendTime => "LogAppendTime",
    };
    json!({
        "magic": 2,
        "base_offset": header.base_offset.get(),
        "last_offset": header.last_offset().get(),
        "size": header.total_bytes(),
        "crc": header.crc,
        "compression": header.compression().unwrap().name(),
        "timestamp_type": timestamp_type,
        "partition_leader_epoch": header.leader_epoch.get(),
        "transactional": header.is_transactional(),
        "control": header.is_control(),
        "delete_horizon_ms": header.delete_horizon().map(TimestampMs::get),
        "base_timestamp": header.base_timestamp.get(),
        "max_timestamp": header.max_timestamp.get(),
        "producer_id": header.producer_id.get(),
        "producer_epoch": header.producer_epoch.get(),
        "base_sequence": header.base_sequence,
        "last_sequence": sequence(header, header.last_offset_delta),
        "count": header.record_count,
        "records": records,
    })
}

fn describe_record(header: &BatchHeader, record: &Record<'_>) -> Value {
    let headers: Vec<Value> = record
        .headers
        .clone()
        .map(|(key, value)| json!([String::from_utf8_lossy(key), value.map(hex)]))
        .collect();
    json!({
        "offset": header.base_offset.get() + i64::from(record.offset_delta),
        "timestamp": header.timestamp_of(record.timestamp_delta).get(),
        "sequence": sequence(header, record.offset_delta),
        "key": record.key.map(describe_bytes),
        "value": record.value.map(describe_bytes),
        "headers": headers,
    })
}

fn sequence(header: &BatchHeader, delta: i32) -> i32 {
    if header.base_sequence < 0 { -1 } else { header.base_sequence.wrapping_add(delta) & i32::MAX }
}

fn describe_bytes(bytes: &[u8]) -> Value {
    if bytes.len() > 512 {
        json!({"len": bytes.len(), "crc32c": crc32c::crc32c(bytes)})
    } else {
        json!(hex(bytes))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("a hex digit");
    (0..text.len()).step_by(2).map(digit).collect()
}
