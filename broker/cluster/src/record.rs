//! The records of the cluster log (design F5), each one a fact that is applied whole.
//!
//! On the disk a record is its type and version as varints, the fields of that version, then the
//! tagged fields. A field that an older release may ignore is added as a tagged field; one that it
//! must understand raises the version, which an older release refuses.

use pelton_model::{LeaderEpoch, NodeId, PartitionId, PartitionIndex, ProducerId, TopicId};

use crate::ClusterError;
use crate::codec::{
    DecodeError, Reader, put_no_tagged_fields, put_nullable_string, put_sized, put_string,
    put_uvarint,
};

/// A change of the cluster's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A topic and its partitions `0..partition_count` exist from here on.
    Topic { id: TopicId, name: String, partition_count: i32, replication_factor: i16 },
    /// The topic has this many partitions now, more than before.
    PartitionsAdded { topic: TopicId, partition_count: i32 },
    /// The topic is gone, and its configs with it.
    TopicRemoved { topic: TopicId },
    /// A config is set, or with `None` goes back to what stands behind it.
    ConfigSet { resource: ConfigResource, name: String, value: Option<String> },
    /// Every producer id below `next` has been given out, or will never be.
    ProducerIdBlock { next: ProducerId },
    /// The broker belongs to the cluster.
    Broker { node_id: NodeId, rack: Option<String> },
    /// The partition's leadership, or the identity of its tail, may have changed.
    LeaderEpochRaised { partition: PartitionId, leader_epoch: LeaderEpoch },
}

/// What a config belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigResource {
    Topic(String),
    Broker(NodeId),
    /// The dynamic defaults of all brokers; on the wire a broker with an empty name.
    AllBrokers,
    ClientMetrics(String),
    Group(String),
}

impl ConfigResource {
    pub const TYPE_TOPIC: i8 = 2;
    pub const TYPE_BROKER: i8 = 4;
    pub const TYPE_CLIENT_METRICS: i8 = 16;
    pub const TYPE_GROUP: i8 = 32;

    /// The resource that a request to broker `asked` names by Kafka's type id and a string.
    ///
    /// # Errors
    /// INVALID_REQUEST for a type that has no configs here (broker loggers, 8, included: their
    /// levels are not metadata), another broker than the one asked, an empty group or
    /// client-metrics name.
    pub fn from_wire(type_id: i8, name: &str, asked: NodeId) -> Result<Self, ClusterError> {
        match type_id {
            Self::TYPE_TOPIC => Ok(Self::Topic(name.to_owned())),
            Self::TYPE_BROKER if name.is_empty() => Ok(Self::AllBrokers),
            Self::TYPE_BROKER => match name.parse() {
                Ok(id) if NodeId::new(id) == asked => Ok(Self::Broker(asked)),
                Ok(id) => Err(ClusterError::invalid_request(format!(
                    "this is broker {asked}, the configs of broker {id} are to be asked from it"
                ))),
                Err(_) => Err(ClusterError::invalid_request(format!(
                    "a broker is named by its id or by nothing, not by \"{name}\""
                ))),
            },
            Self::TYPE_CLIENT_METRICS if name.is_empty() => {
                Err(ClusterError::invalid_request("a client-metrics subscription needs a name"))
            }
            Self::TYPE_CLIENT_METRICS => Ok(Self::ClientMetrics(name.to_owned())),
            Self::TYPE_GROUP if name.is_empty() => {
                Err(ClusterError::invalid_request("a group needs a name"))
            }
            Self::TYPE_GROUP => Ok(Self::Group(name.to_owned())),
            other => Err(ClusterError::invalid_request(format!(
                "resources of type {other} have no configs here"
            ))),
        }
    }

    /// Kafka's id of the resource type.
    pub fn type_id(&self) -> i8 {
        match self {
            Self::Topic(_) => Self::TYPE_TOPIC,
            Self::Broker(_) | Self::AllBrokers => Self::TYPE_BROKER,
            Self::ClientMetrics(_) => Self::TYPE_CLIENT_METRICS,
            Self::Group(_) => Self::TYPE_GROUP,
        }
    }

    /// The resource's name as it goes on the wire.
    pub fn wire_name(&self) -> String {
        match self {
            Self::Topic(name) | Self::ClientMetrics(name) | Self::Group(name) => name.clone(),
            Self::Broker(id) => id.to_string(),
            Self::AllBrokers => String::new(),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.type_id() as u8);
        put_string(out, &self.wire_name());
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let type_id = reader.u8()? as i8;
        let name = reader.string()?;
        match type_id {
            Self::TYPE_TOPIC => Ok(Self::Topic(name)),
            Self::TYPE_BROKER if name.is_empty() => Ok(Self::AllBrokers),
            Self::TYPE_BROKER => match name.parse() {
                Ok(id) => Ok(Self::Broker(NodeId::new(id))),
                Err(_) => Err(DecodeError::Malformed("a broker is not named by a number")),
            },
            Self::TYPE_CLIENT_METRICS => Ok(Self::ClientMetrics(name)),
            Self::TYPE_GROUP => Ok(Self::Group(name)),
            _ => Err(DecodeError::Malformed("unknown type of config resource")),
        }
    }
}

const TOPIC: u64 = 1;
const PARTITIONS_ADDED: u64 = 2;
const TOPIC_REMOVED: u64 = 3;
const CONFIG_SET: u64 = 4;
const PRODUCER_ID_BLOCK: u64 = 5;
const BROKER: u64 = 6;
const LEADER_EPOCH_RAISED: u64 = 7;

/// All record types are in their first version.
const VERSION: u64 = 0;

impl Record {
    /// Appends the record's bytes, without a length.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_uvarint(out, self.type_number());
        put_uvarint(out, VERSION);
        match self {
            Self::Topic { id, name, partition_count, replication_factor } => {
                out.extend_from_slice(id.as_bytes());
                put_string(out, name);
                out.extend_from_slice(&partition_count.to_be_bytes());
                out.extend_from_slice(&replication_factor.to_be_bytes());
            }
            Self::PartitionsAdded { topic, partition_count } => {
                out.extend_from_slice(topic.as_bytes());
                out.extend_from_slice(&partition_count.to_be_bytes());
            }
            Self::TopicRemoved { topic } => out.extend_from_slice(topic.as_bytes()),
            Self::ConfigSet { resource, name, value } => {
                resource.encode(out);
                put_string(out, name);
                put_nullable_string(out, value.as_deref());
            }
            Self::ProducerIdBlock { next } => out.extend_from_slice(&next.get().to_be_bytes()),
            Self::Broker { node_id, rack } => {
                out.extend_from_slice(&node_id.get().to_be_bytes());
                put_nullable_string(out, rack.as_deref());
            }
            Self::LeaderEpochRaised { partition, leader_epoch } => {
                out.extend_from_slice(partition.topic.as_bytes());
                out.extend_from_slice(&partition.index.get().to_be_bytes());
                out.extend_from_slice(&leader_epoch.get().to_be_bytes());
            }
        }
        put_no_tagged_fields(out);
    }

    /// Reads one record that fills `bytes`.
    ///
    /// # Errors
    /// Damage, or a record of a later release.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let record_type = reader.uvarint()?;
        let version = reader.uvarint()?;
        if !(TOPIC..=LEADER_EPOCH_RAISED).contains(&record_type) {
            return Err(DecodeError::UnknownType(record_type));
        }
        if version != VERSION {
            return Err(DecodeError::UnknownVersion { record_type, version });
        }
        let record = Self::decode_fields(record_type, &mut reader)?;
        reader.skip_tagged_fields()?;
        if !reader.is_empty() {
            return Err(DecodeError::Malformed("bytes behind a record"));
        }
        Ok(record)
    }

    fn decode_fields(record_type: u64, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match record_type {
            TOPIC => Self::Topic {
                id: TopicId::from_bytes(reader.array()?),
                name: reader.string()?,
                partition_count: reader.i32()?,
                replication_factor: reader.i16()?,
            },
            PARTITIONS_ADDED => Self::PartitionsAdded {
                topic: TopicId::from_bytes(reader.array()?),
                partition_count: reader.i32()?,
            },
            TOPIC_REMOVED => Self::TopicRemoved { topic: TopicId::from_bytes(reader.array()?) },
            CONFIG_SET => Self::ConfigSet {
                resource: ConfigResource::decode(reader)?,
                name: reader.string()?,
                value: reader.nullable_string()?,
            },
            PRODUCER_ID_BLOCK => Self::ProducerIdBlock { next: ProducerId::new(reader.i64()?) },
            BROKER => Self::Broker {
                node_id: NodeId::new(reader.i32()?),
                rack: reader.nullable_string()?,
            },
            LEADER_EPOCH_RAISED => Self::LeaderEpochRaised {
                partition: PartitionId::new(
                    TopicId::from_bytes(reader.array()?),
                    PartitionIndex::new(reader.i32()?),
                ),
                leader_epoch: LeaderEpoch::new(reader.i32()?),
            },
            other => return Err(DecodeError::UnknownType(other)),
        })
    }

    fn type_number(&self) -> u64 {
        match self {
            Self::Topic { .. } => TOPIC,
            Self::PartitionsAdded { .. } => PARTITIONS_ADDED,
            Self::TopicRemoved { .. } => TOPIC_REMOVED,
            Self::ConfigSet { .. } => CONFIG_SET,
            Self::ProducerIdBlock { .. } => PRODUCER_ID_BLOCK,
            Self::Broker { .. } => BROKER,
            Self::LeaderEpochRaised { .. } => LEADER_EPOCH_RAISED,
        }
    }
}

/// Appends records one after the other, each with its length in front.
pub fn encode_records(records: &[Record], out: &mut Vec<u8>) {
    let mut one = Vec::new();
    for record in records {
        one.clear();
        record.encode(&mut one);
        put_sized(out, &one);
    }
}

/// Reads what [`encode_records`] wrote, to the end of `bytes`.
///
/// # Errors
/// As [`Record::decode`].
pub fn decode_records(bytes: &[u8]) -> Result<Vec<Record>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut records = Vec::new();
    while !reader.is_empty() {
        records.push(Record::decode(reader.sized()?)?);
    }
    Ok(records)
}

#[cfg(test)]
#[path = "record_test.rs"]
mod record_test;
