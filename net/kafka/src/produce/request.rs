//! Records to be appended.

use bytes::Bytes;
use kafka_wire_core::{DecodeError, EncodeError, StrBytes};

use super::{VERSIONS, is_flexible, topic_form};
use crate::read::Reader;
use crate::versions::{check_decode, check_encode};
use crate::write::Writer;
use crate::{ApiKey, Frame, RequestHeader, TopicRef};

const NAME: &str = "ProduceRequest";
/// A topic by an empty compact name, with no partitions and no tagged fields.
const TOPIC_BYTES_MIN: usize = 3;
/// A partition whose records are null.
const PARTITION_BYTES_MIN: usize = 4 + 1;

/// Numbers are as they stand on the wire: nothing in here has been checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProduceRequest {
    pub transactional_id: Option<StrBytes>,
    /// How many replicas must have the records before the answer: 0 (and there is none), 1 or
    /// -1 for all in sync.
    pub acks: i16,
    /// How long to wait for them, in milliseconds.
    pub timeout_ms: i32,
    pub topics: Vec<ProduceTopic>,
}

/// A topic may occur more than once, and so may a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProduceTopic {
    pub topic: TopicRef,
    pub partitions: Vec<ProducePartition>,
}

/// What one partition is to get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducePartition {
    pub index: i32,
    /// Should be one record batch. When decoded, a slice of the frame: it shares the frame's
    /// memory and keeps it.
    pub records: Option<Bytes>,
}

impl ProduceRequest {
    /// Reads a request's body; bytes behind it are ignored.
    pub fn decode(body: Bytes, version: i16) -> Result<Self, DecodeError> {
        check_decode(NAME, VERSIONS, version)?;
        let form = topic_form(NAME, version);
        let mut reader = Reader::new(body, is_flexible(version));
        let request = Self {
            transactional_id: reader.nullable_string()?,
            acks: reader.i16()?,
            timeout_ms: reader.i32()?,
            topics: reader.array_of(TOPIC_BYTES_MIN, |reader| {
                let topic = ProduceTopic {
                    topic: form.read(reader)?,
                    partitions: reader.array_of(PARTITION_BYTES_MIN, read_partition)?,
                };
                reader.skip_tags()?;
                Ok(topic)
            })?,
        };
        reader.skip_tags()?;
        Ok(request)
    }

    /// A complete frame for a client to send; the records are not copied.
    pub fn encode(
        &self,
        correlation_id: i32,
        client_id: Option<&str>,
        version: i16,
    ) -> Result<Frame, EncodeError> {
        check_encode(NAME, VERSIONS, version)?;
        let form = topic_form(NAME, version);
        let mut writer = Writer::new(128, false);
        RequestHeader::encode(&mut writer, ApiKey::PRODUCE, version, correlation_id, client_id)?;
        writer.nullable_string(self.transactional_id.as_deref())?;
        writer.i16(self.acks);
        writer.i32(self.timeout_ms);
        writer.array_length(self.topics.len())?;
        for topic in &self.topics {
            form.write(&mut writer, &topic.topic)?;
            writer.array_length(topic.partitions.len())?;
            for partition in &topic.partitions {
                writer.i32(partition.index);
                writer.nullable_bytes(partition.records.as_ref().map(std::slice::from_ref))?;
                writer.no_tags();
            }
            writer.no_tags();
        }
        writer.no_tags();
        writer.finish()
    }
}

fn read_partition(reader: &mut Reader) -> Result<ProducePartition, DecodeError> {
    let partition = ProducePartition { index: reader.i32()?, records: reader.nullable_bytes()? };
    reader.skip_tags()?;
    Ok(partition)
}
