//! What an operator asks for, a file for each kind of thing.

mod cluster;
mod configs;
mod describe_group;
mod groups;
mod records;
mod topics;

use pelton_kafka::ErrorCode;

pub use cluster::ClusterDescription;
pub use configs::{Config, ConfigChange, ConfigResource, ConfigSource};
pub use describe_group::{GroupDescription, GroupEpochs, GroupMember};
pub use groups::ListedGroup;
pub use topics::{CreatedTopic, NewTopic};

use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::retry::Retry;

/// The administrative requests. They are tried again for as long as the
/// [`ClientOptions`](crate::ClientOptions) allow: `create_partitions` and `alter_configs` if the
/// connection fails, the others also if the broker's error is worth it.
///
/// `examples/administer.rs`:
/// ```no_run
#[doc = include_str!("../../examples/administer.rs")]
/// ```
#[derive(Clone, Debug)]
pub struct Admin {
    cluster: Cluster,
}

impl Admin {
    pub fn new(cluster: Cluster) -> Self {
        Self { cluster }
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Again while that is worth it. What is not there will not be for being asked again.
    async fn persist<T>(&self, ask: impl AsyncFn() -> Result<T>) -> Result<T> {
        let mut retry = Retry::new(self.cluster.options());
        loop {
            match ask().await {
                Err(error) if error.code() != Some(ErrorCode::UnknownTopicOrPartition) => {
                    retry.after(error).await?;
                }
                outcome => return outcome,
            }
        }
    }

    /// What the broker may take; half of what we wait, so that its answer is the one heard.
    fn timeout_ms(&self) -> i32 {
        i32::try_from(self.cluster.options().request_timeout.as_millis() / 2).unwrap_or(i32::MAX)
    }
}

/// An error if every code is one that another attempt may turn into success; if some topics are
/// done and some not, the caller sees which.
fn retriable(codes: impl Iterator<Item = i16>) -> Result<()> {
    let mut first = None;
    for code in codes.map(ErrorCode::from_code) {
        if !code.is_retriable() {
            return Ok(());
        }
        first.get_or_insert(code);
    }
    first.map_or(Ok(()), |code| Err(Error::broker("controller", code)))
}

fn unanswered(context: String) -> Error {
    Error::protocol(context, "is missing in the answer")
}

#[cfg(test)]
#[path = "admin_test.rs"]
mod admin_test;
