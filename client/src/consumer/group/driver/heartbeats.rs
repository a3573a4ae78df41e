//! Heartbeats, also while something else is done.

use tokio::time::Instant;

use super::{Abort, GroupTask, ended, sleep_until};
use crate::consumer::group::requests::{Asker, heartbeat};
use crate::error::Result;
use crate::group::offsets::NO_GENERATION;
use crate::random;

impl GroupTask {
    pub(super) fn beat(&mut self, now: Instant) {
        self.membership.beat(now);
        // A topic that nobody knows yet may have come to be.
        let unknown = self.membership.watched().into_iter().flatten();
        for (name, _) in unknown.filter(|(_, count)| **count == 0) {
            self.inner.cluster.want(name);
        }
        if self.beating.is_none() {
            let (group, asker) = (self.group.clone(), self.asker());
            self.beating = Some(Abort::spawn(async move {
                heartbeat(&group.coordinator, &group.options.id, asker).await
            }));
        }
    }

    pub(super) fn heard(&mut self, answer: Result<()>) {
        if self.membership.generation() == NO_GENERATION {
            return;
        }
        if let Err(error) = &answer {
            tracing::debug!(%error, "a heartbeat");
        }
        let heard = self.membership.heard(answer, Instant::now(), random::chance());
        if let Err(error) = heard {
            self.tell(error);
        }
    }

    pub(super) fn asker(&self) -> Asker {
        Asker {
            member_id: self.membership.member_id().clone(),
            generation: self.membership.generation(),
        }
    }

    /// Goes on with heartbeats while something else is done.
    pub(super) async fn beating<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            let due = self.membership.heartbeat_due();
            tokio::select! {
                done = &mut work => return done,
                heard = ended(&mut self.beating) => self.heard(heard),
                () = sleep_until(due) => self.beat(Instant::now()),
            }
        }
    }
}
