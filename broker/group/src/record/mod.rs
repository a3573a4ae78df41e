//! The records of `__consumer_offsets`, in Kafka's own schemas, so that every tool that reads that
//! topic can read ours.
//!
//! A key begins with its record type as an i16, a value with its version. Types 0 and 1 are a
//! committed offset, 2 a classic group's metadata; those above belong to other protocols and are
//! skipped here.
//!
//! Source: `group-coordinator/src/main/resources/common/message` of Kafka 4.4.

mod group_metadata;
mod offset_commit;

use crate::codec::{DecodeError, Reader, Writer};
use crate::ids::{GroupId, TopicName};

pub use group_metadata::{GroupMetadata, MemberMetadata};
pub use offset_commit::CommittedOffset;

const OFFSET_COMMIT_LEGACY: i16 = 0;
const OFFSET_COMMIT: i16 = 1;
const GROUP_METADATA: i16 = 2;

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
        }
    }

    /// The record's value, as bytes; none for a tombstone.
    pub fn value(&self) -> Option<Vec<u8>> {
        match self {
            Self::OffsetCommit { value, .. } => value.as_ref().map(CommittedOffset::encode),
            Self::GroupMetadata { value, .. } => value.as_ref().map(GroupMetadata::encode),
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
            _ => Ok(None),
        }
    }

    pub fn group(&self) -> &GroupId {
        match self {
            Self::OffsetCommit { group, .. } | Self::GroupMetadata { group, .. } => group,
        }
    }
}

#[cfg(test)]
#[path = "record_test.rs"]
mod record_test;
