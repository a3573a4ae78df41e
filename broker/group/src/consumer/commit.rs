//! Whether a commit may go into the group, or a fetch of offsets is answered, by who sends it.

use super::{ConsumerGroup, Member};
use crate::cluster::Cluster;
use crate::coordinator::command::{CommitOffsets, FetchOffsets, OffsetToCommit};
use crate::error::GroupError;
use crate::ids::MemberId;

impl ConsumerGroup {
    /// A member may commit under an epoch that has passed, as long as all partitions of the commit
    /// have been its own since then (KIP-1251).
    ///
    /// # Errors
    /// UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH, of a classic member ILLEGAL_GENERATION;
    /// UNSUPPORTED_VERSION: the request cannot tell an epoch.
    pub fn check_commit(
        &self,
        commit: &CommitOffsets,
        cluster: &dyn Cluster,
    ) -> Result<(), GroupError> {
        if commit.generation < 0 && self.members.is_empty() {
            return Ok(());
        }
        let member = self.member(&commit.member_id)?;
        if member.metadata.classic.is_none() && !commit.knows_member_epochs {
            return Err(GroupError::UnsupportedVersion);
        }
        let (epoch, current) = (commit.generation, &member.current);
        let has_been_its_own = |offset: &OffsetToCommit| {
            let by_name = || cluster.topic(&offset.topic).map(|shape| shape.id);
            let topic =
                Some(offset.topic_id).filter(|id| *id != Default::default()).or_else(by_name);
            let partitions = topic.and_then(|topic| current.assigned.get(&topic));
            let since = partitions.and_then(|partitions| partitions.get(&offset.partition));
            since.is_some_and(|since| *since <= epoch)
        };
        let may = epoch == current.member_epoch
            || (epoch >= 0
                && epoch < current.member_epoch
                && commit.offsets.iter().all(has_been_its_own));
        if may { Ok(()) } else { Err(wrong_epoch(member)) }
    }

    /// # Errors
    /// UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH, unless nobody says who asks.
    pub fn check_fetch(&self, fetch: &FetchOffsets) -> Result<(), GroupError> {
        let Some(id) = &fetch.member_id else {
            return if fetch.member_epoch < 0 { Ok(()) } else { Err(GroupError::UnknownMemberId) };
        };
        let member = self.member(id)?;
        match member.current.member_epoch == fetch.member_epoch {
            true => Ok(()),
            false => Err(wrong_epoch(member)),
        }
    }

    fn member(&self, id: &MemberId) -> Result<&Member, GroupError> {
        self.members.get(id).ok_or(GroupError::UnknownMemberId)
    }
}

/// By the protocol that the member speaks.
fn wrong_epoch(member: &Member) -> GroupError {
    match member.metadata.classic {
        Some(_) => GroupError::IllegalGeneration,
        None => GroupError::StaleMemberEpoch,
    }
}
