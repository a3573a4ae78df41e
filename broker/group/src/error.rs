//! What a coordinator answers when it refuses.

/// Kafka's errors that a group can give, named as Kafka names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupError {
    InvalidGroupId,
    InvalidSessionTimeout,
    InconsistentGroupProtocol,
    MemberIdRequired,
    UnknownMemberId,
    FencedInstanceId,
    IllegalGeneration,
    RebalanceInProgress,
    GroupMaxSizeReached,
    GroupIdNotFound,
    NonEmptyGroup,
    GroupSubscribedToTopic,
    UnknownTopicOrPartition,
    OffsetMetadataTooLarge,
    FencedMemberEpoch,
    StaleMemberEpoch,
    UnreleasedInstanceId,
    UnsupportedAssignor,
    InvalidRegularExpression,
    /// With the reason.
    InvalidRequest(&'static str),
    /// A member of the consumer protocol cannot say its epoch in so old a request.
    UnsupportedVersion,
    /// There is no room for what the request would make the coordinator hold.
    CoordinatorNotAvailable,
    /// The group's metadata does not fit into one record; Kafka's UNKNOWN_SERVER_ERROR.
    RecordTooLarge,
}
