//! What a verb answers when it refuses.

use std::fmt;

/// Kafka's error that a refusal becomes; named as Kafka names it, its code in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorKind {
    /// [3]
    UnknownTopicOrPartition,
    /// [17]
    InvalidTopicException,
    /// [36]
    TopicAlreadyExists,
    /// [37]
    InvalidPartitions,
    /// [38]
    InvalidReplicationFactor,
    /// [39]
    InvalidReplicaAssignment,
    /// [40]
    InvalidConfig,
    /// [42]
    InvalidRequest,
    /// [44]
    PolicyViolation,
    /// [73]
    TopicDeletionDisabled,
    /// [100]
    UnknownTopicId,
}

/// A refusal: what the client is told. The message is `None` where Kafka sends null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterError {
    pub kind: ErrorKind,
    pub message: Option<String>,
}

impl ClusterError {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: Some(message.into()) }
    }

    /// A refusal whose code says it all.
    pub fn without_message(kind: ErrorKind) -> Self {
        Self { kind, message: None }
    }

    pub(crate) fn invalid_config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidConfig, message)
    }

    pub(crate) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRequest, message)
    }
}

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(f, "{:?}: {message}", self.kind),
            None => write!(f, "{:?}", self.kind),
        }
    }
}

impl std::error::Error for ClusterError {}
