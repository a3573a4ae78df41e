//! Cluster metadata as a pure state machine: topics, brokers, configs, blocks of producer ids.
//!
//! A verb (`topics::create_topic`, `config::alter::incremental_alter`, ...) looks at the
//! [`ClusterState`] and answers with the [`Record`]s that would make it so, or with a
//! [`ClusterError`] that names Kafka's code. It changes nothing. The caller makes the records
//! durable in the cluster log ([`log_format`]) and only then applies them, here and on every
//! shard. The same records in the same order give the same state.
//!
//! Nothing here reads a clock, a file or a random number: new topic ids are arguments.

pub mod config;
pub mod error;
pub mod log_format;
pub mod producer_ids;
pub mod record;
pub mod state;
pub mod topic_name;
pub mod topics;

mod codec;

pub use codec::DecodeError;
pub use error::{ClusterError, ErrorKind};
pub use record::{ConfigResource, Record};
pub use state::{ApplyError, Broker, ClusterState, Overrides, Topic};
