//! A committed offset.

use std::sync::Arc;

use pelton_model::{TimestampMs, TopicId};

use super::OFFSET_COMMIT;
use crate::codec::{DecodeError, Reader, Writer};

/// The last version; from it on the fields are compact.
const FLEXIBLE: i16 = 4;
/// The only version that has a time of expiry.
const WITH_EXPIRY: i16 = 1;
const TAG_TOPIC_ID: u32 = 0;

/// What stands behind group, topic and partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// As the client gave it, negative ones included.
    pub offset: i64,
    /// -1: not given.
    pub leader_epoch: i32,
    pub metadata: Arc<str>,
    pub commit_timestamp: TimestampMs,
    /// Set by OffsetCommit 2 to 4 with a retention time; the retention of the broker does not
    /// count then.
    pub expire_timestamp: Option<TimestampMs>,
    /// [`TopicId::ZERO`]: not known, as in all records before version 4.
    pub topic_id: TopicId,
}

impl CommittedOffset {
    /// With a time of expiry in version 1, which is the only one to have it, and which has neither
    /// leader epoch nor topic id; else in version 4. As Kafka does.
    pub(super) fn encode(&self) -> Vec<u8> {
        if let Some(expire) = self.expire_timestamp {
            let mut value = Writer::new(WITH_EXPIRY, false);
            value.i64(self.offset);
            value.text(&self.metadata);
            value.i64(self.commit_timestamp.get());
            value.i64(expire.get());
            return value.finish();
        }
        let mut value = Writer::new(FLEXIBLE, true);
        value.i64(self.offset);
        value.i32(self.leader_epoch);
        value.text(&self.metadata);
        value.i64(self.commit_timestamp.get());
        if self.topic_id == TopicId::ZERO {
            value.uvarint(0);
        } else {
            value.uvarint(1);
            value.uvarint(TAG_TOPIC_ID);
            value.uvarint(16);
            value.raw(self.topic_id.as_bytes());
        }
        value.finish()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let version = reader.i16()?;
        if !(0..=FLEXIBLE).contains(&version) {
            return Err(DecodeError::UnknownVersion { record_type: OFFSET_COMMIT, version });
        }
        reader.set_flexible(version >= FLEXIBLE);
        let offset = reader.i64()?;
        let leader_epoch = if version >= 3 { reader.i32()? } else { -1 };
        let metadata = reader.text()?.into();
        let commit_timestamp = TimestampMs::new(reader.i64()?);
        let expire_timestamp = match version {
            WITH_EXPIRY => Some(reader.i64()?).filter(|at| *at != -1).map(TimestampMs::new),
            _ => None,
        };
        let mut topic_id = TopicId::ZERO;
        reader.tagged_fields(|tag, field| {
            if tag == TAG_TOPIC_ID {
                topic_id = TopicId::from_bytes(field.uuid()?);
            }
            Ok(())
        })?;
        Ok(Self { offset, leader_epoch, metadata, commit_timestamp, expire_timestamp, topic_id })
    }
}
