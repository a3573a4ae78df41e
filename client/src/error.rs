//! What can go wrong, and what a caller does about it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pelton_kafka::{ApiKey, ErrorCode};

/// The result of everything in this crate that talks to a broker.
pub type Result<T> = std::result::Result<T, Error>;

/// Cheap to clone: one failed batch answers for all its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A broker answered with an error code.
    Broker {
        /// What was asked, for a reader: "produce to orders/3".
        context: Arc<str>,
        code: ErrorCode,
        /// The broker's own words, where the answer has room for them.
        message: Option<Arc<str>>,
    },
    /// A connection could not be made, or broke. What was asked may have been done.
    Connection { address: Arc<str>, reason: Arc<str> },
    /// No answer in time. What was asked may have been done.
    TimedOut { context: Arc<str> },
    /// The broker sent bytes that make no sense, or a record batch that is damaged.
    Protocol { context: Arc<str>, reason: Arc<str> },
    /// The broker serves no version of this request that we know.
    Unsupported { address: Arc<str>, api_key: ApiKey },
    /// The caller asked for something impossible.
    Invalid(Arc<str>),
    /// The producer's buffer had no room for the record in time; nothing was sent.
    BufferFull { waited: Duration },
    /// The record alone is larger than a request may be; nothing was sent.
    RecordTooLarge { bytes: usize, bytes_max: usize },
    /// The member was put out of its consumer group, or its group has gone on without it: what
    /// was to be committed is not.
    NotAMember { group: Arc<str>, reason: Arc<str> },
    /// An earlier attempt may have done it, and the last one failed in this way.
    MayBeDone { last: Arc<Error> },
    /// The client was closed, or its task is gone. What was on its way may have been done.
    Closed,
}

impl Error {
    pub(crate) fn broker(context: impl Into<Arc<str>>, code: ErrorCode) -> Self {
        Error::Broker { context: context.into(), code, message: None }
    }

    pub(crate) fn connection(address: &Arc<str>, reason: impl fmt::Display) -> Self {
        Error::Connection { address: address.clone(), reason: reason.to_string().into() }
    }

    pub(crate) fn protocol(context: impl Into<Arc<str>>, reason: impl fmt::Display) -> Self {
        Error::Protocol { context: context.into(), reason: reason.to_string().into() }
    }

    /// This error of the last attempt, where what an earlier one has come to is not known.
    pub(crate) fn after_an_unknown_outcome(self) -> Self {
        match self.is_outcome_unknown() {
            true => self,
            false => Error::MayBeDone { last: Arc::new(self) },
        }
    }

    /// The broker's code, if it was a broker that said no.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Error::Broker { code, .. } => Some(*code),
            Error::MayBeDone { last } => last.code(),
            _ => None,
        }
    }

    /// Whether the same request may succeed later, perhaps at another broker.
    pub fn is_retriable(&self) -> bool {
        match self {
            Error::Broker { code, .. } => code.is_retriable(),
            Error::Connection { .. } | Error::TimedOut { .. } | Error::BufferFull { .. } => true,
            Error::MayBeDone { last } => last.is_retriable(),
            Error::Protocol { .. }
            | Error::Unsupported { .. }
            | Error::Invalid(_)
            | Error::RecordTooLarge { .. }
            | Error::NotAMember { .. }
            | Error::Closed => false,
        }
    }

    /// Whether what was asked may have been done although it was not acknowledged.
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Error::Broker { code, .. } => matches!(
                code,
                ErrorCode::RequestTimedOut
                    | ErrorCode::NotEnoughReplicasAfterAppend
                    // Raised wherever in its work the broker was.
                    | ErrorCode::KafkaStorageError
                    | ErrorCode::UnknownServerError
            ),
            Error::Connection { .. }
            | Error::TimedOut { .. }
            | Error::Protocol { .. }
            | Error::MayBeDone { .. }
            | Error::Closed => true,
            Error::Unsupported { .. }
            | Error::Invalid(_)
            | Error::BufferFull { .. }
            | Error::RecordTooLarge { .. }
            | Error::NotAMember { .. } => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Broker { context, code, message: None } => write!(f, "{context}: {code}"),
            Error::Broker { context, code, message: Some(message) } => {
                write!(f, "{context}: {code}: {message}")
            }
            Error::Connection { address, reason } => write!(f, "{address}: {reason}"),
            Error::TimedOut { context } => write!(f, "{context}: no answer in time"),
            Error::Protocol { context, reason } => write!(f, "{context}: {reason}"),
            Error::Unsupported { address, api_key } => {
                write!(f, "{address} serves no version of {api_key} that this client knows")
            }
            Error::Invalid(reason) => f.write_str(reason),
            Error::BufferFull { waited } => write!(f, "no room in the buffer within {waited:?}"),
            Error::RecordTooLarge { bytes, bytes_max } => {
                write!(f, "a record of {bytes} bytes, where a request has {bytes_max} at most")
            }
            Error::NotAMember { group, reason } => {
                write!(f, "no longer a member of group {group}: {reason}")
            }
            Error::MayBeDone { last } => {
                write!(f, "{last}, and an earlier attempt may have worked")
            }
            Error::Closed => f.write_str("the client is closed"),
        }
    }
}

impl std::error::Error for Error {}

/// Turns a code of an answer into a result.
pub(crate) fn check(
    code: i16,
    message: Option<&str>,
    context: impl FnOnce() -> String,
) -> Result<()> {
    match ErrorCode::from_code(code) {
        ErrorCode::None => Ok(()),
        code => Err(Error::Broker {
            context: context().into(),
            code,
            message: message.filter(|text| !text.is_empty()).map(Arc::from),
        }),
    }
}

#[cfg(test)]
#[path = "error_test.rs"]
mod error_test;
