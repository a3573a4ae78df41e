//! What a member is asked to do, one step after the other.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use pelton_model::TopicId;
use tokio::time::Instant;

use crate::consumer::options::Assignor;
use crate::consumer::record::TopicPartition;

/// What is to be done next. Only a member by the classic protocol joins, divides and syncs; only one
/// by KIP-848 asks for names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing, until then or until something happens.
    Wait(Option<Instant>),
    /// Partitions go: the user gives them up or has lost them. Then `prepared`.
    Prepare { revoked: BTreeSet<TopicPartition>, lost: BTreeSet<TopicPartition> },
    /// Then `joined`.
    Join { member_id: Arc<str>, protocols: Vec<(Assignor, Bytes)> },
    /// The leader needs the partition counts of these topics. Then `divided`.
    Divide { topics: BTreeSet<Arc<str>> },
    /// Then `synced`.
    Sync { protocol: Arc<str>, assignments: Vec<(Arc<str>, Bytes)> },
    /// Partitions go and come. Then `adopted`.
    Adopt { revoked: BTreeSet<TopicPartition>, added: BTreeSet<TopicPartition> },
    /// The names of these topics are to be found out. Then `learn_names`.
    Name { topics: BTreeSet<TopicId> },
    /// Then `heard`.
    Heartbeat,
}
