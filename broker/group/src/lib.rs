//! The coordinator of consumer groups as a pure state machine.
//!
//! A [`Coordinator`] is what one partition of `__consumer_offsets` stands for. It takes a
//! [`Command`] and gives [`Effects`]: [`Record`]s for the partition's log, and replies. It has
//! changed its state already then, as if the records were durable. The caller appends them in
//! order, and lets no reply out before everything that the coordinator has given so far is
//! durable. Should an append fail, the state is ahead of the log: the caller throws the coordinator
//! away, tells everyone who waits, and makes a new one by replaying the log.
//!
//! Requests that wait for others (JoinGroup, SyncGroup) are parked under the caller's [`Token`];
//! their replies come with the effects of a later command or timer. Timers are kept here in order;
//! the caller asks for the [next deadline](Coordinator::next_deadline) and calls
//! [`Coordinator::fire`].
//!
//! Nothing here reads a clock, a file or a random number: time and fresh member ids are arguments.
//!
//! `classic` is the protocol of JoinGroup and SyncGroup; another protocol's groups are a module
//! beside it and a variant of `coordinator::Kind`.

mod classic;
mod codec;
mod config;
mod coordinator;
mod error;
mod ids;
pub mod limits;
mod offsets;
mod partition;
mod record;
mod timers;

#[cfg(test)]
mod bench_test;

pub use classic::State;
pub use codec::DecodeError;
pub use config::GroupConfig;
pub use coordinator::Coordinator;
pub use coordinator::command::{
    Command, CommitOffsets, DeleteOffsets, FetchOffsets, Heartbeat, Join, Leave, LeavingMember,
    OffsetToCommit, Protocol, Sync, TopicPartitions,
};
pub use coordinator::effects::{Effects, Now, Token};
pub use coordinator::figures::{Figures, GroupFigures};
pub use coordinator::reply::{
    Description, FetchedOffset, JoinRefused, Joined, JoinedMember, LeftMember, Listing,
    MemberDescription, PartitionOutcome, Reply, Synced, TopicOffsets,
};
pub use error::GroupError;
pub use ids::{GroupId, InstanceId, MemberId, TopicName};
pub use partition::partition_of;
pub use record::{CommittedOffset, GroupMetadata, MemberMetadata, Record};
