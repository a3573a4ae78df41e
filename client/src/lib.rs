#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod admin;
mod backoff;
mod clock;
mod cluster;
mod connection;
mod consumer;
mod error;
mod group;
mod offsets;
mod options;
mod producer;
mod random;
mod retry;
mod transport;

pub use admin::{
    Admin, ClusterDescription, Config, ConfigChange, ConfigResource, ConfigSource, CreatedTopic,
    GroupDescription, GroupEpochs, GroupMember, ListedGroup, NewTopic,
};
pub use cluster::{Broker, Cluster, Partition, Topic};
pub use connection::{Answer, Connection, Pending};
pub use consumer::{
    Assignor, Consumer, ConsumerOptions, ConsumerRecord, Event, GroupOptions, GroupProtocol,
    Header, OffsetReset, Partitions, RebalanceListener, StartAt, TopicPartition,
};
pub use error::{Error, Result};
pub use group::offsets::Committed;
pub use offsets::{OffsetAt, list_offsets};
pub use options::{ClientOptions, SecurityProtocol};
/// What stands in options, records and errors of this crate.
pub use pelton_kafka::{ApiKey, ErrorCode};
pub use pelton_model::{
    Compression, LeaderEpoch, NodeId, Offset, PartitionIndex, TimestampMs, TopicId,
};
pub use producer::{
    Acks, Delivered, Delivery, Producer, ProducerOptions, ProducerRecord, partition_of_key,
};
