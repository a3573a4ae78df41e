//! How a client reaches its cluster, and how patient it is.

use std::time::Duration;

use crate::backoff::Backoff;
use crate::error::{Error, Result};

/// What holds for all of a client's requests. Kafka's own name of each stands in brackets.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// `host:port` of one or more brokers; the rest is learnt from them. \[bootstrap.servers]
    pub bootstrap: Vec<String>,
    /// Stands in every request, for the broker's logs and quotas. \[client.id]
    pub client_id: String,
    /// How connections are protected. \[security.protocol]
    pub security: SecurityProtocol,
    /// One attempt to connect. Default 5 s. \[socket.connection.setup.timeout.ms]
    pub connect_timeout: Duration,
    /// One request, from when it was handed over to its answer, beyond the time that the request
    /// itself asks the broker to wait. Default 30 s. \[request.timeout.ms]
    pub request_timeout: Duration,
    /// Attempts end with the last error after this. Default 60 s. \[default.api.timeout.ms]
    pub retry_timeout: Duration,
    /// The first pause between attempts; doubles up to `retry_backoff_max`, and is off by up to a
    /// fifth by chance. Default 100 ms. \[retry.backoff.ms]
    pub retry_backoff: Duration,
    /// Default 1 s. \[retry.backoff.max.ms]
    pub retry_backoff_max: Duration,
    /// The same between attempts to connect to one address. Default 50 ms.
    /// \[reconnect.backoff.ms]
    pub reconnect_backoff: Duration,
    /// Default 1 s. \[reconnect.backoff.max.ms]
    pub reconnect_backoff_max: Duration,
    /// What is known of a topic is asked for anew after this, and forgotten if nobody has used it
    /// in the meantime. Default 5 min. \[metadata.max.age.ms]
    pub metadata_max_age: Duration,
    /// Whether asking for a topic that does not exist creates it, if the broker allows that.
    /// Default no. \[allow.auto.create.topics]
    pub create_topics: bool,
}

/// How connections to brokers are protected. Only [`SecurityProtocol::Plaintext`] is there; the
/// others are refused by [`Cluster::connect`](crate::Cluster::connect) with [`Error::Invalid`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecurityProtocol {
    /// Neither encrypted nor authenticated.
    #[default]
    Plaintext,
    /// TLS.
    Ssl,
    /// SASL without encryption.
    SaslPlaintext,
    /// SASL over TLS.
    SaslSsl,
}

impl SecurityProtocol {
    /// Kafka's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }
}

impl ClientOptions {
    /// The defaults, for a list like `a:9092,b:9092`.
    pub fn new(bootstrap: &str) -> Self {
        Self {
            bootstrap: bootstrap
                .split(',')
                .map(str::trim)
                .filter(|address| !address.is_empty())
                .map(String::from)
                .collect(),
            client_id: "pelton-client".into(),
            security: SecurityProtocol::Plaintext,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            retry_timeout: Duration::from_secs(60),
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(1),
            reconnect_backoff: Duration::from_millis(50),
            reconnect_backoff_max: Duration::from_secs(1),
            metadata_max_age: Duration::from_secs(300),
            create_topics: false,
        }
    }

    /// [`Error::Invalid`] if there is nobody to connect to, or no way to, or an option is beyond what
    /// the protocol can say.
    pub(crate) fn check(&self) -> Result<()> {
        check_name("client.id", &self.client_id, STRING_BYTES_MAX)?;
        check_durations(&[
            ("socket.connection.setup.timeout.ms", self.connect_timeout),
            ("request.timeout.ms", self.request_timeout),
            ("default.api.timeout.ms", self.retry_timeout),
            ("retry.backoff.ms", self.retry_backoff),
            ("retry.backoff.max.ms", self.retry_backoff_max),
            ("reconnect.backoff.ms", self.reconnect_backoff),
            ("reconnect.backoff.max.ms", self.reconnect_backoff_max),
            ("metadata.max.age.ms", self.metadata_max_age),
        ])?;
        if self.bootstrap.is_empty() {
            return Err(Error::Invalid("no bootstrap address".into()));
        }
        match self.security {
            SecurityProtocol::Plaintext => Ok(()),
            other => {
                let reason = format!("security.protocol={} is not supported yet", other.name());
                Err(Error::Invalid(reason.into()))
            }
        }
    }

    pub(crate) fn retry_backoff(&self) -> Backoff {
        Backoff { first: self.retry_backoff, max: self.retry_backoff_max }
    }

    pub(crate) fn reconnect_backoff(&self) -> Backoff {
        Backoff { first: self.reconnect_backoff, max: self.reconnect_backoff_max }
    }
}

/// Kafka counts milliseconds in an i32. Some 25 days: sums of a few and a moment stay far from where
/// a moment ends.
const DURATION_MAX: Duration = Duration::from_millis(i32::MAX as u64);

/// The protocol counts a string's bytes in an i16.
pub(crate) const STRING_BYTES_MAX: usize = i16::MAX as usize;

/// By Kafka's names of the options.
pub(crate) fn check_durations(durations: &[(&str, Duration)]) -> Result<()> {
    match durations.iter().find(|(_, duration)| *duration > DURATION_MAX) {
        Some((name, _)) => {
            Err(Error::Invalid(format!("{name} must be at most {}", i32::MAX).into()))
        }
        None => Ok(()),
    }
}

/// By Kafka's name of the option.
pub(crate) fn check_name(name: &str, value: &str, bytes_max: usize) -> Result<()> {
    match value.len() > bytes_max {
        true => Err(Error::Invalid(format!("{name} has more than {bytes_max} bytes").into())),
        false => Ok(()),
    }
}

#[cfg(test)]
#[path = "options_test.rs"]
mod options_test;
