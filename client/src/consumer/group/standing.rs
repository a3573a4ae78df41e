//! As whom a member asks its coordinator for something, while its heartbeats go on beside that.

use pelton_kafka::ErrorCode;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Group;
use crate::error::{Error, Result};
use crate::group::offsets::Identity;

/// For the attempts of one operation.
pub(super) struct Standing<'a> {
    group: &'a Group,
    identity: watch::Receiver<Identity>,
    deadline: Instant,
}

impl<'a> Standing<'a> {
    pub(super) fn new(group: &'a Group) -> Self {
        let deadline = Instant::now() + group.coordinator.cluster().options().retry_timeout;
        Self { group, identity: group.identity.subscribe(), deadline }
    }

    /// What we are now.
    pub(super) fn identity(&mut self) -> Identity {
        self.identity.borrow_and_update().clone()
    }

    /// Returns when we have become something else, if that is all that the error means: the group
    /// is at a later epoch already, and no heartbeat has told us (KIP-848). Else returns the error.
    pub(super) async fn after(&mut self, error: Error) -> Result<()> {
        let is_stale = error.code() == Some(ErrorCode::StaleMemberEpoch);
        if is_stale || matches!(error, Error::NotAMember { .. }) {
            // The next heartbeat tells what we are.
            self.group.doubts.notify_one();
        }
        if !is_stale {
            return Err(error);
        }
        let changed = tokio::time::timeout_at(self.deadline, self.identity.changed()).await;
        let is_member = self.identity.borrow().term.is_some();
        match changed {
            Ok(Ok(())) if is_member => Ok(()),
            _ => Err(Error::NotAMember {
                group: self.group.options.id.as_str().into(),
                reason: ErrorCode::StaleMemberEpoch.name().into(),
            }),
        }
    }
}
