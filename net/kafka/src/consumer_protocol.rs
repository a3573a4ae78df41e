//! What consumers tell one another inside JoinGroup and SyncGroup, past the broker: subscriptions
//! and assignments of the protocol type "consumer". Each begins with its version, an i16.

use bytes::{Bytes, BytesMut};
use kafka_wire_core::{ApiVersion, DecodeError, Decoder, EncodeError, KafkaDecode};

pub use kafka_wire::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};

use crate::messages::limits;

/// The protocol type of groups of consumers.
pub const PROTOCOL_TYPE: &str = "consumer";

/// The newest version of both that we know.
const VERSION_MAX: i16 = 3;

/// Fails if the message has what `version` cannot carry, or is too long.
pub fn encode_subscription(
    subscription: &ConsumerProtocolSubscription,
    version: i16,
) -> Result<Bytes, EncodeError> {
    let (mut bytes, version) = (BytesMut::new(), ApiVersion::new(version));
    kafka_wire::encode_consumer_protocol_subscription(&mut bytes, subscription, version)?;
    Ok(bytes.freeze())
}

/// Fails as [`encode_subscription`] does.
pub fn encode_assignment(
    assignment: &ConsumerProtocolAssignment,
    version: i16,
) -> Result<Bytes, EncodeError> {
    let (mut bytes, version) = (BytesMut::new(), ApiVersion::new(version));
    kafka_wire::encode_consumer_protocol_assignment(&mut bytes, assignment, version)?;
    Ok(bytes.freeze())
}

/// A version from the future is read as the newest that is known: what it adds stands behind.
pub fn decode_subscription(bytes: Bytes) -> Result<ConsumerProtocolSubscription, DecodeError> {
    decode(bytes)
}

/// As [`decode_subscription`]. No bytes at all are an empty assignment: a leader may leave a member
/// out.
pub fn decode_assignment(bytes: Bytes) -> Result<ConsumerProtocolAssignment, DecodeError> {
    if bytes.is_empty() {
        return Ok(ConsumerProtocolAssignment::default());
    }
    decode(bytes)
}

fn decode<M: KafkaDecode>(bytes: Bytes) -> Result<M, DecodeError> {
    let mut decoder = Decoder::new(bytes, limits())?;
    let version = decoder.read_i16()?.min(VERSION_MAX);
    M::decode(&mut decoder, ApiVersion::new(version))
}

#[cfg(test)]
#[path = "consumer_protocol_test.rs"]
mod consumer_protocol_test;
