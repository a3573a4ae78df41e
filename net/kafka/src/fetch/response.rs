//! The records.

use bytes::Bytes;
use kafka_wire_core::{DecodeError, EncodeError};

use super::{VERSIONS, is_flexible, topic_form};
use crate::leader::{CurrentLeader, NodeEndpoint};
use crate::read::Reader;
use crate::versions::{check_decode, check_encode};
use crate::write::Writer;
use crate::{ApiKey, ErrorCode, Frame, ResponseHeader, TopicRef};

const NAME: &str = "FetchResponse";
/// A topic by an empty compact name, with no partitions and no tagged fields.
const TOPIC_BYTES_MIN: usize = 3;
/// Index, error, high watermark, last stable offset, no transactions, no records.
const PARTITION_BYTES_MIN: usize = 4 + 2 + 8 + 8 + 1 + 1;
/// Producer id and first offset.
const ABORTED_BYTES_MIN: usize = 8 + 8;

/// Fields that a version does not have are left out when it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchResponse {
    /// How long the request was held back by quotas, in milliseconds.
    pub throttle_time_ms: i32,
    /// Of the session, in the main (v7+).
    pub error: ErrorCode,
    /// 0 if there is none (v7+).
    pub session_id: i32,
    pub topics: Vec<FetchTopicResponse>,
    /// Of the leaders that partitions above name (v16+).
    pub node_endpoints: Vec<NodeEndpoint>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchTopicResponse {
    pub topic: TopicRef,
    pub partitions: Vec<FetchPartitionResponse>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchPartitionResponse {
    pub index: i32,
    pub error: ErrorCode,
    /// -1 beside an error.
    pub high_watermark: i64,
    /// -1 beside an error.
    pub last_stable_offset: i64,
    /// -1 beside an error (v5+).
    pub log_start_offset: i64,
    /// Where the log parted from what the sender has of it (v12+).
    pub diverging_epoch: Option<EpochEndOffset>,
    /// v12+.
    pub current_leader: Option<CurrentLeader>,
    /// The snapshot to fetch instead; of the metadata log only (v12+).
    pub snapshot_id: Option<EpochEndOffset>,
    /// Null for a consumer that reads everything.
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    /// The broker to ask instead; -1 for none (v11+).
    pub preferred_read_replica: i32,
    /// One value on the wire, though it be in several slices, which are sent without being
    /// copied. A decoded answer has one slice of its frame, and an empty one none. Kafka sends
    /// empty records, never null.
    pub records: Option<Vec<Bytes>>,
}

/// An epoch and the offset behind its last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEndOffset {
    pub epoch: i32,
    pub end_offset: i64,
}

/// From the first offset on, this producer's records are not to be shown, until its marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTransaction {
    pub producer_id: i64,
    pub first_offset: i64,
}

impl FetchPartitionResponse {
    /// No records, and nothing known about the log.
    pub fn error(index: i32, error: ErrorCode) -> Self {
        Self {
            index,
            error,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging_epoch: None,
            current_leader: None,
            snapshot_id: None,
            aborted_transactions: None,
            preferred_read_replica: -1,
            records: Some(Vec::new()),
        }
    }

    /// Of all slices together.
    pub fn records_bytes(&self) -> usize {
        self.records.iter().flatten().map(Bytes::len).sum()
    }
}

impl FetchResponse {
    /// A complete frame, length and header included: our bytes and the records' slices in turn.
    pub fn encode(&self, correlation_id: i32, version: i16) -> Result<Frame, EncodeError> {
        check_encode(NAME, VERSIONS, version)?;
        let form = topic_form(NAME, version);
        let mut writer = Writer::new(self.estimate_bytes(), false);
        ResponseHeader::encode(&mut writer, ApiKey::FETCH, version, correlation_id);
        writer.i32(self.throttle_time_ms);
        if version >= 7 {
            writer.i16(self.error.code());
            writer.i32(self.session_id);
        }
        writer.array_length(self.topics.len())?;
        for topic in &self.topics {
            form.write(&mut writer, &topic.topic)?;
            writer.array_length(topic.partitions.len())?;
            for partition in &topic.partitions {
                partition.write(&mut writer, version)?;
            }
            writer.no_tags();
        }
        if version >= 16 {
            NodeEndpoint::write_tags(&self.node_endpoints, &mut writer)?;
        } else {
            writer.no_tags();
        }
        writer.finish()
    }

    /// Reads an answer's body, for clients.
    pub fn decode(body: Bytes, version: i16) -> Result<Self, DecodeError> {
        check_decode(NAME, VERSIONS, version)?;
        let form = topic_form(NAME, version);
        let mut reader = Reader::new(body, is_flexible(version));
        let mut response = Self { throttle_time_ms: reader.i32()?, ..Self::default() };
        if version >= 7 {
            response.error = ErrorCode::from_code(reader.i16()?);
            response.session_id = reader.i32()?;
        }
        response.topics = reader.array_of(TOPIC_BYTES_MIN, |reader| {
            let topic = FetchTopicResponse {
                topic: form.read(reader)?,
                partitions: reader.array_of(PARTITION_BYTES_MIN, |reader| {
                    FetchPartitionResponse::read(reader, version)
                })?,
            };
            reader.skip_tags()?;
            Ok(topic)
        })?;
        reader.tags(|tag, field| {
            if tag == 0 && version >= 16 {
                response.node_endpoints = NodeEndpoint::read_all(field)?;
            }
            Ok(())
        })?;
        Ok(response)
    }

    /// Enough for the usual answer without its records, so that the buffer need not grow.
    fn estimate_bytes(&self) -> usize {
        let topics = self.topics.iter();
        32 + topics.map(|topic| 32 + 64 * topic.partitions.len()).sum::<usize>()
    }
}

impl FetchPartitionResponse {
    fn write(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.i32(self.index);
        writer.i16(self.error.code());
        writer.i64(self.high_watermark);
        writer.i64(self.last_stable_offset);
        if version >= 5 {
            writer.i64(self.log_start_offset);
        }
        let aborted = self.aborted_transactions.as_deref();
        writer.nullable_array_length(aborted.map(<[_]>::len))?;
        for transaction in aborted.unwrap_or_default() {
            writer.i64(transaction.producer_id);
            writer.i64(transaction.first_offset);
            writer.no_tags();
        }
        if version >= 11 {
            writer.i32(self.preferred_read_replica);
        }
        writer.nullable_bytes(self.records.as_deref())?;
        if is_flexible(version) {
            self.write_tags(writer)?;
        }
        Ok(())
    }

    fn write_tags(&self, writer: &mut Writer) -> Result<(), EncodeError> {
        let set = [
            self.diverging_epoch.is_some(),
            self.current_leader.is_some(),
            self.snapshot_id.is_some(),
        ];
        writer.tag_count(set.map(u32::from).iter().sum());
        if let Some(diverging) = self.diverging_epoch {
            writer.tag(0, |writer| {
                writer.i32(diverging.epoch);
                writer.i64(diverging.end_offset);
                writer.no_tags();
                Ok(())
            })?;
        }
        if let Some(leader) = &self.current_leader {
            writer.tag(1, |writer| {
                leader.write(writer);
                Ok(())
            })?;
        }
        // The same two fields as above in the other order.
        if let Some(snapshot) = self.snapshot_id {
            writer.tag(2, |writer| {
                writer.i64(snapshot.end_offset);
                writer.i32(snapshot.epoch);
                writer.no_tags();
                Ok(())
            })?;
        }
        Ok(())
    }

    fn read(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut partition = Self::error(reader.i32()?, ErrorCode::from_code(reader.i16()?));
        partition.high_watermark = reader.i64()?;
        partition.last_stable_offset = reader.i64()?;
        if version >= 5 {
            partition.log_start_offset = reader.i64()?;
        }
        partition.aborted_transactions = reader.nullable_array_of(ABORTED_BYTES_MIN, |reader| {
            let transaction =
                AbortedTransaction { producer_id: reader.i64()?, first_offset: reader.i64()? };
            reader.skip_tags()?;
            Ok(transaction)
        })?;
        if version >= 11 {
            partition.preferred_read_replica = reader.i32()?;
        }
        partition.records = reader
            .nullable_bytes()?
            .map(|records| if records.is_empty() { Vec::new() } else { vec![records] });
        reader.tags(|tag, field| {
            match tag {
                0 => {
                    let (epoch, end_offset) = (field.i32()?, field.i64()?);
                    partition.diverging_epoch = Some(EpochEndOffset { epoch, end_offset });
                    field.skip_tags()?;
                }
                1 => partition.current_leader = Some(CurrentLeader::read(field)?),
                2 => {
                    let (end_offset, epoch) = (field.i64()?, field.i32()?);
                    partition.snapshot_id = Some(EpochEndOffset { epoch, end_offset });
                    field.skip_tags()?;
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(partition)
    }
}
