//! The broker: composes storage, network and Kafka's protocol on every core.

pub mod boot;
pub mod config;
pub mod controller;
mod group;
pub mod http;
pub mod kafka;
mod loans;
pub mod message;
mod meta;
pub mod metrics;
mod predecessor;
mod router;
pub mod runtime;
mod shard;

pub use boot::StartError;
pub use boot::readiness::Readiness;
pub use boot::threads::{Broker, Control};
pub use config::BrokerConfig;
pub use meta::DataLock;
pub use runtime::glommio::LOG_FILTER as EXECUTOR_LOG_FILTER;
