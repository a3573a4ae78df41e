//! Requests and answers that are not on the hot path: generated structures of `kafka-wire`.
//!
//! The structures are at the root of [`wire`] (`MetadataRequest`, `MetadataResponse`), the ones
//! inside them in a module named after the message
//! (`wire::metadata_response::MetadataResponseTopic`). They cannot be built by a literal, since a
//! newer schema may add fields: [`message!`](crate::message) sets some and leaves the rest at
//! Kafka's defaults.
//!
//! Where `kafka-wire` is stricter than Kafka, a body is refused that Kafka would read: a boolean
//! that is neither 0 nor 1, a nullable length below -1, text that is not UTF-8, tagged fields out
//! of order or twice, a known tagged field with bytes to spare. No client that we know sends such
//! things.

use bytes::Bytes;
use kafka_wire_core::{ApiVersion, DecodeLimits, Decoder, KafkaDecode};

pub use kafka_wire as wire;
pub use kafka_wire::{KafkaRequest, KafkaResponse, RequestResponsePair};
pub use kafka_wire_core::{DecodeError, EncodeError, StrBytes, Uuid};

use crate::ApiKey;
use crate::header::{RequestHeader, ResponseHeader};
use crate::read::{ARRAY_ENTRIES_MAX, TAGGED_FIELDS_MAX, TEXT_BYTES_MAX};
use crate::write::Writer;

/// Builds one of the generated structures: the fields named, and Kafka's defaults elsewhere.
///
/// ```
/// use pelton_kafka::message;
/// use pelton_kafka::wire::metadata_response::MetadataResponseBroker;
///
/// let broker = message!(MetadataResponseBroker {
///     node_id: 1,
///     host: "localhost".into(),
///     port: 9092,
/// });
/// assert_eq!(broker.rack, None);
/// ```
#[macro_export]
macro_rules! message {
    ($message:path { $($field:ident: $value:expr),* $(,)? }) => {{
        #[allow(unused_mut, reason = "a structure may be wanted with defaults only")]
        let mut message: $message = ::core::default::Default::default();
        $(message.$field = $value;)*
        message
    }};
}

/// Reads a request's body. Bytes behind it are ignored, as Kafka does in every version.
pub fn decode_request<M: KafkaRequest>(body: Bytes, version: i16) -> Result<M, DecodeError> {
    decode(body, version)
}

/// A complete frame, length and header included, that answers the request `correlation_id`.
///
/// Fails if a field is set that `version` cannot carry and that Kafka's schema does not mark as
/// ignorable, or if the frame exceeds 2 GiB.
pub fn encode_response<M: KafkaResponse>(
    correlation_id: i32,
    version: i16,
    message: &M,
) -> Result<Bytes, EncodeError> {
    let mut writer = Writer::new(128, false);
    ResponseHeader::encode(&mut writer, ApiKey::new(M::API_KEY.value()), version, correlation_id);
    message.encode_into(writer.buffer(), ApiVersion::new(version))?;
    Ok(writer.finish()?.into_contiguous())
}

/// A complete frame, length and header included, for a client to send. Fails as
/// [`encode_response`] does.
pub fn encode_request<M: KafkaRequest>(
    correlation_id: i32,
    client_id: Option<&str>,
    version: i16,
    message: &M,
) -> Result<Bytes, EncodeError> {
    let api_key = ApiKey::new(M::API_KEY.value());
    let mut writer = Writer::new(128, false);
    RequestHeader::encode(&mut writer, api_key, version, correlation_id, client_id)?;
    message.encode_into(writer.buffer(), ApiVersion::new(version))?;
    Ok(writer.finish()?.into_contiguous())
}

/// Reads a frame (without its length) that answers a request sent in `version`. A client that
/// asks for ApiVersions must try 0 itself when the answer's error is UNSUPPORTED_VERSION.
pub fn decode_response<M: KafkaResponse>(
    frame: Bytes,
    version: i16,
) -> Result<(ResponseHeader, M), DecodeError> {
    let (header, body) = ResponseHeader::decode(frame, ApiKey::new(M::API_KEY.value()), version)?;
    Ok((header, decode(body, version)?))
}

fn decode<M: KafkaDecode>(body: Bytes, version: i16) -> Result<M, DecodeError> {
    M::decode(&mut Decoder::new(body, limits())?, ApiVersion::new(version))
}

/// The frame is bounded where it is received. Of its fields only texts have a bound of their own: what
/// is kept of a request is texts, whose length is nobody's reason to count them.
pub(crate) fn limits() -> DecodeLimits {
    let mut limits = DecodeLimits::default();
    limits.max_frame_bytes = i32::MAX as usize;
    limits.max_string_bytes = TEXT_BYTES_MAX;
    limits.max_bytes_bytes = i32::MAX as usize;
    limits.max_tag_bytes = i32::MAX as usize;
    limits.max_total_tag_bytes = i32::MAX as usize;
    limits.max_array_elements = ARRAY_ENTRIES_MAX;
    limits.max_tagged_fields = TAGGED_FIELDS_MAX;
    limits
}

#[cfg(test)]
#[path = "messages_test.rs"]
mod messages_test;
