//! Bringing a change of metadata into force on this shard.

use std::rc::Rc;
use std::time::Duration;

use pelton_cluster::Record;
use pelton_model::PartitionId;
use pelton_storage::StorageError;

use super::Shard;
use crate::group::names_of;
use crate::message::Delta;
use crate::runtime::Lane;

/// After it the removal of files is tried again that could not be opened.
const REMOVAL_PAUSE: Duration = Duration::from_secs(1);

impl Shard {
    /// Applies a delta; returns when the logs that it makes here are durable. `Err` says why not.
    pub async fn apply(self: &Rc<Self>, delta: &Delta) -> Result<(), String> {
        let mut removed = Vec::new();
        let mut new = Vec::new();
        let mut forgotten = Vec::new();
        {
            let mut view = self.view.borrow_mut();
            for record in &delta.records {
                if let Record::TopicRemoved { topic } = record
                    && let Some(topic) = view.cluster.topic_by_id(*topic)
                {
                    removed.extend(topic.partitions());
                    self.metrics.count(|figures| _ = figures.topics.remove(&*topic.name));
                    forgotten.extend(names_of(topic));
                }
            }
            if !delta.records.is_empty() {
                view.cluster
                    .apply(delta.revision, &delta.records)
                    .map_err(|error| error.to_string())?;
            }
            for partition in &removed {
                view.placement.remove(partition);
            }
            for (partition, owner) in &delta.placements {
                view.placement.insert(*partition, *owner);
                let topic = view.cluster.topic_by_id(partition.topic);
                let epoch = topic.map(|topic| topic.leader_epoch(partition.index));
                if *owner == self.id && self.store.log(*partition).is_none() {
                    new.push((*partition, epoch.unwrap_or_default()));
                }
            }
            self.topic_configs.borrow_mut().clear();
        }
        let mut newest = 0;
        for (partition, epoch) in new {
            let sequence = self.store.place(partition, epoch).map_err(|error| error.to_string())?;
            newest = newest.max(sequence);
        }
        self.dismiss_coordinators(&removed);
        self.remove_logs(removed);
        self.store.journal().durable(newest).await.map_err(|error| error.to_string())?;
        self.host_coordinators(delta);
        self.forget_topics(forgotten);
        Ok(())
    }

    fn remove_logs(self: &Rc<Self>, removed: Vec<PartitionId>) {
        let mut removals = Vec::new();
        for partition in removed {
            // At once for readers and writers; the files follow.
            match self.store.begin_removal(partition) {
                Ok(removal) => removals.extend(removal.map(|removal| (partition, removal))),
                Err(error) => stays(partition, error),
            }
        }
        if removals.is_empty() {
            return;
        }
        let shard = self.clone();
        self.env.spawn(Lane::Background, async move {
            let mut left = Vec::new();
            for (partition, removal) in removals {
                match removal.finish().await {
                    Err(error) if error.is_passing() => left.push(partition),
                    Err(error) => stays(partition, error),
                    Ok(()) => {}
                }
                shard.env.breathe().await;
            }
            shard.remove_left(left).await;
        });
    }

    /// What a broker that stops meanwhile leaves is removed at the next start.
    async fn remove_left(&self, mut left: Vec<PartitionId>) {
        if !left.is_empty() {
            tracing::warn!(shard = %self.id, partitions = left.len(),
                "the files of deleted partitions cannot be opened now: they are removed later");
        }
        while !left.is_empty() && !self.stop.is_given() {
            self.env.sleep(REMOVAL_PAUSE).await;
            for partition in std::mem::take(&mut left) {
                match self.store.remove_left_files(partition).await {
                    Err(error) if error.is_passing() => left.push(partition),
                    Err(error) => stays(partition, error),
                    Ok(()) => {}
                }
                self.env.breathe().await;
            }
        }
    }
}

fn stays(partition: PartitionId, error: StorageError) {
    tracing::warn!(%partition, %error, "a deleted partition's log stays behind");
}
