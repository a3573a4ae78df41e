//! What only members by the classic protocol do: join, divide, sync.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::GroupTask;
use crate::consumer::group::Group;
use crate::consumer::group::machine::Machine;
use crate::consumer::group::requests::{JoinAnswer, join, sync};
use crate::consumer::options::Assignor;
use crate::error::Result;
use crate::random;

impl GroupTask {
    pub(super) async fn join(
        &mut self,
        member_id: Arc<str>,
        protocols: Vec<(Assignor, Bytes)>,
    ) -> Result<()> {
        // The coordinator waits for all members; who is waiting there needs no heartbeats.
        self.beating = None;
        let group = self.group.clone();
        let joining = join(&group.coordinator, group.lane, &group.options, member_id, protocols);
        let answer = tokio::select! {
            answer = joining => answer,
            () = closing(&group) => return Ok(()),
        };
        let Machine::Classic(membership) = &mut self.machine else { return Ok(()) };
        let (now, chance) = (Instant::now(), random::chance());
        match answer {
            Ok(JoinAnswer::Named(member_id)) => {
                membership.named(&member_id);
                Ok(())
            }
            Ok(JoinAnswer::Joined(joined)) => membership.joined(Ok(joined), now, chance),
            Err(error) => {
                tracing::debug!(%error, "a join");
                membership.joined(Err(error), now, chance)
            }
        }
    }

    pub(super) async fn sync(
        &mut self,
        protocol: &str,
        assignments: Vec<(Arc<str>, Bytes)>,
    ) -> Result<()> {
        let Machine::Classic(membership) = &mut self.machine else { return Ok(()) };
        let (group, asker) = (self.group.clone(), membership.asker());
        let syncing =
            sync(&group.coordinator, group.lane, &group.options, asker, protocol, assignments);
        let answer = tokio::select! {
            answer = syncing => answer,
            () = closing(&group) => return Ok(()),
        };
        if let Err(error) = &answer {
            tracing::debug!(%error, "a sync");
        }
        membership.synced(answer, Instant::now(), random::chance())
    }

    pub(super) async fn divide(&mut self, topics: BTreeSet<Arc<str>>) -> Result<()> {
        let counts = self.partition_counts(topics).await;
        let Machine::Classic(membership) = &mut self.machine else { return Ok(()) };
        membership.divided(counts)
    }

    /// A topic of which nothing can be found out has no partitions for now.
    async fn partition_counts(&mut self, topics: BTreeSet<Arc<str>>) -> BTreeMap<Arc<str>, usize> {
        let cluster = self.inner.cluster.clone();
        let work = async move {
            let mut counts = BTreeMap::new();
            for name in topics {
                let topic = match cluster.known_topic(&name) {
                    Some(topic) => Ok(topic),
                    None => cluster.refresh(&name).await,
                };
                let count = topic.map_or(0, |topic| topic.partitions.len());
                counts.insert(name, count);
            }
            counts
        };
        self.beating(work).await
    }

    pub(super) fn look_at_counts(&mut self) {
        let Machine::Classic(membership) = &mut self.machine else { return };
        let Some(watched) = membership.watched() else { return };
        let cluster = &self.inner.cluster;
        let counts = watched.keys().map(|name| {
            let count = cluster.known_topic(name).map_or(0, |topic| topic.partitions.len());
            (name.clone(), count)
        });
        let counts: BTreeMap<_, _> = counts.collect();
        membership.counts_changed(&counts);
    }
}

async fn closing(group: &Group) {
    loop {
        group.news.notified().await;
        if group.control().is_closing {
            // Others look at the same news.
            group.news.notify_one();
            return;
        }
    }
}
