//! A group of the consumer protocol (KIP-848): its epochs, what its topics were, and the topics that
//! a regular expression stood for.

use std::collections::BTreeSet;

use pelton_model::{TimestampMs, TopicId};

use super::{
    CONSUMER_GROUP_METADATA, CONSUMER_GROUP_PARTITION_METADATA, CONSUMER_GROUP_REGULAR_EXPRESSION,
    CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA, flexible_reader,
};
use crate::codec::{DecodeError, Reader, Writer};
use crate::ids::TopicName;

const VERSION: i16 = 0;
/// Of the metadata hash, and of the time of an assignment.
const TAG_NUMBER: u32 = 0;

/// How often the group's members, their subscriptions or their topics have changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsumerGroupMetadata {
    pub epoch: i32,
    /// Of the topics that the epoch was made for; 0: of none.
    pub metadata_hash: i64,
}

impl ConsumerGroupMetadata {
    pub(super) fn encode(&self) -> Vec<u8> {
        epoch_and_number(self.epoch, self.metadata_hash)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = flexible_reader(bytes, CONSUMER_GROUP_METADATA)?;
        let (epoch, metadata_hash) = read_epoch_and_number(&mut reader)?;
        Ok(Self { epoch, metadata_hash })
    }
}

/// The group epoch that the target assignment was computed for, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetAssignmentMetadata {
    pub assignment_epoch: i32,
    /// 0: nothing had to be computed.
    pub assignment_timestamp: TimestampMs,
}

impl TargetAssignmentMetadata {
    pub(super) fn encode(&self) -> Vec<u8> {
        epoch_and_number(self.assignment_epoch, self.assignment_timestamp.get())
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = flexible_reader(bytes, CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA)?;
        let (assignment_epoch, at) = read_epoch_and_number(&mut reader)?;
        Ok(Self { assignment_epoch, assignment_timestamp: TimestampMs::new(at) })
    }
}

fn epoch_and_number(epoch: i32, number: i64) -> Vec<u8> {
    let mut value = Writer::new(VERSION, true);
    value.i32(epoch);
    match number {
        0 => value.tagged_fields(&[]),
        number => value.tagged_fields(&[(TAG_NUMBER, number.to_be_bytes().to_vec())]),
    }
    value.finish()
}

fn read_epoch_and_number(reader: &mut Reader<'_>) -> Result<(i32, i64), DecodeError> {
    let epoch = reader.i32()?;
    let mut number = 0;
    reader.tagged_fields(|tag, field| {
        if tag == TAG_NUMBER {
            number = field.i64()?;
        }
        Ok(())
    })?;
    Ok((epoch, number))
}

/// What Kafka up to 4.0 wrote where it now has a hash. Nothing reads it any more; it is known here
/// so that it goes with its group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionMetadata {
    pub topics: Vec<TopicPartitionMetadata>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPartitionMetadata {
    pub topic_id: TopicId,
    pub topic_name: TopicName,
    pub partition_count: i32,
    /// The racks of a partition's replicas.
    pub partitions: Vec<(i32, Vec<String>)>,
}

impl PartitionMetadata {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut value = Writer::new(VERSION, true);
        value.count(self.topics.len());
        for topic in &self.topics {
            value.raw(topic.topic_id.as_bytes());
            value.text(&topic.topic_name);
            value.i32(topic.partition_count);
            value.count(topic.partitions.len());
            for (partition, racks) in &topic.partitions {
                value.i32(*partition);
                value.count(racks.len());
                racks.iter().for_each(|rack| value.text(rack));
                value.tagged_fields(&[]);
            }
            value.tagged_fields(&[]);
        }
        value.tagged_fields(&[]);
        value.finish()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = flexible_reader(bytes, CONSUMER_GROUP_PARTITION_METADATA)?;
        let mut topics = Vec::new();
        for _ in 0..reader.count()?.ok_or(DecodeError::Malformed("the topics are null"))? {
            topics.push(TopicPartitionMetadata {
                topic_id: TopicId::from_bytes(reader.uuid()?),
                topic_name: reader.text()?.into(),
                partition_count: reader.i32()?,
                partitions: read_racks(&mut reader)?,
            });
            reader.skip_tagged_fields()?;
        }
        reader.skip_tagged_fields()?;
        Ok(Self { topics })
    }
}

fn read_racks(reader: &mut Reader<'_>) -> Result<Vec<(i32, Vec<String>)>, DecodeError> {
    let mut partitions = Vec::new();
    for _ in 0..reader.count()?.ok_or(DecodeError::Malformed("the partitions are null"))? {
        let partition = reader.i32()?;
        let mut racks = Vec::new();
        for _ in 0..reader.count()?.ok_or(DecodeError::Malformed("the racks are null"))? {
            racks.push(reader.text()?.to_owned());
        }
        reader.skip_tagged_fields()?;
        partitions.push((partition, racks));
    }
    Ok(partitions)
}

/// The topics that a regular expression stood for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedRegex {
    pub topics: BTreeSet<TopicName>,
    /// The revision of the cluster's metadata that was looked at.
    pub version: i64,
    pub timestamp: TimestampMs,
}

impl ResolvedRegex {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut value = Writer::new(VERSION, true);
        value.count(self.topics.len());
        self.topics.iter().for_each(|topic| value.text(topic));
        value.i64(self.version);
        value.i64(self.timestamp.get());
        value.tagged_fields(&[]);
        value.finish()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = flexible_reader(bytes, CONSUMER_GROUP_REGULAR_EXPRESSION)?;
        let mut topics = BTreeSet::new();
        for _ in 0..reader.count()?.ok_or(DecodeError::Malformed("the topics are null"))? {
            topics.insert(reader.text()?.into());
        }
        let version = reader.i64()?;
        let timestamp = TimestampMs::new(reader.i64()?);
        reader.skip_tagged_fields()?;
        Ok(Self { topics, version, timestamp })
    }
}
