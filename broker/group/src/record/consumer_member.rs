//! One member of a group of the consumer protocol: what it says of itself, what it is to have, and
//! what it has.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use pelton_model::TopicId;

use super::{
    CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT, CONSUMER_GROUP_MEMBER_METADATA,
    CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER, flexible_reader,
};
use crate::codec::{DecodeError, Reader, Writer};
use crate::coordinator::command::Protocol;
use crate::ids::{InstanceId, TopicName};

const VERSION: i16 = 0;
const TAG_CLASSIC_MEMBER: u32 = 0;
const TAG_ASSIGNMENT_EPOCHS: u32 = 0;

/// Partitions by topic; a topic without any does not stand in it.
pub type Assignment = BTreeMap<TopicId, BTreeSet<i32>>;

/// Partitions by topic, each with the epoch of the member at which it got it (KIP-1251).
pub type EpochedAssignment = BTreeMap<TopicId, BTreeMap<i32, i32>>;

/// What a member says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerMemberMetadata {
    pub instance_id: Option<InstanceId>,
    pub rack_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub topics: BTreeSet<TopicName>,
    /// Empty: none. Kafka writes null for none as well.
    pub regex: String,
    pub rebalance_timeout_ms: i32,
    pub server_assignor: Option<String>,
    /// Of a member that speaks the classic protocol.
    pub classic: Option<ClassicMemberMetadata>,
}

/// What only a member that speaks the classic protocol says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassicMemberMetadata {
    pub session_timeout_ms: i32,
    pub protocols: Vec<Protocol>,
}

impl ConsumerMemberMetadata {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut value = Writer::new(VERSION, true);
        value.nullable_text(self.instance_id.as_deref());
        value.nullable_text(self.rack_id.as_deref());
        value.text(&self.client_id);
        value.text(&self.client_host);
        value.count(self.topics.len());
        self.topics.iter().for_each(|topic| value.text(topic));
        value.text(&self.regex);
        value.i32(self.rebalance_timeout_ms);
        value.nullable_text(self.server_assignor.as_deref());
        match &self.classic {
            // The schema's default is a member without protocols, so that null has to be written.
            None => value.tagged_fields(&[(TAG_CLASSIC_MEMBER, vec![0])]),
            Some(classic) if *classic == ClassicMemberMetadata::default() => {
                value.tagged_fields(&[]);
            }
            Some(classic) => value.tagged_fields(&[(TAG_CLASSIC_MEMBER, classic.encode())]),
        }
        value.finish()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = flexible_reader(bytes, CONSUMER_GROUP_MEMBER_METADATA)?;
        let mut member = Self {
            instance_id: reader.nullable_text()?.map(InstanceId::from),
            rack_id: reader.nullable_text()?.map(str::to_owned),
            client_id: reader.text()?.to_owned(),
            client_host: reader.text()?.to_owned(),
            ..Self::default()
        };
        for _ in 0..reader.count()?.ok_or(DecodeError::Malformed("the topics are null"))? {
            member.topics.insert(reader.text()?.into());
        }
        member.regex = reader.nullable_text()?.unwrap_or_default().to_owned();
        member.rebalance_timeout_ms = reader.i32()?;
        member.server_assignor = reader.nullable_text()?.map(str::to_owned);
        member.classic = Some(ClassicMemberMetadata::default());
        reader.tagged_fields(|tag, field| {
            if tag == TAG_CLASSIC_MEMBER {
                member.classic = ClassicMemberMetadata::decode(field)?;
            }
            Ok(())
        })?;
        Ok(member)
    }
}

impl ClassicMemberMetadata {
    fn encode(&self) -> Vec<u8> {
        let mut field = Writer::field();
        field.uvarint(1);
        field.i32(self.session_timeout_ms);
        field.count(self.protocols.len());
        for protocol in &self.protocols {
            field.text(&protocol.name);
            field.bytes(&protocol.metadata);
            field.tagged_fields(&[]);
        }
        field.tagged_fields(&[]);
        field.finish()
    }

    fn decode(field: &mut Reader<'_>) -> Result<Option<Self>, DecodeError> {
        if field.uvarint()? == 0 {
            return Ok(None);
        }
        let session_timeout_ms = field.i32()?;
        let mut protocols = Vec::new();
        for _ in 0..field.count()?.ok_or(DecodeError::Malformed("the protocols are null"))? {
            let name = field.text()?.to_owned();
            let metadata = Bytes::copy_from_slice(field.bytes()?);
            field.skip_tagged_fields()?;
            protocols.push(Protocol { name, metadata });
        }
        field.skip_tagged_fields()?;
        Ok(Some(Self { session_timeout_ms, protocols }))
    }
}

pub(super) fn encode_target(target: &Assignment) -> Vec<u8> {
    let mut value = Writer::new(VERSION, true);
    value.count(target.len());
    for (topic, partitions) in target {
        value.raw(topic.as_bytes());
        value.count(partitions.len());
        partitions.iter().for_each(|partition| value.i32(*partition));
        value.tagged_fields(&[]);
    }
    value.tagged_fields(&[]);
    value.finish()
}

pub(super) fn decode_target(bytes: &[u8]) -> Result<Assignment, DecodeError> {
    let mut reader = flexible_reader(bytes, CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER)?;
    let mut target = Assignment::new();
    for _ in 0..reader.count()?.ok_or(DecodeError::Malformed("the topics are null"))? {
        let topic = TopicId::from_bytes(reader.uuid()?);
        let partitions = read_partitions(&mut reader)?;
        reader.skip_tagged_fields()?;
        target.entry(topic).or_default().extend(partitions);
    }
    reader.skip_tagged_fields()?;
    Ok(target)
}

/// Where a member is between what it has and what it is to have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemberState {
    /// It has what it is to have, as of its epoch.
    #[default]
    Stable,
    /// It has been told to give partitions up, and has not said yet that it did.
    UnrevokedPartitions,
    /// It waits for partitions that others have not given up.
    UnreleasedPartitions,
    /// A later release wrote it; the next heartbeat leaves it.
    Unknown(i8),
}

impl MemberState {
    const fn wire_id(self) -> i8 {
        match self {
            Self::Stable => 0,
            Self::UnrevokedPartitions => 1,
            Self::UnreleasedPartitions => 2,
            Self::Unknown(id) => id,
        }
    }

    const fn from_wire(id: i8) -> Self {
        match id {
            0 => Self::Stable,
            1 => Self::UnrevokedPartitions,
            2 => Self::UnreleasedPartitions,
            id => Self::Unknown(id),
        }
    }
}

/// What a member has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CurrentAssignment {
    /// -2: a static member has left, and will be back.
    pub member_epoch: i32,
    /// Before the last change; an answer that brought a new epoch may have been lost.
    pub previous_member_epoch: i32,
    pub state: MemberState,
    pub assigned: EpochedAssignment,
    /// It is to give these up; until it has, nobody else gets them.
    pub pending_revocation: EpochedAssignment,
}

impl CurrentAssignment {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut value = Writer::new(VERSION, true);
        value.i32(self.member_epoch);
        value.i32(self.previous_member_epoch);
        value.i8(self.state.wire_id());
        write_epoched(&mut value, &self.assigned);
        write_epoched(&mut value, &self.pending_revocation);
        value.tagged_fields(&[]);
        value.finish()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = flexible_reader(bytes, CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT)?;
        let member_epoch = reader.i32()?;
        let previous_member_epoch = reader.i32()?;
        let state = MemberState::from_wire(reader.i8()?);
        // Written before there were epochs of partitions: those of the member count.
        let assigned = read_epoched(&mut reader, member_epoch)?;
        let pending_revocation = read_epoched(&mut reader, member_epoch)?;
        reader.skip_tagged_fields()?;
        Ok(Self { member_epoch, previous_member_epoch, state, assigned, pending_revocation })
    }
}

fn write_epoched(value: &mut Writer, assignment: &EpochedAssignment) {
    value.count(assignment.len());
    for (topic, partitions) in assignment {
        value.raw(topic.as_bytes());
        value.count(partitions.len());
        partitions.keys().for_each(|partition| value.i32(*partition));
        let mut epochs = Writer::field();
        epochs.count(partitions.len());
        partitions.values().for_each(|epoch| epochs.i32(*epoch));
        value.tagged_fields(&[(TAG_ASSIGNMENT_EPOCHS, epochs.finish())]);
    }
}

fn read_epoched(
    reader: &mut Reader<'_>,
    default_epoch: i32,
) -> Result<EpochedAssignment, DecodeError> {
    let mut assignment = EpochedAssignment::new();
    for _ in 0..reader.count()?.ok_or(DecodeError::Malformed("the topics are null"))? {
        let topic = TopicId::from_bytes(reader.uuid()?);
        let partitions = read_partitions(reader)?;
        let mut epochs = Vec::new();
        reader.tagged_fields(|tag, field| {
            if tag == TAG_ASSIGNMENT_EPOCHS {
                for _ in 0..field.count()?.unwrap_or(0) {
                    epochs.push(field.i32()?);
                }
            }
            Ok(())
        })?;
        let epochs = epochs.into_iter().chain(std::iter::repeat(default_epoch));
        assignment.entry(topic).or_default().extend(partitions.into_iter().zip(epochs));
    }
    Ok(assignment)
}

fn read_partitions(reader: &mut Reader<'_>) -> Result<Vec<i32>, DecodeError> {
    let mut partitions = Vec::new();
    for _ in 0..reader.count()?.ok_or(DecodeError::Malformed("the partitions are null"))? {
        partitions.push(reader.i32()?);
    }
    Ok(partitions)
}
