//! What both consumers and the admin ask a group's coordinator.

pub(crate) mod coordinator;
pub(crate) mod instance;
pub(crate) mod offsets;

use pelton_kafka::ErrorCode;

use crate::error::Error;

/// Whether it is the broker's age, or its configuration, that stands in the way of KIP-848.
pub(crate) fn lacks_consumer_protocol(error: &Error) -> bool {
    matches!(error, Error::Unsupported { .. })
        || error.code() == Some(ErrorCode::UnsupportedVersion)
}
