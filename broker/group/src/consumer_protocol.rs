//! What consumers of the classic protocol say in bytes that brokers need not read, but for members
//! of both protocols that meet in one group: ConsumerProtocolSubscription 0–3 and
//! ConsumerProtocolAssignment 0–3.

use bytes::Bytes;

use crate::codec::{DecodeError, Reader, Writer};
use crate::ids::TopicName;

/// Versions from here on tell what is owned, since when, and the rack.
const WITH_OWNED: i16 = 1;
const WITH_GENERATION: i16 = 2;
const WITH_RACK: i16 = 3;
const NEWEST: i16 = 3;

/// What a member wants and has. Versions to come only add fields at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub version: i16,
    pub topics: Vec<TopicName>,
    pub owned: Vec<(TopicName, Vec<i32>)>,
    pub rack_id: Option<String>,
}

impl Subscription {
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut subscription = Self { version: read_version(&mut reader)?, ..Self::default() };
        for _ in 0..reader.count()?.ok_or(DecodeError::Malformed("the topics are null"))? {
            subscription.topics.push(reader.text()?.into());
        }
        skip_nullable_bytes(&mut reader)?;
        if subscription.version >= WITH_OWNED {
            subscription.owned = read_partitions(&mut reader)?;
        }
        if subscription.version >= WITH_GENERATION {
            reader.i32()?; // of what is owned
        }
        if subscription.version >= WITH_RACK {
            subscription.rack_id = reader.nullable_text()?.map(str::to_owned);
        }
        Ok(subscription)
    }
}

/// The partitions of an assignment; no bytes are one without any.
pub(crate) fn decode_assignment(bytes: &[u8]) -> Result<Vec<(TopicName, Vec<i32>)>, DecodeError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let mut reader = Reader::new(bytes);
    read_version(&mut reader)?;
    read_partitions(&mut reader)
}

/// `version` is that of the member's subscription.
pub(crate) fn encode_assignment(version: i16, topics: &[(TopicName, Vec<i32>)]) -> Bytes {
    let mut writer = Writer::new(version.clamp(0, NEWEST), false);
    writer.count(topics.len());
    for (topic, partitions) in topics {
        writer.text(topic);
        writer.count(partitions.len());
        partitions.iter().for_each(|partition| writer.i32(*partition));
    }
    writer.i32(-1); // no user data
    writer.finish().into()
}

fn read_version(reader: &mut Reader<'_>) -> Result<i16, DecodeError> {
    match reader.i16()? {
        version @ 0.. => Ok(version),
        _ => Err(DecodeError::Malformed("a negative version")),
    }
}

fn skip_nullable_bytes(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    match reader.count()? {
        Some(length) => reader.take(length).map(drop),
        None => Ok(()),
    }
}

fn read_partitions(reader: &mut Reader<'_>) -> Result<Vec<(TopicName, Vec<i32>)>, DecodeError> {
    let mut topics = Vec::new();
    for _ in 0..reader.count()?.ok_or(DecodeError::Malformed("the topics are null"))? {
        let topic = reader.text()?.into();
        let mut partitions = Vec::new();
        for _ in 0..reader.count()?.ok_or(DecodeError::Malformed("the partitions are null"))? {
            partitions.push(reader.i32()?);
        }
        topics.push((topic, partitions));
    }
    Ok(topics)
}

#[cfg(test)]
#[path = "consumer_protocol_test.rs"]
mod consumer_protocol_test;
