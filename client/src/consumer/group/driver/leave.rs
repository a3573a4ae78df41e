//! Out of the group: until the user asks for more, or for good.

use tokio::time::Instant;

use super::GroupTask;
use super::hand_over::Told;
use crate::consumer::group::requests::leave;
use crate::group::offsets::NO_GENERATION;

impl GroupTask {
    /// Leaves until the user asks for more: somebody else may do its work meanwhile.
    pub(super) async fn park(&mut self) {
        tracing::warn!(group = self.group.options.id, "no record was asked for in time: leaving");
        self.inner.state().hold(true);
        self.parked = Some(Instant::now());
        self.send_leave().await;
        self.membership.left();
    }

    pub(super) async fn leave_for_good(mut self) {
        self.inner.state().hold(true);
        let owned = self.membership.owned().clone();
        if self.group.options.auto_commit.is_some() {
            let progress = self.inner.state().progress(true);
            if let Err(error) = self.group.commit_progress(progress).await {
                tracing::warn!(%error, "what was read is not committed");
            }
        }
        let told = match self.membership.generation() {
            NO_GENERATION => Told::Lost,
            _ => Told::Revoked,
        };
        self.call_listener(told, &owned).await;
        self.send_leave().await;
    }

    async fn send_leave(&mut self) {
        let member_id = self.membership.member_id().clone();
        // Who has an instance id will be back, and keeps its place until the session ends.
        if member_id.is_empty() || self.group.options.instance_id.is_some() {
            return;
        }
        let (coordinator, group) = (&self.group.coordinator, &self.group.options.id);
        if let Err(error) = leave(coordinator, group, &member_id).await {
            tracing::debug!(%error, "a leave");
        }
    }
}
