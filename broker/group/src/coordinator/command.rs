//! What a coordinator can be asked. Everything in here is owned: no request's frame is held.

use bytes::Bytes;
use pelton_model::{TimestampMs, TopicId};

use crate::ids::{GroupId, InstanceId, MemberId, TopicName};
use crate::record::Assignment;

/// One request about one group, but for [`Command::List`] and [`Command::ForgetTopics`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Join(Join),
    Sync(Sync),
    Heartbeat(Heartbeat),
    Leave(Leave),
    ConsumerHeartbeat(ConsumerHeartbeat),
    CommitOffsets(CommitOffsets),
    FetchOffsets(FetchOffsets),
    DeleteOffsets(DeleteOffsets),
    Describe {
        group: GroupId,
    },
    DescribeConsumer {
        group: GroupId,
    },
    /// At most `count_max` groups behind `after`, in the order of their names.
    List {
        after: Option<GroupId>,
        count_max: usize,
    },
    DeleteGroup {
        group: GroupId,
    },
    /// Topics are gone: their offsets go as well, in every group behind `after`, of which at most
    /// `count_max` are looked at. A topic has to be named by its id, and once more by
    /// [`TopicId::ZERO`] for offsets that were committed without one.
    ForgetTopics {
        topics: Vec<(TopicName, TopicId)>,
        after: Option<GroupId>,
        count_max: usize,
    },
}

/// JoinGroup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Join {
    pub group: GroupId,
    /// Empty: a new member.
    pub member_id: MemberId,
    pub instance_id: Option<InstanceId>,
    pub client_id: String,
    /// As Kafka writes addresses: `/127.0.0.1`.
    pub client_host: String,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    pub protocol_type: String,
    /// In the order of the member's preference.
    pub protocols: Vec<Protocol>,
    /// A dynamic member without an id gets one and has to come again with it (KIP-394; from
    /// JoinGroup 4).
    pub requires_known_member_id: bool,
    /// A static leader that returns need not assign again (from JoinGroup 9).
    pub can_skip_assignment: bool,
    /// What a new member's id ends in; nobody may have had it before.
    pub fresh_uuid: String,
}

/// A way to assign that a member knows, and what it says about itself for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protocol {
    pub name: String,
    pub metadata: Bytes,
}

/// SyncGroup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sync {
    pub group: GroupId,
    pub generation: i32,
    pub member_id: MemberId,
    pub instance_id: Option<InstanceId>,
    /// Checked where given.
    pub protocol_type: Option<String>,
    /// Checked where given.
    pub protocol: Option<String>,
    /// From the leader.
    pub assignments: Vec<(MemberId, Bytes)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heartbeat {
    pub group: GroupId,
    pub generation: i32,
    pub member_id: MemberId,
    pub instance_id: Option<InstanceId>,
}

/// LeaveGroup, of several members at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leave {
    pub group: GroupId,
    pub members: Vec<LeavingMember>,
}

/// A static member may be named by its instance id alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeavingMember {
    pub member_id: MemberId,
    pub instance_id: Option<InstanceId>,
}

/// ConsumerGroupHeartbeat (KIP-848). None, and -1 for the timeout: as the member said before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerHeartbeat {
    pub group: GroupId,
    pub member_id: MemberId,
    /// 0: it joins; -1: it leaves; -2: a static member leaves to return.
    pub member_epoch: i32,
    pub instance_id: Option<InstanceId>,
    pub rack_id: Option<String>,
    pub rebalance_timeout_ms: i32,
    pub client_id: String,
    /// As Kafka writes addresses: `/127.0.0.1`.
    pub client_host: String,
    pub topics: Option<Vec<TopicName>>,
    /// Empty: no regular expression any more.
    pub regex: Option<String>,
    pub server_assignor: Option<String>,
    pub owned: Option<Assignment>,
    /// A member draws its id itself (from ConsumerGroupHeartbeat 1).
    pub requires_member_id: bool,
    /// The id of a new member that does not bring one; nobody may have had it before.
    pub fresh_id: MemberId,
}

/// OffsetCommit. That the partitions exist has been checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitOffsets {
    pub group: GroupId,
    /// Negative: not a member. Of the consumer protocol, the member's epoch.
    pub generation: i32,
    pub member_id: MemberId,
    pub instance_id: Option<InstanceId>,
    /// From OffsetCommit 9: a member of the consumer protocol may commit, and an unknown group is
    /// GROUP_ID_NOT_FOUND, else ILLEGAL_GENERATION.
    pub knows_member_epochs: bool,
    /// From OffsetCommit 2 to 4.
    pub retention_ms: Option<i64>,
    pub offsets: Vec<OffsetToCommit>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetToCommit {
    pub topic: TopicName,
    pub topic_id: TopicId,
    pub partition: i32,
    pub offset: i64,
    /// -1: not given.
    pub leader_epoch: i32,
    pub metadata: Option<String>,
    /// The topic was deleted on the commit's way here: a topic that takes its name later must not
    /// find the offset.
    pub topic_is_gone: bool,
}

/// OffsetFetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchOffsets {
    pub group: GroupId,
    /// None: all that the group has.
    pub topics: Option<Vec<TopicPartitions>>,
    /// Checked in groups of the consumer protocol; none, and a negative epoch: nobody in particular
    /// asks.
    pub member_id: Option<MemberId>,
    pub member_epoch: i32,
}

/// OffsetDelete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOffsets {
    pub group: GroupId,
    pub topics: Vec<TopicPartitions>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicPartitions {
    pub topic: TopicName,
    pub partitions: Vec<i32>,
}

impl Command {
    /// The group that is asked about.
    pub fn group(&self) -> Option<&GroupId> {
        match self {
            Self::Join(Join { group, .. })
            | Self::Sync(Sync { group, .. })
            | Self::Heartbeat(Heartbeat { group, .. })
            | Self::Leave(Leave { group, .. })
            | Self::CommitOffsets(CommitOffsets { group, .. })
            | Self::FetchOffsets(FetchOffsets { group, .. })
            | Self::DeleteOffsets(DeleteOffsets { group, .. })
            | Self::ConsumerHeartbeat(ConsumerHeartbeat { group, .. })
            | Self::Describe { group }
            | Self::DescribeConsumer { group }
            | Self::DeleteGroup { group } => Some(group),
            Self::List { .. } | Self::ForgetTopics { .. } => None,
        }
    }
}

impl Default for FetchOffsets {
    fn default() -> Self {
        let group = GroupId::default();
        Self { group, topics: None, member_id: None, member_epoch: -1 }
    }
}

impl OffsetToCommit {
    /// What is stored of it.
    pub(crate) fn committed(
        self,
        now: TimestampMs,
        retention_ms: Option<i64>,
    ) -> crate::CommittedOffset {
        crate::CommittedOffset {
            offset: self.offset,
            leader_epoch: self.leader_epoch,
            metadata: self.metadata.unwrap_or_default().into(),
            commit_timestamp: now,
            expire_timestamp: retention_ms
                .map(|retention| TimestampMs::new(now.get().saturating_add(retention))),
            topic_id: self.topic_id,
        }
    }
}
