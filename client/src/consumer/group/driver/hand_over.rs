//! Partitions that go and come: the user, its commits and its listener first.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;

use futures::future::FutureExt;
use pelton_model::TopicId;
use tokio::time::Instant;

use super::GroupTask;
use crate::consumer::group::Group;
use crate::consumer::group::machine::Machine;
use crate::consumer::options::{OffsetReset, StartAt};
use crate::consumer::record::TopicPartition;
use crate::consumer::{Consumer, Inner};
use crate::error::{Error, Result};
use crate::random;

#[derive(Clone, Copy)]
pub(super) enum Told {
    Assigned,
    Revoked,
    Lost,
}

/// Whether a user came in time.
#[derive(PartialEq, Eq)]
enum User {
    IsDone,
    IsGone,
}

impl GroupTask {
    pub(super) async fn prepare(
        &mut self,
        revoked: BTreeSet<TopicPartition>,
        lost: BTreeSet<TopicPartition>,
    ) {
        let gone = revoked.union(&lost).cloned().collect();
        if self.give_up(revoked, lost).await == User::IsGone {
            return self.park().await;
        }
        self.machine.prepared(&gone);
    }

    pub(super) async fn adopt(
        &mut self,
        revoked: BTreeSet<TopicPartition>,
        added: BTreeSet<TopicPartition>,
    ) -> Result<()> {
        // Those that come commit as members of this generation.
        self.publish();
        if self.give_up(revoked.clone(), BTreeSet::new()).await == User::IsGone {
            self.park().await;
            return Ok(());
        }
        self.machine.gave_up(&revoked);
        let (group, wanted) = (self.group.clone(), added.iter().cloned().collect::<Vec<_>>());
        let fetching = async move { group.committed(&wanted).await };
        let committed = match self.beating(fetching).await {
            Ok(committed) => committed,
            Err(error) => {
                self.machine.adoption_failed(Instant::now(), random::chance());
                return match error {
                    // The next heartbeat tells why.
                    Error::NotAMember { .. } => Ok(()),
                    error => Err(error),
                };
            }
        };
        let added = self.machine.adopted(&added);
        // The listener may go on elsewhere: nothing comes before that.
        let is_told = self.listener.is_some() && !added.is_empty();
        self.inner.state().hold(is_told);
        self.group.control().holdings.got(&added);
        for of in &added {
            let committed = committed.get(of).map(|committed| StartAt::Offset(committed.offset));
            let mut state = self.inner.state();
            match (committed, self.inner.options.offset_reset) {
                (Some(start), _) => state.assign(of.clone(), start),
                (None, OffsetReset::Earliest) => state.assign(of.clone(), StartAt::Beginning),
                (None, OffsetReset::Latest) => state.assign(of.clone(), StartAt::End),
                (None, OffsetReset::Fail) => state.assign_nowhere(of.clone()),
            }
        }
        self.inner.news.notify_one();
        self.call_listener(Told::Assigned, &added).await;
        if is_told {
            self.inner.state().hold(false);
            self.inner.ready.notify_waiters();
        }
        Ok(())
    }

    /// A topic of which nothing can be found out is asked for again later.
    pub(super) async fn name(&mut self, topics: BTreeSet<TopicId>) {
        let cluster = self.inner.cluster.clone();
        let names = self.beating(async move { cluster.topic_names(&topics).await }).await;
        let names = names.unwrap_or_else(|error| {
            tracing::debug!(%error, "no names of topics");
            BTreeMap::new()
        });
        if let Machine::Consumer(reconciliation) = &mut self.machine {
            reconciliation.learn_names(names, Instant::now(), random::chance());
        }
    }

    /// The user lets go of partitions, once it is done with the record that it has.
    async fn give_up(
        &mut self,
        revoked: BTreeSet<TopicPartition>,
        lost: BTreeSet<TopicPartition>,
    ) -> User {
        if revoked.is_empty() && lost.is_empty() {
            self.inner.state().hold(false);
            return User::IsDone;
        }
        self.inner.state().hold(true);
        let (inner, group) = (self.inner.clone(), self.group.clone());
        let user = self.beating(async move { user_is_done(&inner, &group).await }).await;
        if user == User::IsGone {
            return user;
        }
        if self.group.options.auto_commit.is_some() && !revoked.is_empty() {
            let (asked, mut progress) = self.inner.line_up(&self.group, true);
            progress.retain(|of, _| revoked.contains(of));
            let group = self.group.clone();
            let committing = async move { group.commit_progress(asked, progress).await };
            if let Err(error) = self.beating(committing).await {
                tracing::warn!(%error, "what was read of partitions that go is not committed");
            }
        }
        self.call_listener(Told::Revoked, &revoked).await;
        if !revoked.is_empty() {
            self.commits_before().await;
        }
        self.call_listener(Told::Lost, &lost).await;
        let mut state = self.inner.state();
        revoked.iter().chain(&lost).for_each(|of| state.unassign(of));
        state.hold(false);
        drop(state);
        let mut control = self.group.control();
        control.committed.retain(|of, _| !revoked.contains(of) && !lost.contains(of));
        control.holdings.gave_up(&revoked);
        control.holdings.gave_up(&lost);
        drop(control);
        self.inner.ready.notify_waiters();
        User::IsDone
    }

    /// What the user wants committed, while it still can be; not for longer than one commit may take.
    pub(super) async fn commits_before(&mut self) {
        let group = self.group.clone();
        let patience = self.inner.cluster.options().retry_timeout;
        let committed = async move { tokio::time::timeout(patience, group.commits_before()).await };
        if self.beating(committed).await.is_err() {
            tracing::warn!(group = self.group.options.id, "commits that wait are not waited for");
        }
    }

    pub(super) async fn call_listener(
        &mut self,
        told: Told,
        partitions: &BTreeSet<TopicPartition>,
    ) {
        let (Some(listener), Some(handle)) = (self.listener.clone(), self.consumer.upgrade())
        else {
            return;
        };
        if partitions.is_empty() {
            return;
        }
        let partitions: Vec<_> = partitions.iter().cloned().collect();
        let consumer = Consumer(handle);
        let call = async move {
            match told {
                Told::Assigned => listener.assigned(&consumer, &partitions).await,
                Told::Revoked => listener.revoked(&consumer, &partitions).await,
                Told::Lost => listener.lost(&consumer, &partitions).await,
            }
        };
        if self.beating(AssertUnwindSafe(call).catch_unwind()).await.is_err() {
            self.tell(Error::Invalid("the rebalance listener has panicked".into()));
        }
    }
}

async fn user_is_done(inner: &Inner, group: &Group) -> User {
    let done = async {
        loop {
            // Who closes will not ask again.
            if inner.state().is_hand_empty() || group.control().is_closing {
                return;
            }
            group.news.notified().await;
        }
    };
    match tokio::time::timeout(group.options.poll_interval_max, done).await {
        Ok(()) => User::IsDone,
        Err(_) => User::IsGone,
    }
}
