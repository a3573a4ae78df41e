//! Where the records went.

use bytes::Bytes;
use kafka_wire_core::{DecodeError, EncodeError, StrBytes};

use super::{VERSIONS, is_flexible, topic_form};
use crate::leader::{CurrentLeader, NodeEndpoint};
use crate::read::Reader;
use crate::versions::{check_decode, check_encode};
use crate::write::Writer;
use crate::{ApiKey, ErrorCode, ResponseHeader, TopicRef};

const NAME: &str = "ProduceResponse";
/// A topic by an empty compact name, with no partitions and no tagged fields.
const TOPIC_BYTES_MIN: usize = 3;
/// Index, error, base offset and log append time are there in every version.
const PARTITION_BYTES_MIN: usize = 4 + 2 + 8 + 8;
/// A record's index and a null.
const RECORD_ERROR_BYTES_MIN: usize = 4 + 1;

/// Fields that a version does not have are left out when it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProduceResponse {
    pub topics: Vec<ProduceTopicResponse>,
    /// How long the request was held back by quotas, in milliseconds.
    pub throttle_time_ms: i32,
    /// Of the leaders that partitions below name (v10+).
    pub node_endpoints: Vec<NodeEndpoint>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProduceTopicResponse {
    pub topic: TopicRef,
    pub partitions: Vec<ProducePartitionResponse>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducePartitionResponse {
    pub index: i32,
    pub error: ErrorCode,
    /// The first record's; -1 beside an error.
    pub base_offset: i64,
    /// Milliseconds since 1970; -1 unless the topic has LogAppendTime.
    pub log_append_time_ms: i64,
    /// -1 if not known (v5+).
    pub log_start_offset: i64,
    /// Which records made the broker refuse the batch (v8+).
    pub record_errors: Vec<RecordError>,
    /// v8+.
    pub error_message: Option<StrBytes>,
    /// v10+.
    pub current_leader: Option<CurrentLeader>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// The record's place in its batch, from 0.
    pub batch_index: i32,
    pub message: Option<StrBytes>,
}

impl ProducePartitionResponse {
    /// Nothing was appended, and nothing is known about the log.
    pub fn error(index: i32, error: ErrorCode) -> Self {
        Self {
            index,
            error,
            base_offset: -1,
            log_append_time_ms: -1,
            log_start_offset: -1,
            record_errors: Vec::new(),
            error_message: None,
            current_leader: None,
        }
    }
}

impl ProduceResponse {
    /// A complete frame, length and header included.
    pub fn encode(&self, correlation_id: i32, version: i16) -> Result<Bytes, EncodeError> {
        check_encode(NAME, VERSIONS, version)?;
        let form = topic_form(NAME, version);
        let mut writer = Writer::new(self.estimate_bytes(), false);
        ResponseHeader::encode(&mut writer, ApiKey::PRODUCE, version, correlation_id);
        writer.array_length(self.topics.len())?;
        for topic in &self.topics {
            form.write(&mut writer, &topic.topic)?;
            writer.array_length(topic.partitions.len())?;
            for partition in &topic.partitions {
                partition.write(&mut writer, version)?;
            }
            writer.no_tags();
        }
        writer.i32(self.throttle_time_ms);
        if version >= 10 {
            NodeEndpoint::write_tags(&self.node_endpoints, &mut writer)?;
        } else {
            writer.no_tags();
        }
        Ok(writer.finish()?.into_contiguous())
    }

    /// Reads an answer's body, for clients.
    pub fn decode(body: Bytes, version: i16) -> Result<Self, DecodeError> {
        check_decode(NAME, VERSIONS, version)?;
        let form = topic_form(NAME, version);
        let mut reader = Reader::new(body, is_flexible(version));
        let topics = reader.array_of(TOPIC_BYTES_MIN, |reader| {
            let topic = ProduceTopicResponse {
                topic: form.read(reader)?,
                partitions: reader.array_of(PARTITION_BYTES_MIN, |reader| {
                    ProducePartitionResponse::read(reader, version)
                })?,
            };
            reader.skip_tags()?;
            Ok(topic)
        })?;
        let throttle_time_ms = reader.i32()?;
        let mut node_endpoints = Vec::new();
        reader.tags(|tag, field| {
            if tag == 0 && version >= 10 {
                node_endpoints = NodeEndpoint::read_all(field)?;
            }
            Ok(())
        })?;
        Ok(Self { topics, throttle_time_ms, node_endpoints })
    }

    /// Enough for the usual answer, so that the buffer need not grow.
    fn estimate_bytes(&self) -> usize {
        let topics = self.topics.iter();
        32 + topics.map(|topic| 32 + 48 * topic.partitions.len()).sum::<usize>()
    }
}

impl ProducePartitionResponse {
    fn write(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.i32(self.index);
        writer.i16(self.error.code());
        writer.i64(self.base_offset);
        writer.i64(self.log_append_time_ms);
        if version >= 5 {
            writer.i64(self.log_start_offset);
        }
        if version >= 8 {
            writer.array_length(self.record_errors.len())?;
            for error in &self.record_errors {
                writer.i32(error.batch_index);
                writer.nullable_string(error.message.as_deref())?;
                writer.no_tags();
            }
            writer.nullable_string(self.error_message.as_deref())?;
        }
        match &self.current_leader {
            Some(leader) if version >= 10 => {
                writer.tag_count(1);
                writer.tag(0, |writer| {
                    leader.write(writer);
                    Ok(())
                })?;
            }
            _ => writer.no_tags(),
        }
        Ok(())
    }

    fn read(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut partition = Self {
            index: reader.i32()?,
            error: ErrorCode::from_code(reader.i16()?),
            base_offset: reader.i64()?,
            log_append_time_ms: reader.i64()?,
            log_start_offset: if version >= 5 { reader.i64()? } else { -1 },
            record_errors: Vec::new(),
            error_message: None,
            current_leader: None,
        };
        if version >= 8 {
            partition.record_errors = reader.array_of(RECORD_ERROR_BYTES_MIN, |reader| {
                let error =
                    RecordError { batch_index: reader.i32()?, message: reader.nullable_string()? };
                reader.skip_tags()?;
                Ok(error)
            })?;
            partition.error_message = reader.nullable_string()?;
        }
        reader.tags(|tag, field| {
            if tag == 0 && version >= 10 {
                partition.current_leader = Some(CurrentLeader::read(field)?);
            }
            Ok(())
        })?;
        Ok(partition)
    }
}
