//! `pelton consume` as a member of a consumer group.

use clap::{Args, ValueEnum};
use pelton_client::{ConsumerOptions, GroupOptions, GroupProtocol, OffsetReset, StartAt};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Failure, Result};

#[derive(Args, Debug)]
pub struct GroupArgs {
    /// Read as a member of this consumer group: its share of the partitions, from the group's
    /// commits on. What was written is committed. --offset, beginning or end, says where to begin
    /// where there is no commit.
    #[arg(short, long, value_name = "GROUP", conflicts_with = "partitions")]
    pub group: Option<String>,
    /// How the group divides the partitions: its members by themselves (classic), its coordinator
    /// (consumer, KIP-848), or the latter where the broker has it (auto).
    #[arg(long, value_name = "PROTOCOL", default_value = "classic", requires = "group")]
    pub group_protocol: Protocol,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Protocol {
    Classic,
    Consumer,
    Auto,
}

impl From<Protocol> for GroupProtocol {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Classic => GroupProtocol::Classic,
            Protocol::Consumer => GroupProtocol::Consumer,
            Protocol::Auto => GroupProtocol::Auto,
        }
    }
}

impl GroupArgs {
    pub fn options(&self, start: StartAt) -> Result<ConsumerOptions> {
        let Some(id) = &self.group else { return Ok(ConsumerOptions::default()) };
        let offset_reset = match start {
            StartAt::Beginning => OffsetReset::Earliest,
            StartAt::End => OffsetReset::Latest,
            StartAt::Offset(_) | StartAt::BeforeEnd(_) | StartAt::Timestamp(_) => {
                let reason = "a group begins at its commits: --offset can be beginning or end only";
                return Err(Failure::Usage(reason.into()));
            }
        };
        let group = GroupOptions { protocol: self.group_protocol.into(), ..GroupOptions::new(id) };
        Ok(ConsumerOptions { group: Some(group), offset_reset, ..ConsumerOptions::default() })
    }
}

/// Being told to stop, for whoever has something to do before.
pub struct Stop([Signal; 2]);

impl Stop {
    /// From now on SIGINT and SIGTERM do not end the process.
    pub fn watch() -> Result<Self> {
        Ok(Self([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?]))
    }

    pub async fn told(&mut self) {
        let [interrupt, terminate] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}
