//! Records as JSON, one object a line: what `consume --json` writes and `produce --json` reads.
//!
//! Keys, values and header values are strings. Bytes that are not UTF-8 stand in Base64 in
//! a field of their own: `key_base64`, `value_base64`.

use pelton_client::{ConsumerRecord, Header};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base64;

/// A record that was consumed.
#[derive(Serialize)]
pub struct WrittenRecord<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    timestamp: i64,
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_base64: Option<String>,
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<WrittenHeader<'a>>,
}

#[derive(Serialize)]
struct WrittenHeader<'a> {
    name: std::borrow::Cow<'a, str>,
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
}

/// A record to be produced. `topic` and `offset` are passed over, so that what was consumed can be
/// produced again. Any other field is a slip: `{"vlaue": 1}` must not become a record of nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadJson {
    #[serde(default)]
    key: Value,
    key_base64: Option<String>,
    #[serde(default)]
    value: Value,
    value_base64: Option<String>,
    #[serde(default)]
    headers: Vec<ReadHeader>,
    partition: Option<i32>,
    timestamp: Option<i64>,
    #[serde(rename = "topic")]
    _topic: Option<IgnoredAny>,
    #[serde(rename = "offset")]
    _offset: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadHeader {
    name: String,
    #[serde(default)]
    value: Value,
    value_base64: Option<String>,
}

/// A header's name and value.
pub type OwnedHeader = (Vec<u8>, Option<Vec<u8>>);

/// What a line of input says of a record.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ReadRecord {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<OwnedHeader>,
    pub partition: Option<i32>,
    pub timestamp: Option<i64>,
}

impl<'a> From<&'a ConsumerRecord> for WrittenRecord<'a> {
    fn from(record: &'a ConsumerRecord) -> Self {
        let (key, key_base64) = text_or_base64(record.key.as_deref());
        let (value, value_base64) = text_or_base64(record.value.as_deref());
        Self {
            topic: &record.topic,
            partition: record.partition.get(),
            offset: record.offset.get(),
            timestamp: record.timestamp.get(),
            key,
            key_base64,
            value,
            value_base64,
            headers: record.headers.iter().map(WrittenHeader::from).collect(),
        }
    }
}

impl<'a> From<&'a Header> for WrittenHeader<'a> {
    fn from(header: &'a Header) -> Self {
        let (value, value_base64) = text_or_base64(header.value.as_deref());
        Self { name: String::from_utf8_lossy(&header.name), value, value_base64 }
    }
}

impl ReadRecord {
    /// Reads one object. A key or value that is neither a string nor null is taken as the JSON
    /// that it is, in its shortest form.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        let read: ReadJson = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let headers = read.headers.into_iter().map(|header| {
            Ok((header.name.into_bytes(), bytes_of(header.value, header.value_base64)?))
        });
        Ok(Self {
            key: bytes_of(read.key, read.key_base64)?,
            value: bytes_of(read.value, read.value_base64)?,
            headers: headers.collect::<Result<_, String>>()?,
            partition: read.partition,
            timestamp: read.timestamp,
        })
    }
}

fn text_or_base64(bytes: Option<&[u8]>) -> (Option<&str>, Option<String>) {
    match bytes.map(|bytes| std::str::from_utf8(bytes).map_err(|_| bytes)) {
        None => (None, None),
        Some(Ok(text)) => (Some(text), None),
        Some(Err(bytes)) => (None, Some(base64::encode(bytes))),
    }
}

fn bytes_of(value: Value, coded: Option<String>) -> Result<Option<Vec<u8>>, String> {
    match (value, coded) {
        (Value::Null, None) => Ok(None),
        (Value::Null, Some(coded)) => match base64::decode(&coded) {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(format!("not Base64: {coded}")),
        },
        (Value::String(text), None) => Ok(Some(text.into_bytes())),
        (other, None) => Ok(Some(other.to_string().into_bytes())),
        (_, Some(_)) => Err("text and Base64 at once".into()),
    }
}

#[cfg(test)]
#[path = "json_record_test.rs"]
mod json_record_test;
