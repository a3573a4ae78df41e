//! Why a measurement ends without a figure.

use std::fmt;
use std::io;

use pelton_kafka::ErrorCode;

use crate::failures::Failures;

/// The result of everything in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// Nothing here is tried again: a run that was disturbed is no measurement.
#[derive(Debug)]
pub enum Error {
    /// The caller asked for something that makes no sense, or that is not supported.
    Invalid(String),
    /// Creating topics and asking for leaders goes through the client crate.
    Client(pelton_client::Error),
    /// A connection of the load itself.
    Connection { address: String, reason: String },
    /// The broker answered a request of the load with an error that no retry would mend.
    Broker { context: String, code: ErrorCode },
    /// The broker did not take all that a topic was to be filled with; a reason, if it gave one.
    NotFilled { failures: Failures, first_error: Option<String> },
    /// A file, a device, or what the system tells of a process.
    Io { context: String, error: io::Error },
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

impl Error {
    pub(crate) fn connection(address: &str, reason: impl fmt::Display) -> Self {
        Error::Connection { address: address.into(), reason: reason.to_string() }
    }

    pub(crate) fn io(context: impl fmt::Display) -> impl FnOnce(io::Error) -> Self {
        let context = context.to_string();
        move |error| Error::Io { context, error }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Invalid(reason) => f.write_str(reason),
            Error::Client(error) => error.fmt(f),
            Error::Connection { address, reason } => write!(f, "{address}: {reason}"),
            Error::Broker { context, code } => write!(f, "{context}: {code}"),
            Error::NotFilled { failures, first_error } => {
                write!(f, "the topic was not filled: {failures}")?;
                first_error.iter().try_for_each(|reason| write!(f, " ({reason})"))
            }
            Error::Io { context, error } => write!(f, "{context}: {error}"),
            Error::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Error {}

impl From<pelton_client::Error> for Error {
    fn from(error: pelton_client::Error) -> Self {
        Error::Client(error)
    }
}
