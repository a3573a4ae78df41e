//! A client for Pelton, and for any other broker that speaks Kafka's protocol.
//!
//! - [`Cluster`]: brokers, topics, leaders, connections; what the others stand on.
//! - [`Producer`]: records into batches into requests, in order and without duplicates.
//! - [`Consumer`]: records of chosen partitions from a chosen place on. (No groups.)
//! - [`Admin`]: topics and configs.
//!
//! Everything runs on the tokio runtime that it is called in; one thread suffices. Only
//! unencrypted listeners without authentication are spoken to.
//!
//! ```no_run
//! use pelton_client::{ClientOptions, Cluster, Producer, ProducerOptions, ProducerRecord};
//!
//! # async fn example() -> pelton_client::Result<()> {
//! let cluster = Cluster::connect(ClientOptions::new("127.0.0.1:9092")).await?;
//! let producer = Producer::new(cluster, ProducerOptions::default())?;
//! let record = ProducerRecord { value: Some(b"hello"), ..ProducerRecord::to("greetings") };
//! let delivered = producer.send(&record).await?.wait().await?;
//! println!("{}/{} at {:?}", delivered.topic, delivered.partition, delivered.offset);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod admin;
mod backoff;
mod clock;
mod cluster;
mod connection;
mod consumer;
mod error;
mod group;
mod offsets;
mod options;
mod producer;
mod random;
mod retry;
mod transport;

pub use admin::{
    Admin, ClusterDescription, Config, ConfigChange, ConfigResource, ConfigSource, CreatedTopic,
    GroupDescription, GroupMember, ListedGroup, NewTopic,
};
pub use cluster::{Broker, Cluster, Partition, Topic};
pub use connection::{Answer, Connection, Pending};
pub use consumer::{
    Assignor, Consumer, ConsumerOptions, ConsumerRecord, Event, GroupOptions, Header, OffsetReset,
    Partitions, RebalanceListener, StartAt, TopicPartition,
};
pub use error::{Error, Result};
pub use group::offsets::Committed;
pub use offsets::{OffsetAt, list_offsets};
pub use options::{ClientOptions, SecurityProtocol};
pub use pelton_model::Compression;
pub use producer::{
    Acks, Delivered, Delivery, Producer, ProducerOptions, ProducerRecord, partition_of_key,
};
