//! Kafka's wire format, and nothing else: no sockets, no clock, no broker state.
//!
//! Two ways lead from bytes to values. The requests that carry records, Produce and Fetch, have
//! codecs of their own ([`produce`], [`fetch`]): they walk the frame once and hand out slices of
//! it. Everything else goes through [`messages`], a thin face over the generated structures of
//! the `kafka-wire` crate.
//!
//! Both take bodies as they come from strangers: every error is a [`DecodeError`], nothing panics,
//! and nothing is allocated by a count that the bytes do not back.

mod api;
pub mod consumer_protocol;
mod error_code;
pub mod fetch;
pub mod frame;
mod header;
mod leader;
pub mod messages;
pub mod produce;
mod read;
mod topic;
pub mod versions;
mod write;

pub use api::ApiKey;
pub use error_code::ErrorCode;
pub use frame::Frame;
pub use header::{RequestHeader, ResponseHeader};
pub use kafka_wire as wire;
pub use kafka_wire_core::{DecodeError, EncodeError, StrBytes, Uuid};
pub use leader::{CurrentLeader, NodeEndpoint};
pub use topic::{TopicRef, topic_id_of, uuid_of};
