//! From our errors to Kafka's codes, exhaustively.

use pelton_cluster::{ClusterError, ErrorKind};
use pelton_group::GroupError;
use pelton_kafka::{ErrorCode, StrBytes};
use pelton_model::batch::Refusal;

use crate::group::GroupFault;
use crate::message::LogFault;

pub fn of_fault(fault: &LogFault) -> ErrorCode {
    match fault {
        LogFault::NotHere => ErrorCode::UnknownTopicOrPartition,
        LogFault::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        LogFault::OutOfOrderSequence => ErrorCode::OutOfOrderSequenceNumber,
        LogFault::InvalidProducerEpoch => ErrorCode::InvalidProducerEpoch,
        LogFault::Storage(_) => ErrorCode::KafkaStorageError,
        LogFault::Damaged(_) => ErrorCode::CorruptMessage,
        LogFault::OlderEpoch => ErrorCode::FencedLeaderEpoch,
        LogFault::NewerEpoch => ErrorCode::UnknownLeaderEpoch,
    }
}

pub fn of_refusal(refusal: Refusal) -> ErrorCode {
    match refusal {
        Refusal::CorruptMessage => ErrorCode::CorruptMessage,
        Refusal::InvalidRecord => ErrorCode::InvalidRecord,
        Refusal::InvalidTimestamp => ErrorCode::InvalidTimestamp,
        Refusal::MessageTooLarge => ErrorCode::MessageTooLarge,
        Refusal::UnsupportedCompressionType => ErrorCode::UnsupportedCompressionType,
    }
}

pub fn of_kind(kind: ErrorKind) -> ErrorCode {
    match kind {
        ErrorKind::UnknownTopicOrPartition => ErrorCode::UnknownTopicOrPartition,
        ErrorKind::InvalidTopicException => ErrorCode::InvalidTopicException,
        ErrorKind::TopicAlreadyExists => ErrorCode::TopicAlreadyExists,
        ErrorKind::InvalidPartitions => ErrorCode::InvalidPartitions,
        ErrorKind::InvalidReplicationFactor => ErrorCode::InvalidReplicationFactor,
        ErrorKind::InvalidReplicaAssignment => ErrorCode::InvalidReplicaAssignment,
        ErrorKind::InvalidConfig => ErrorCode::InvalidConfig,
        ErrorKind::InvalidRequest => ErrorCode::InvalidRequest,
        ErrorKind::PolicyViolation => ErrorCode::PolicyViolation,
        ErrorKind::TopicDeletionDisabled => ErrorCode::TopicDeletionDisabled,
        ErrorKind::UnknownTopicId => ErrorCode::UnknownTopicId,
    }
}

/// Code and message of a refusal, as responses carry them.
pub fn of_cluster(error: &ClusterError) -> (i16, Option<StrBytes>) {
    (of_kind(error.kind).code(), error.message.as_deref().map(StrBytes::from))
}

pub fn of_group(error: GroupError) -> ErrorCode {
    match error {
        GroupError::InvalidGroupId => ErrorCode::InvalidGroupId,
        GroupError::InvalidSessionTimeout => ErrorCode::InvalidSessionTimeout,
        GroupError::InconsistentGroupProtocol => ErrorCode::InconsistentGroupProtocol,
        GroupError::MemberIdRequired => ErrorCode::MemberIdRequired,
        GroupError::UnknownMemberId => ErrorCode::UnknownMemberId,
        GroupError::FencedInstanceId => ErrorCode::FencedInstanceId,
        GroupError::IllegalGeneration => ErrorCode::IllegalGeneration,
        GroupError::RebalanceInProgress => ErrorCode::RebalanceInProgress,
        GroupError::GroupMaxSizeReached => ErrorCode::GroupMaxSizeReached,
        GroupError::GroupIdNotFound => ErrorCode::GroupIdNotFound,
        GroupError::NonEmptyGroup => ErrorCode::NonEmptyGroup,
        GroupError::GroupSubscribedToTopic => ErrorCode::GroupSubscribedToTopic,
        GroupError::UnknownTopicOrPartition => ErrorCode::UnknownTopicOrPartition,
        GroupError::OffsetMetadataTooLarge => ErrorCode::OffsetMetadataTooLarge,
        GroupError::CoordinatorNotAvailable => ErrorCode::CoordinatorNotAvailable,
        GroupError::FencedMemberEpoch => ErrorCode::FencedMemberEpoch,
        GroupError::StaleMemberEpoch => ErrorCode::StaleMemberEpoch,
        GroupError::UnreleasedInstanceId => ErrorCode::UnreleasedInstanceId,
        GroupError::UnsupportedAssignor => ErrorCode::UnsupportedAssignor,
        GroupError::InvalidRegularExpression => ErrorCode::InvalidRegularExpression,
        GroupError::InvalidRequest(_) => ErrorCode::InvalidRequest,
        GroupError::UnsupportedVersion => ErrorCode::UnsupportedVersion,
        GroupError::RecordTooLarge => ErrorCode::UnknownServerError,
    }
}

/// What is said beside a code to clients that have room for it.
pub fn group_message(error: GroupError) -> &'static str {
    match error {
        GroupError::InvalidRequest(why) => why,
        GroupError::InvalidGroupId => "The group id is not a valid one.",
        GroupError::GroupIdNotFound => "There is no such group of the consumer protocol.",
        GroupError::UnknownMemberId => "The group has no such member.",
        GroupError::FencedInstanceId => "Another member has the instance id.",
        GroupError::UnreleasedInstanceId => "The member with the instance id has not left.",
        GroupError::FencedMemberEpoch => {
            "The member's epoch is not the coordinator's: it must give up all and join again."
        }
        GroupError::StaleMemberEpoch => "The member's epoch is not the coordinator's.",
        GroupError::UnsupportedAssignor => "The assignor is not one of group.consumer.assignors.",
        GroupError::InvalidRegularExpression => {
            "The regular expression is not valid, too large, or one too many."
        }
        GroupError::GroupMaxSizeReached => "The group has as many members as it may have.",
        GroupError::CoordinatorNotAvailable => "The coordinator has no room for another group.",
        GroupError::RecordTooLarge => "What would have to be written does not fit into a record.",
        GroupError::UnsupportedVersion => "The request is too old to tell a member's epoch.",
        GroupError::InvalidSessionTimeout
        | GroupError::InconsistentGroupProtocol
        | GroupError::MemberIdRequired
        | GroupError::IllegalGeneration
        | GroupError::RebalanceInProgress
        | GroupError::NonEmptyGroup
        | GroupError::GroupSubscribedToTopic
        | GroupError::UnknownTopicOrPartition
        | GroupError::OffsetMetadataTooLarge => "The group cannot do this.",
    }
}

pub fn of_group_fault(fault: GroupFault) -> ErrorCode {
    match fault {
        GroupFault::NotCoordinator => ErrorCode::NotCoordinator,
        GroupFault::Loading => ErrorCode::CoordinatorLoadInProgress,
        GroupFault::Unavailable => ErrorCode::CoordinatorNotAvailable,
    }
}
