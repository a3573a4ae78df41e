//! What stands between a frame's length and its body.

use bytes::Bytes;
use kafka_wire_core::{DecodeError, EncodeError, StrBytes};

use crate::ApiKey;
use crate::read::Reader;
use crate::versions::{request_header_version, response_header_version};
use crate::write::Writer;

/// In front of every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    pub api_key: ApiKey,
    pub api_version: i16,
    /// Comes back in the answer. Any value, chosen by the client.
    pub correlation_id: i32,
    /// A slice of the frame: holding it holds the frame.
    pub client_id: Option<StrBytes>,
}

impl RequestHeader {
    /// Reads the header of a frame (without its length); the rest is the body.
    ///
    /// Kind and version need not be known: whether to answer is the caller's decision, see
    /// [`versions::is_served`](crate::versions::is_served). An ApiVersions request of the future
    /// must be answered, and its header has this form for ever.
    pub fn decode(frame: Bytes) -> Result<(RequestHeader, Bytes), DecodeError> {
        // The client id is never compact, not even in a header with tagged fields (KIP-482).
        let mut reader = Reader::new(frame, false);
        let api_key = ApiKey::new(reader.i16()?);
        let api_version = reader.i16()?;
        let correlation_id = reader.i32()?;
        let client_id = reader.nullable_string()?;
        reader.set_flexible(request_header_version(api_key, api_version) >= 2);
        reader.skip_tags()?;
        Ok((RequestHeader { api_key, api_version, correlation_id, client_id }, reader.into_rest()))
    }

    /// Leaves the writer set for the body.
    pub(crate) fn encode(
        writer: &mut Writer,
        api_key: ApiKey,
        api_version: i16,
        correlation_id: i32,
        client_id: Option<&str>,
    ) -> Result<(), EncodeError> {
        writer.set_flexible(false);
        writer.i16(api_key.get());
        writer.i16(api_version);
        writer.i32(correlation_id);
        writer.nullable_string(client_id)?;
        writer.set_flexible(request_header_version(api_key, api_version) >= 2);
        writer.no_tags();
        Ok(())
    }
}

/// In front of every answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseHeader {
    /// The request's.
    pub correlation_id: i32,
}

impl ResponseHeader {
    /// Every header begins with the correlation id. A client looks it up there to learn what was
    /// asked, without which it cannot read the rest. `frame` is without its length.
    pub fn peek_correlation_id(frame: &[u8]) -> Option<i32> {
        frame.first_chunk().map(|bytes| i32::from_be_bytes(*bytes))
    }

    /// Reads the header of a frame (without its length) that answers a request of this kind and
    /// version; the rest is the body.
    pub fn decode(
        frame: Bytes,
        api_key: ApiKey,
        api_version: i16,
    ) -> Result<(ResponseHeader, Bytes), DecodeError> {
        let tagged = response_header_version(api_key, api_version) >= 1;
        let mut reader = Reader::new(frame, tagged);
        let correlation_id = reader.i32()?;
        reader.skip_tags()?;
        Ok((ResponseHeader { correlation_id }, reader.into_rest()))
    }

    /// Leaves the writer set for the body.
    pub(crate) fn encode(
        writer: &mut Writer,
        api_key: ApiKey,
        api_version: i16,
        correlation_id: i32,
    ) {
        writer.i32(correlation_id);
        writer.set_flexible(response_header_version(api_key, api_version) >= 1);
        writer.no_tags();
        writer.set_flexible(api_key.is_flexible(api_version));
    }
}

#[cfg(test)]
#[path = "header_test.rs"]
mod header_test;
