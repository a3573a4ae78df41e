//! What a scrape takes from a shard.

use pelton_cluster::topic_name::is_internal;

use super::Shard;
use crate::group::OFFSETS_TOPIC;
use crate::metrics::{ClusterFigures, PartitionFigures, Pauses, ShardFigures};

/// Partitions looked at before others get the core.
const PARTITIONS_A_SLICE: usize = 256;

impl Shard {
    /// This shard's figures as of now.
    pub async fn figures(&self) -> ShardFigures {
        let stats = self.store.stats();
        let mut figures = self.metrics.copy();
        figures.shard = self.id.get();
        figures.dir = self.config.data_dir.display().to_string();
        figures.recovery_time = self.recovery_time;
        figures.cluster = self.controller.as_ref().map(|_| self.cluster_figures());
        figures.connections = self.connections.get() as u64;
        let budget = &self.net.budget;
        figures.paused_for_budget =
            Pauses { now: budget.waiting_count() as u64, ever: budget.waits() };
        figures.paused_for_mailbox = self.router.held_back();
        figures.parked_for_shards = self.waits.borrow().len() as u64;
        figures.frames_bytes = self.net.budget.in_use_bytes() as u64;
        figures.frames_budget_bytes = self.net.budget.capacity_bytes() as u64;
        figures.answers_bytes = self.answers.in_use_bytes() as u64;
        figures.answers_budget_bytes = self.answers.capacity_bytes() as u64;
        figures.partitions = stats.partitions as u64;
        figures.uncarried_bytes = stats.uncarried_bytes as u64;
        figures.cached_bytes = stats.cached_bytes as u64;
        figures.journal = stats.journal;
        figures.journal_used_ratio = stats.journal_used_ratio;
        figures.journal_live_bytes = stats.journal_live_bytes;
        figures.corruptions = stats.corruptions;
        figures.io = self.disk.io_times();
        figures.tasks = self.env.task_times();
        figures.fenced = self.store.journal().fence_reason();
        figures.disk_full = self.disk_full.get();
        {
            let sessions = self.fetch_sessions.borrow();
            figures.fetch_sessions = sessions.count() as u64;
            figures.fetch_session_evictions = sessions.evictions();
            figures.state_bytes = (stats.index_bytes + sessions.state_bytes()) as u64;
        }
        self.add_partitions(&mut figures).await;
        figures.groups = self.group_figures().await;
        figures.state_bytes += figures.groups.state_bytes;
        figures
    }

    /// Each partition of this shard, in the order of their ids.
    pub async fn partition_figures(&self) -> Vec<PartitionFigures> {
        let mut all = Vec::with_capacity(self.store.stats().partitions);
        for logs in self.store.logs().chunks(PARTITIONS_A_SLICE) {
            for log in logs {
                let view = self.view.borrow();
                let Some(topic) = view.cluster.topic_by_id(log.id().topic) else { continue };
                let config = self.topic_config(topic);
                let retention_bytes =
                    config.retention_bytes.filter(|_| config.cleanup_policy.delete);
                all.push(PartitionFigures {
                    retention_bytes: retention_bytes.and_then(|bytes| u64::try_from(bytes).ok()),
                    topic: topic.name.clone(),
                    index: log.id().index.get(),
                    bytes: log.bytes(),
                    segments: log.segment_count() as u64,
                    start: log.start_offset().get(),
                    high_watermark: log.commit_offset().get(),
                    end: log.end_offset().get(),
                });
            }
            self.env.breathe().await;
        }
        all
    }

    fn cluster_figures(&self) -> ClusterFigures {
        let cluster = &self.view.borrow().cluster;
        ClusterFigures {
            brokers: cluster.brokers().count() as u64,
            topics: cluster.topics().count() as u64,
            revision: cluster.revision(),
            connections_refused: self.admission.refused_count(),
            connections_refused_by_ip: self.admission.refused_by_ip_count(),
        }
    }

    async fn add_partitions(&self, figures: &mut ShardFigures) {
        let has_groups = self.view.borrow().cluster.topic(OFFSETS_TOPIC).is_some();
        for logs in self.store.logs().chunks(PARTITIONS_A_SLICE) {
            for log in logs {
                figures.partitions_offline += u64::from(!log.is_served());
                figures.state_bytes += log.state_bytes() as u64;
                figures.producer_ids += log.with_producers(|producers| producers.len()) as u64;
                let view = self.view.borrow();
                // A log that is about to go has no topic any more.
                let Some(topic) = view.cluster.topic_by_id(log.id().topic) else { continue };
                if has_groups && !is_internal(&topic.name) {
                    let ends = figures.high_watermarks.entry(topic.name.clone()).or_default();
                    ends.insert(log.id().index.get(), log.commit_offset().get());
                }
                match figures.topic_bytes.get_mut(&*topic.name) {
                    Some(bytes) => *bytes += log.bytes(),
                    None => {
                        figures.topic_bytes.insert(topic.name.to_string(), log.bytes());
                    }
                }
            }
            self.env.breathe().await;
        }
    }
}
