//! Which records are wanted.

use bytes::Bytes;
use kafka_wire_core::{DecodeError, EncodeError, StrBytes, Uuid};

use super::{VERSIONS, is_flexible, topic_form};
use crate::read::Reader;
use crate::topic::TopicForm;
use crate::versions::{check_decode, check_encode};
use crate::write::Writer;
use crate::{ApiKey, Frame, RequestHeader, TopicRef};

const NAME: &str = "FetchRequest";
/// A topic by an empty compact name, with no partitions and no tagged fields.
const TOPIC_BYTES_MIN: usize = 3;
/// Index, fetch offset and limit are there in every version.
const PARTITION_BYTES_MIN: usize = 4 + 8 + 4;

/// Numbers are as they stand on the wire: nothing in here has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRequest {
    /// Of the cluster that the sender means to be in; only followers say (v12+).
    pub cluster_id: Option<StrBytes>,
    /// The follower that asks; -1 for a consumer.
    pub replica_id: i32,
    /// The follower's broker epoch; -1 if not known (v15+).
    pub replica_epoch: i64,
    /// How long to wait for `min_bytes` to be there, in milliseconds.
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    /// For the whole answer. The first batch is sent whatever its size.
    pub max_bytes: i32,
    /// 0: everything; 1: nothing of transactions that are open or aborted.
    pub isolation_level: i8,
    /// 0 if there is none (v7+).
    pub session_id: i32,
    /// -1: no session; 0: begin a new one (v7+).
    pub session_epoch: i32,
    pub topics: Vec<FetchTopic>,
    /// To be taken out of the session (v7+).
    pub forgotten_topics: Vec<ForgottenTopic>,
    /// Where the consumer is; empty if it does not say (v11+).
    pub rack_id: StrBytes,
}

/// A topic may occur more than once, and so may a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchTopic {
    pub topic: TopicRef,
    pub partitions: Vec<FetchPartition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchPartition {
    pub index: i32,
    /// The epoch that the sender believes the leader to be in; -1 if it does not say (v9+).
    pub current_leader_epoch: i32,
    pub fetch_offset: i64,
    /// The epoch of the record before; -1 if it does not say (v12+).
    pub last_fetched_epoch: i32,
    /// The follower's; -1 for consumers (v5+).
    pub log_start_offset: i64,
    pub max_bytes: i32,
    /// The follower's; zero for consumers (v17+).
    pub replica_directory_id: Uuid,
    /// The follower's; [`FetchPartition::NO_HIGH_WATERMARK`] for consumers (v18+).
    pub high_watermark: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForgottenTopic {
    pub topic: TopicRef,
    pub partitions: Vec<i32>,
}

impl Default for FetchRequest {
    /// A consumer without a session that asks for nothing.
    fn default() -> Self {
        Self {
            cluster_id: None,
            replica_id: -1,
            replica_epoch: -1,
            max_wait_ms: 0,
            min_bytes: 0,
            max_bytes: i32::MAX,
            isolation_level: 0,
            session_id: 0,
            session_epoch: -1,
            topics: Vec::new(),
            forgotten_topics: Vec::new(),
            rack_id: StrBytes::default(),
        }
    }
}

impl FetchPartition {
    pub const NO_HIGH_WATERMARK: i64 = i64::MAX;

    /// What a consumer asks for that knows no epochs.
    pub const fn new(index: i32, fetch_offset: i64, max_bytes: i32) -> Self {
        Self {
            index,
            current_leader_epoch: -1,
            fetch_offset,
            last_fetched_epoch: -1,
            log_start_offset: -1,
            max_bytes,
            replica_directory_id: Uuid::ZERO,
            high_watermark: Self::NO_HIGH_WATERMARK,
        }
    }
}

impl FetchRequest {
    /// Reads a request's body; bytes behind it are ignored.
    pub fn decode(body: Bytes, version: i16) -> Result<Self, DecodeError> {
        check_decode(NAME, VERSIONS, version)?;
        let form = topic_form(NAME, version);
        let mut reader = Reader::new(body, is_flexible(version));
        let mut request = Self::default();
        if version <= 14 {
            request.replica_id = reader.i32()?;
        }
        request.max_wait_ms = reader.i32()?;
        request.min_bytes = reader.i32()?;
        request.max_bytes = reader.i32()?;
        request.isolation_level = reader.i8()?;
        if version >= 7 {
            request.session_id = reader.i32()?;
            request.session_epoch = reader.i32()?;
        }
        request.topics = reader.array_of(TOPIC_BYTES_MIN, |reader| {
            let topic = FetchTopic {
                topic: form.read(reader)?,
                partitions: reader.array_of(PARTITION_BYTES_MIN, |reader| {
                    FetchPartition::read(reader, version)
                })?,
            };
            reader.skip_tags()?;
            Ok(topic)
        })?;
        if version >= 7 {
            request.forgotten_topics =
                reader.array_of(TOPIC_BYTES_MIN, |reader| ForgottenTopic::read(reader, form))?;
        }
        if version >= 11 {
            request.rack_id = reader.string()?;
        }
        reader.tags(|tag, field| {
            match tag {
                0 => request.cluster_id = field.nullable_string()?,
                1 if version >= 15 => {
                    request.replica_id = field.i32()?;
                    request.replica_epoch = field.i64()?;
                    field.skip_tags()?;
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(request)
    }

    /// A complete frame for a client to send. Fields that the version lacks are left out.
    pub fn encode(
        &self,
        correlation_id: i32,
        client_id: Option<&str>,
        version: i16,
    ) -> Result<Frame, EncodeError> {
        check_encode(NAME, VERSIONS, version)?;
        let form = topic_form(NAME, version);
        let mut writer = Writer::new(256, false);
        RequestHeader::encode(&mut writer, ApiKey::FETCH, version, correlation_id, client_id)?;
        if version <= 14 {
            writer.i32(self.replica_id);
        }
        writer.i32(self.max_wait_ms);
        writer.i32(self.min_bytes);
        writer.i32(self.max_bytes);
        writer.i8(self.isolation_level);
        if version >= 7 {
            writer.i32(self.session_id);
            writer.i32(self.session_epoch);
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
        if version >= 7 {
            writer.array_length(self.forgotten_topics.len())?;
            for topic in &self.forgotten_topics {
                topic.write(&mut writer, form)?;
            }
        }
        if version >= 11 {
            writer.string(&self.rack_id)?;
        }
        self.write_tags(&mut writer, version)?;
        writer.finish()
    }

    fn write_tags(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if !is_flexible(version) {
            return Ok(());
        }
        let cluster_id = self.cluster_id.as_deref();
        let is_replica = version >= 15 && (self.replica_id != -1 || self.replica_epoch != -1);
        writer.tag_count(u32::from(cluster_id.is_some()) + u32::from(is_replica));
        if cluster_id.is_some() {
            writer.tag(0, |writer| writer.nullable_string(cluster_id))?;
        }
        if is_replica {
            writer.tag(1, |writer| {
                writer.i32(self.replica_id);
                writer.i64(self.replica_epoch);
                writer.no_tags();
                Ok(())
            })?;
        }
        Ok(())
    }
}

impl FetchPartition {
    fn read(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut partition = Self::new(reader.i32()?, 0, 0);
        if version >= 9 {
            partition.current_leader_epoch = reader.i32()?;
        }
        partition.fetch_offset = reader.i64()?;
        if version >= 12 {
            partition.last_fetched_epoch = reader.i32()?;
        }
        if version >= 5 {
            partition.log_start_offset = reader.i64()?;
        }
        partition.max_bytes = reader.i32()?;
        reader.tags(|tag, field| {
            match tag {
                0 if version >= 17 => partition.replica_directory_id = field.uuid()?,
                1 if version >= 18 => partition.high_watermark = field.i64()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(partition)
    }

    fn write(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.i32(self.index);
        if version >= 9 {
            writer.i32(self.current_leader_epoch);
        }
        writer.i64(self.fetch_offset);
        if version >= 12 {
            writer.i32(self.last_fetched_epoch);
        }
        if version >= 5 {
            writer.i64(self.log_start_offset);
        }
        writer.i32(self.max_bytes);
        if !is_flexible(version) {
            return Ok(());
        }
        let has_directory = version >= 17 && !self.replica_directory_id.is_zero();
        let has_mark = version >= 18 && self.high_watermark != Self::NO_HIGH_WATERMARK;
        writer.tag_count(u32::from(has_directory) + u32::from(has_mark));
        if has_directory {
            writer.tag(0, |writer| {
                writer.uuid(self.replica_directory_id);
                Ok(())
            })?;
        }
        if has_mark {
            writer.tag(1, |writer| {
                writer.i64(self.high_watermark);
                Ok(())
            })?;
        }
        Ok(())
    }
}

impl ForgottenTopic {
    fn read(reader: &mut Reader, form: TopicForm) -> Result<Self, DecodeError> {
        let topic =
            Self { topic: form.read(reader)?, partitions: reader.array_of(4, Reader::i32)? };
        reader.skip_tags()?;
        Ok(topic)
    }

    fn write(&self, writer: &mut Writer, form: TopicForm) -> Result<(), EncodeError> {
        form.write(writer, &self.topic)?;
        writer.array_length(self.partitions.len())?;
        for &partition in &self.partitions {
            writer.i32(partition);
        }
        writer.no_tags();
        Ok(())
    }
}
