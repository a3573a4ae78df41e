//! Whether a commit may go into the group, by who sends it.

use super::{ClassicGroup, State};
use crate::coordinator::command::CommitOffsets;
use crate::coordinator::effects::Step;
use crate::error::GroupError;
use pelton_model::TimestampMs;

impl ClassicGroup {
    /// A commit by a member also shows that the member is there.
    ///
    /// # Errors
    /// UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS.
    pub fn check_commit(
        &mut self,
        commit: &CommitOffsets,
        step: &mut Step<'_>,
    ) -> Result<(), GroupError> {
        if commit.generation < 0 && self.state == State::Empty {
            return Ok(());
        }
        let CommitOffsets { generation, member_id, instance_id, .. } = commit;
        if *generation < 0 && member_id.is_empty() && instance_id.is_none() {
            // Only an empty group takes offsets from somebody who is not in it.
            return Err(GroupError::UnknownMemberId);
        }
        self.check_member(member_id, instance_id.as_ref())?;
        self.check_generation(*generation)?;
        match self.state {
            // The member knows of the new generation and not of its part in it: what it commits
            // may be another's by now.
            State::CompletingRebalance => Err(GroupError::RebalanceInProgress),
            State::Empty => Ok(()),
            State::PreparingRebalance | State::Stable => {
                self.hear_of(member_id, step);
                Ok(())
            }
        }
    }

    /// # Errors
    /// NON_EMPTY_GROUP: members of another protocol type do not say which topics they read.
    pub fn check_offset_delete(&self) -> Result<(), GroupError> {
        match self.state == State::Empty || self.uses_consumer_protocol() {
            true => Ok(()),
            false => Err(GroupError::NonEmptyGroup),
        }
    }
}

impl ClassicGroup {
    /// From when on the retention of an offset counts (KIP-211): from its commit where the group
    /// has no members to begin with, or does not read the topic any more; from the moment that the
    /// last member left; not at all while there are members of whom nobody knows what they read.
    pub fn expiry_base(&self, committed: TimestampMs) -> Option<TimestampMs> {
        match self.state {
            _ if self.is_simple() => Some(committed),
            State::Empty => Some(self.since.unwrap_or(committed)),
            State::Stable if self.subscriptions.is_some() => Some(committed),
            _ => None,
        }
    }
}
