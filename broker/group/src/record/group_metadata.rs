//! A classic group as of its last generation.

use bytes::Bytes;

use super::GROUP_METADATA;
use crate::codec::{DecodeError, Reader, Writer};
use crate::ids::{InstanceId, MemberId};

/// What is written. Kafka 4.4 reads version 4 and writes this one.
const VERSION: i16 = 3;
/// From here on the fields are compact.
const FLEXIBLE: i16 = 4;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupMetadata {
    pub protocol_type: String,
    pub generation: i32,
    /// The chosen protocol; none without members.
    pub protocol: Option<String>,
    pub leader: Option<MemberId>,
    /// When the group got into its state, in milliseconds of the wall clock; -1: not known.
    pub current_state_timestamp: i64,
    pub members: Vec<MemberMetadata>,
}

/// One member of a stable group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberMetadata {
    pub member_id: MemberId,
    pub instance_id: Option<InstanceId>,
    pub client_id: String,
    pub client_host: String,
    /// -1: not known; the session timeout counts.
    pub rebalance_timeout_ms: i32,
    pub session_timeout_ms: i32,
    /// Its metadata for the chosen protocol.
    pub subscription: Bytes,
    pub assignment: Bytes,
}

impl GroupMetadata {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut value = Writer::new(VERSION, false);
        value.text(&self.protocol_type);
        value.i32(self.generation);
        value.nullable_text(self.protocol.as_deref());
        value.nullable_text(self.leader.as_deref());
        value.i64(self.current_state_timestamp);
        value.count(self.members.len());
        for member in &self.members {
            value.text(&member.member_id);
            value.nullable_text(member.instance_id.as_deref());
            value.text(&member.client_id);
            value.text(&member.client_host);
            value.i32(member.rebalance_timeout_ms);
            value.i32(member.session_timeout_ms);
            value.bytes(&member.subscription);
            value.bytes(&member.assignment);
        }
        value.finish()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let version = reader.i16()?;
        if !(0..=FLEXIBLE).contains(&version) {
            return Err(DecodeError::UnknownVersion { record_type: GROUP_METADATA, version });
        }
        reader.set_flexible(version >= FLEXIBLE);
        let mut group = Self {
            protocol_type: reader.text()?.to_owned(),
            generation: reader.i32()?,
            protocol: reader.nullable_text()?.map(str::to_owned),
            leader: reader.nullable_text()?.map(MemberId::from),
            current_state_timestamp: if version >= 2 { reader.i64()? } else { -1 },
            members: Vec::new(),
        };
        let count = reader.count()?.ok_or(DecodeError::Malformed("the members are null"))?;
        for _ in 0..count {
            group.members.push(MemberMetadata::decode(&mut reader, version)?);
        }
        reader.skip_tagged_fields()?;
        Ok(group)
    }
}

impl MemberMetadata {
    fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let member_id = reader.text()?.into();
        let instance_id =
            if version >= 3 { reader.nullable_text()?.map(InstanceId::from) } else { None };
        let client_id = reader.text()?.to_owned();
        let client_host = reader.text()?.to_owned();
        let rebalance_timeout_ms = if version >= 1 { reader.i32()? } else { -1 };
        let session_timeout_ms = reader.i32()?;
        let subscription = Bytes::copy_from_slice(reader.bytes()?);
        let assignment = Bytes::copy_from_slice(reader.bytes()?);
        reader.skip_tagged_fields()?;
        Ok(Self {
            member_id,
            instance_id,
            client_id,
            client_host,
            rebalance_timeout_ms,
            session_timeout_ms,
            subscription,
            assignment,
        })
    }
}
