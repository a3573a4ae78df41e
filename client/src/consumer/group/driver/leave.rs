//! Out of the group: until the user asks for more, or for good.

use tokio::time::Instant;

use super::GroupTask;
use super::hand_over::Told;
use crate::consumer::group::consumer_heartbeat;
use crate::consumer::group::machine::Machine;
use crate::consumer::group::requests::leave;

impl GroupTask {
    /// Leaves until the user asks for more: somebody else may do its work meanwhile.
    pub(super) async fn park(&mut self) {
        // Who is out already must not come back: its user is waited for.
        if self.machine.is_outside() {
            return;
        }
        tracing::warn!(group = self.group.options.id, "no record was asked for in time: leaving");
        self.inner.state().hold(true);
        self.parked = Some(Instant::now());
        self.send_leave().await;
        self.machine.left();
    }

    pub(super) async fn leave_for_good(mut self) {
        self.inner.state().hold(true);
        let owned = self.machine.owned();
        if self.group.options.auto_commit.is_some() {
            let (asked, progress) = self.inner.line_up(&self.group, true);
            let group = self.group.clone();
            let committing = async move { group.commit_progress(asked, progress).await };
            if let Err(error) = self.beating(committing).await {
                tracing::warn!(%error, "what was read is not committed");
            }
        }
        let told = if self.machine.is_member() { Told::Revoked } else { Told::Lost };
        self.call_listener(told, &owned).await;
        self.send_leave().await;
    }

    /// What was to be committed is committed first, as it can be by a member only.
    async fn send_leave(&mut self) {
        if self.machine.is_member() {
            self.commits_before().await;
        }
        // What it may be about to say is of no interest any more.
        self.beating = None;
        let (coordinator, options) = (&self.group.coordinator, &self.group.options);
        let left = match &self.machine {
            Machine::Consumer(it) if it.is_inside() => {
                consumer_heartbeat::leave(coordinator, options, it.member_id()).await
            }
            // Who has an instance id will be back, and keeps its place until the session ends.
            Machine::Classic(it) if !it.member_id().is_empty() && options.instance_id.is_none() => {
                leave(coordinator, &options.id, it.member_id()).await
            }
            Machine::Consumer(_) | Machine::Classic(_) => return,
        };
        if let Err(error) = left {
            tracing::debug!(%error, "a leave");
        }
    }
}
