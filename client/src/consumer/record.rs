//! What comes out of a consumer.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use pelton_model::batch::TimestampType;
use pelton_model::{Offset, PartitionIndex, TimestampMs};

/// A partition by its topic's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    pub topic: Arc<str>,
    pub partition: PartitionIndex,
}

impl TopicPartition {
    pub fn new(topic: &str, partition: i32) -> Self {
        Self { topic: topic.into(), partition: PartitionIndex::new(partition) }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// A record that was read. Its bytes share the memory of its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerRecord {
    pub topic: Arc<str>,
    pub partition: PartitionIndex,
    pub offset: Offset,
    pub timestamp: TimestampMs,
    pub timestamp_type: TimestampType,
    pub key: Option<Bytes>,
    /// None is a tombstone.
    pub value: Option<Bytes>,
    pub headers: Vec<Header>,
}

/// A header of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// UTF-8, if the producer kept to the rules.
    pub name: Bytes,
    pub value: Option<Bytes>,
}

/// What a consumer meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Record(ConsumerRecord),
    /// Everything visible has been read; told again when more was read and the end reached again.
    EndOfPartition {
        topic: Arc<str>,
        partition: PartitionIndex,
        /// Of the record that will come next.
        offset: Offset,
    },
}
