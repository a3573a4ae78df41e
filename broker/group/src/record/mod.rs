//! The records of `__consumer_offsets`, in Kafka's own schemas, so that every tool that reads that
//! topic can read ours.
//!
//! A key begins with its record type as an i16, a value with its version. Types 0 and 1 are a
//! committed offset, 2 a classic group's metadata, 3 to 8 and 16 a group of the consumer protocol;
//! the others belong to protocols that are not here, and are skipped.
//!
//! Source: `group-coordinator/src/main/resources/common/message` of Kafka 4.4.

mod consumer_group;
mod consumer_member;
mod group_metadata;
mod offset_commit;

use crate::codec::{DecodeError, Reader, Writer};
use crate::ids::{GroupId, MemberId, TopicName};

pub use consumer_group::{
    ConsumerGroupMetadata, PartitionMetadata, ResolvedRegex, TargetAssignmentMetadata,
    TopicPartitionMetadata,
};
pub use consumer_member::{
    Assignment, ClassicMemberMetadata, ConsumerMemberMetadata, CurrentAssignment,
    EpochedAssignment, MemberState,
};
pub use group_metadata::{GroupMetadata, MemberMetadata};
pub use offset_commit::CommittedOffset;

const OFFSET_COMMIT_LEGACY: i16 = 0;
const OFFSET_COMMIT: i16 = 1;
const GROUP_METADATA: i16 = 2;
const CONSUMER_GROUP_METADATA: i16 = 3;
const CONSUMER_GROUP_PARTITION_METADATA: i16 = 4;
const CONSUMER_GROUP_MEMBER_METADATA: i16 = 5;
const CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA: i16 = 6;
const CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER: i16 = 7;
const CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT: i16 = 8;
const CONSUMER_GROUP_REGULAR_EXPRESSION: i16 = 16;

/// One record: what a coordinator's state is made of. No value: what stood there is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    OffsetCommit {
        group: GroupId,
        topic: TopicName,
        partition: i32,
        value: Option<CommittedOffset>,
    },
    GroupMetadata {
        group: GroupId,
        value: Option<GroupMetadata>,
    },
    Consumer {
        group: GroupId,
        record: ConsumerRecord,
    },
}

/// What a group of the consumer protocol (KIP-848) is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerRecord {
    Metadata(Option<ConsumerGroupMetadata>),
    PartitionMetadata(Option<PartitionMetadata>),
    Member(MemberId, Option<ConsumerMemberMetadata>),
    TargetMetadata(Option<TargetAssignmentMetadata>),
    Target(MemberId, Option<Assignment>),
    Current(MemberId, Option<CurrentAssignment>),
    Regex(String, Option<ResolvedRegex>),
}

impl Record {
    /// The record's key, as bytes.
    pub fn key(&self) -> Vec<u8> {
        match self {
            Self::OffsetCommit { group, topic, partition, .. } => {
                let mut key = Writer::new(OFFSET_COMMIT, false);
                key.text(group);
                key.text(topic);
                key.i32(*partition);
                key.finish()
            }
            Self::GroupMetadata { group, .. } => {
                let mut key = Writer::new(GROUP_METADATA, false);
                key.text(group);
                key.finish()
            }
            Self::Consumer { group, record } => {
                let mut key = Writer::new(record.record_type(), false);
                key.text(group);
                if let Some(within) = record.within_group() {
                    key.text(within);
                }
                key.finish()
            }
        }
    }

    /// The record's value, as bytes; none for a tombstone.
    pub fn value(&self) -> Option<Vec<u8>> {
        match self {
            Self::OffsetCommit { value, .. } => value.as_ref().map(CommittedOffset::encode),
            Self::GroupMetadata { value, .. } => value.as_ref().map(GroupMetadata::encode),
            Self::Consumer { record, .. } => record.value(),
        }
    }

    /// Reads a record; none for a record type that is not ours to know.
    ///
    /// # Errors
    /// Damage, or a value that a later release wrote.
    pub fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Option<Self>, DecodeError> {
        let mut key = Reader::new(key);
        match key.i16()? {
            OFFSET_COMMIT_LEGACY | OFFSET_COMMIT => {
                let group = key.text()?.into();
                let topic = key.text()?.into();
                let partition = key.i32()?;
                let value = value.map(CommittedOffset::decode).transpose()?;
                Ok(Some(Self::OffsetCommit { group, topic, partition, value }))
            }
            GROUP_METADATA => {
                let group = key.text()?.into();
                let value = value.map(GroupMetadata::decode).transpose()?;
                Ok(Some(Self::GroupMetadata { group, value }))
            }
            record_type if ConsumerRecord::TYPES.contains(&record_type) => {
                let group = key.text()?.into();
                let record = ConsumerRecord::decode(record_type, &mut key, value)?;
                Ok(record.map(|record| Self::Consumer { group, record }))
            }
            _ => Ok(None),
        }
    }

    pub fn group(&self) -> &GroupId {
        match self {
            Self::OffsetCommit { group, .. }
            | Self::GroupMetadata { group, .. }
            | Self::Consumer { group, .. } => group,
        }
    }
}

impl ConsumerRecord {
    const TYPES: [i16; 7] = [
        CONSUMER_GROUP_METADATA,
        CONSUMER_GROUP_PARTITION_METADATA,
        CONSUMER_GROUP_MEMBER_METADATA,
        CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA,
        CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER,
        CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT,
        CONSUMER_GROUP_REGULAR_EXPRESSION,
    ];

    const fn record_type(&self) -> i16 {
        match self {
            Self::Metadata(_) => CONSUMER_GROUP_METADATA,
            Self::PartitionMetadata(_) => CONSUMER_GROUP_PARTITION_METADATA,
            Self::Member(..) => CONSUMER_GROUP_MEMBER_METADATA,
            Self::TargetMetadata(_) => CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA,
            Self::Target(..) => CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER,
            Self::Current(..) => CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT,
            Self::Regex(..) => CONSUMER_GROUP_REGULAR_EXPRESSION,
        }
    }

    /// Whether it says that something is, and not that it is gone.
    pub fn has_value(&self) -> bool {
        match self {
            Self::Metadata(value) => value.is_some(),
            Self::PartitionMetadata(value) => value.is_some(),
            Self::Member(_, value) => value.is_some(),
            Self::TargetMetadata(value) => value.is_some(),
            Self::Target(_, value) => value.is_some(),
            Self::Current(_, value) => value.is_some(),
            Self::Regex(_, value) => value.is_some(),
        }
    }

    /// What the key names beside the group.
    fn within_group(&self) -> Option<&str> {
        match self {
            Self::Metadata(_) | Self::PartitionMetadata(_) | Self::TargetMetadata(_) => None,
            Self::Member(member, _) | Self::Target(member, _) | Self::Current(member, _) => {
                Some(member)
            }
            Self::Regex(regex, _) => Some(regex),
        }
    }

    fn value(&self) -> Option<Vec<u8>> {
        match self {
            Self::Metadata(value) => value.as_ref().map(ConsumerGroupMetadata::encode),
            Self::PartitionMetadata(value) => value.as_ref().map(PartitionMetadata::encode),
            Self::Member(_, value) => value.as_ref().map(ConsumerMemberMetadata::encode),
            Self::TargetMetadata(value) => value.as_ref().map(TargetAssignmentMetadata::encode),
            Self::Target(_, value) => value.as_ref().map(consumer_member::encode_target),
            Self::Current(_, value) => value.as_ref().map(CurrentAssignment::encode),
            Self::Regex(_, value) => value.as_ref().map(ResolvedRegex::encode),
        }
    }

    fn decode(
        record_type: i16,
        key: &mut Reader<'_>,
        value: Option<&[u8]>,
    ) -> Result<Option<Self>, DecodeError> {
        Ok(Some(match record_type {
            CONSUMER_GROUP_METADATA => {
                Self::Metadata(value.map(ConsumerGroupMetadata::decode).transpose()?)
            }
            CONSUMER_GROUP_PARTITION_METADATA => {
                Self::PartitionMetadata(value.map(PartitionMetadata::decode).transpose()?)
            }
            CONSUMER_GROUP_MEMBER_METADATA => {
                let value = value.map(ConsumerMemberMetadata::decode).transpose()?;
                Self::Member(key.text()?.into(), value)
            }
            CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA => {
                Self::TargetMetadata(value.map(TargetAssignmentMetadata::decode).transpose()?)
            }
            CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER => {
                let value = value.map(consumer_member::decode_target).transpose()?;
                Self::Target(key.text()?.into(), value)
            }
            CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT => {
                let value = value.map(CurrentAssignment::decode).transpose()?;
                Self::Current(key.text()?.into(), value)
            }
            CONSUMER_GROUP_REGULAR_EXPRESSION => {
                let value = value.map(ResolvedRegex::decode).transpose()?;
                Self::Regex(key.text()?.to_owned(), value)
            }
            _ => return Ok(None),
        }))
    }
}

/// A reader behind the version of a value that has had one version only, with compact fields.
fn flexible_reader(bytes: &[u8], record_type: i16) -> Result<Reader<'_>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let version = reader.i16()?;
    if version != 0 {
        return Err(DecodeError::UnknownVersion { record_type, version });
    }
    reader.set_flexible(true);
    Ok(reader)
}

#[cfg(test)]
#[path = "record_test.rs"]
mod record_test;
