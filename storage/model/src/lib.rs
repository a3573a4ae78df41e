//! What every part of Pelton agrees on: identities, offsets, limits and the record batch.
//!
//! This crate is pure: no clock, no files, no sockets, no randomness. Whatever happens at a time
//! takes the time as an argument.

pub mod batch;
pub mod chunk_crc;
pub mod compact;
pub mod compression;
mod crc;
pub mod histogram;
pub mod ids;
pub mod limits;
pub mod producer;

pub use compression::Compression;
pub use ids::{
    LeaderEpoch, NodeId, Offset, PartitionId, PartitionIndex, ProducerEpoch, ProducerId, ShardId,
    TimestampMs, TopicId,
};
