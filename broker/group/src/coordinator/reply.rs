//! What a coordinator answers; each shape belongs to the command of its name.

use std::sync::Arc;

use bytes::Bytes;

use crate::assignor::Assignor;
use crate::classic::State;
use crate::consumer::ConsumerState;
use crate::error::GroupError;
use crate::ids::{GroupId, InstanceId, MemberId, TopicName};
use crate::record::{Assignment, ConsumerMemberMetadata};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Joined(Result<Joined, JoinRefused>),
    Synced(Result<Synced, GroupError>),
    Beaten(Result<(), GroupError>),
    /// One outcome per member asked, in order.
    Left(Result<Vec<LeftMember>, GroupError>),
    ConsumerBeaten(Result<ConsumerBeat, GroupError>),
    /// One outcome per offset asked, in order.
    Committed(Result<Vec<Result<(), GroupError>>, GroupError>),
    Fetched(Result<Vec<TopicOffsets>, GroupError>),
    OffsetsDeleted(Result<Vec<PartitionOutcome>, GroupError>),
    Described(Result<Description, GroupError>),
    ConsumerDescribed(Result<ConsumerDescription, GroupError>),
    /// The last name is where to go on from; fewer than asked for: that was all.
    Listed(Vec<Listing>),
    GroupDeleted(Result<(), GroupError>),
    /// Where to go on from; none: that was all.
    Forgotten(Option<GroupId>),
}

/// The group's new generation, as one member gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    pub generation: i32,
    pub protocol_type: Option<String>,
    pub protocol: Option<String>,
    pub leader: MemberId,
    pub skip_assignment: bool,
    pub member_id: MemberId,
    /// For the leader, else empty.
    pub members: Vec<JoinedMember>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedMember {
    pub member_id: MemberId,
    pub instance_id: Option<InstanceId>,
    /// For the chosen protocol.
    pub metadata: Bytes,
}

/// A JoinGroup that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinRefused {
    pub error: GroupError,
    /// What the answer names: with MEMBER_ID_REQUIRED the id to come again with.
    pub member_id: MemberId,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synced {
    pub protocol_type: Option<String>,
    pub protocol: Option<String>,
    pub assignment: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftMember {
    pub member_id: MemberId,
    pub instance_id: Option<InstanceId>,
    pub outcome: Result<(), GroupError>,
}

/// What a member of the consumer protocol is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerBeat {
    pub member_id: MemberId,
    pub member_epoch: i32,
    pub heartbeat_interval_ms: i32,
    /// All that the member is to have now; none: as before.
    pub assignment: Option<Assignment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicOffsets {
    pub topic: TopicName,
    pub partitions: Vec<FetchedOffset>,
}

/// -1, -1 and no metadata: nothing is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedOffset {
    pub partition: i32,
    pub offset: i64,
    pub leader_epoch: i32,
    pub metadata: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionOutcome {
    pub topic: TopicName,
    pub partition: i32,
    pub outcome: Result<(), GroupError>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    pub state: State,
    pub protocol_type: String,
    /// Only of a stable group, else empty.
    pub protocol: String,
    pub members: Vec<MemberDescription>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberDescription {
    pub member_id: MemberId,
    pub instance_id: Option<InstanceId>,
    pub client_id: String,
    pub client_host: String,
    /// For the chosen protocol; only of a stable group, else empty.
    pub metadata: Bytes,
    pub assignment: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    pub group: GroupId,
    pub protocol_type: String,
    pub state: GroupState,
    /// Kafka's name of the group's protocol: `classic`, `consumer`.
    pub kind: &'static str,
}

/// Of a group by whatever protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupState {
    Classic(State),
    Consumer(ConsumerState),
}

impl GroupState {
    /// As Kafka's answers spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classic(state) => state.name(),
            Self::Consumer(state) => state.name(),
        }
    }
}

/// A group of the consumer protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerDescription {
    pub state: ConsumerState,
    pub group_epoch: i32,
    pub assignment_epoch: i32,
    pub assignor: Assignor,
    pub members: Vec<ConsumerMemberDescription>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerMemberDescription {
    pub member_id: MemberId,
    pub metadata: ConsumerMemberMetadata,
    pub member_epoch: i32,
    /// With what it is to give up.
    pub assignment: Assignment,
    pub target: Assignment,
}
