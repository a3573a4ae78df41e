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
//! `classic` is the protocol of JoinGroup and SyncGroup, `consumer` that of ConsumerGroupHeartbeat
//! (KIP-848); another protocol's groups are a module beside them and a variant of
//! `coordinator::Kind`. What the cluster has of topics and configs comes through [`Cluster`].

mod assignor;
mod classic;
mod cluster;
mod codec;
mod config;
mod consumer;
mod consumer_protocol;
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

pub use assignor::{Assignor, Subscriber};
pub use classic::State;
pub use cluster::{Cluster, ConsumerGroupConfig, TopicShape};
pub use codec::DecodeError;
pub use config::{Assignors, ConsumerConfig, GroupConfig, MigrationPolicy};
pub use consumer::ConsumerState;
pub use coordinator::Coordinator;
pub use coordinator::command::{
    Command, CommitOffsets, ConsumerHeartbeat, DeleteOffsets, FetchOffsets, Heartbeat, Join, Leave,
    LeavingMember, OffsetToCommit, Protocol, Sync, TopicPartitions,
};
pub use coordinator::effects::{Effects, Now, Token};
pub use coordinator::figures::{Figures, GroupFigures};
pub use coordinator::reply::{
    ConsumerBeat, ConsumerDescription, ConsumerMemberDescription, Description, FetchedOffset,
    GroupState, JoinRefused, Joined, JoinedMember, LeftMember, Listing, MemberDescription,
    PartitionOutcome, Reply, Synced, TopicOffsets,
};
pub use error::GroupError;
pub use ids::{GroupId, InstanceId, MemberId, TopicName};
pub use partition::partition_of;
pub use record::{
    Assignment, ClassicMemberMetadata, CommittedOffset, ConsumerGroupMetadata,
    ConsumerMemberMetadata, ConsumerRecord, CurrentAssignment, EpochedAssignment, GroupMetadata,
    MemberMetadata, MemberState, PartitionMetadata, Record, ResolvedRegex,
    TargetAssignmentMetadata, TopicPartitionMetadata,
};
