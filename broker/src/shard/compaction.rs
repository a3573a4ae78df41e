//! Compacting logs in the background, the dirtiest first, within the broker's budget.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use pelton_cluster::config::TopicConfig;
use pelton_model::PartitionId;
use pelton_storage::{CompactionError, CompactionRules, Log};

use super::Shard;
use super::compaction_budget::{Budget, Due};
use super::roll::rules_of;

/// `log.cleaner.backoff.ms` may be 0; each look goes over all logs.
const BACKOFF_MIN: Duration = Duration::from_millis(100);

/// Partitions whose logs cannot be compacted: left alone until a restart, as in Kafka.
type Failed = BTreeSet<PartitionId>;

impl Shard {
    pub(super) async fn compaction(self: Rc<Self>) {
        let mut failed = Failed::new();
        while !self.stop.is_given() {
            let backoff = self.with_broker_configs(|it| it.integer("log.cleaner.backoff.ms"));
            let backoff = Duration::from_millis(u64::try_from(backoff).unwrap_or(0));
            self.env.sleep(backoff.max(BACKOFF_MIN)).await;
            self.compact_what_is_due(&mut failed).await;
        }
    }

    async fn compact_what_is_due(&self, failed: &mut Failed) {
        let mut ratios = BTreeMap::new();
        let mut due = Vec::new();
        let mut all_due = Due::default();
        failed.retain(|id| self.store.log(*id).is_some());
        for log in self.store.logs() {
            self.env.breathe().await;
            let Some(config) = self.config_of(log.id().topic) else { continue };
            if !config.cleanup_policy.compact || self.stop.is_given() {
                continue;
            }
            if let Err(error) = log.roll_when_old(rules_of(&config, log.id(), self.env.now())).await
            {
                tracing::debug!(partition = %log.id(), %error, "not rolled");
                continue;
            }
            let rules = self.compaction_rules(&config);
            let dirtiness = log.dirtiness(&rules);
            let ratio = dirtiness.ratio();
            if let Some(topic) = self.view.borrow().cluster.topic_by_id(log.id().topic) {
                let worst: &mut f64 = ratios.entry(topic.name.to_string()).or_default();
                *worst = worst.max(ratio);
            }
            if failed.contains(&log.id()) {
                continue;
            }
            match log.is_compaction_due(&rules).await {
                Ok(true) => {
                    all_due.add(&log, dirtiness.dirty_bytes);
                    due.push((ratio, log, config));
                }
                Ok(false) => {}
                Err(error) => tracing::debug!(partition = %log.id(), ?error, "not compacted"),
            }
        }
        self.metrics.count(|figures| figures.compaction.dirty_ratios = ratios);
        due.sort_by(|(one, ..), (other, ..)| other.total_cmp(one));
        let mut is_success = true;
        for (_, log, config) in &due {
            is_success &= self.compact(log, config, &all_due, failed).await;
        }
        let now = self.env.now();
        self.metrics.count(|figures| {
            figures.compaction.failed_partitions = failed.len() as u64;
            if is_success {
                figures.compaction.last_success = Some(now);
            }
        });
    }

    /// Whether there is nothing to worry about.
    async fn compact(
        &self,
        log: &Log,
        config: &TopicConfig,
        due: &Due,
        failed: &mut Failed,
    ) -> bool {
        let rules = self.compaction_rules(config);
        let began = self.env.elapsed();
        match self.store.compact(log, &rules, &Budget::of(self, due)).await {
            Ok(done) => {
                let took_ms = (self.env.elapsed() - began).as_millis() as u64;
                tracing::info!(partition = %log.id(), passes = done.passes,
                    read_bytes = done.read_bytes, written_bytes = done.written_bytes,
                    removed_records = done.removed_records, took_ms, "compacted");
                self.metrics.count(|figures| {
                    figures.compaction.written_bytes += done.written_bytes;
                    figures.compaction.removed_records += done.removed_records;
                });
                true
            }
            Err(CompactionError::Interrupted) => true,
            Err(CompactionError::Full) => {
                tracing::warn!(partition = %log.id(), "no space to compact");
                false
            }
            Err(CompactionError::Failed(error)) => {
                tracing::error!(partition = %log.id(), %error,
                    "the log cannot be compacted and is left as it is until a restart");
                failed.insert(log.id());
                false
            }
        }
    }

    fn compaction_rules(&self, config: &TopicConfig) -> CompactionRules {
        let map_bytes =
            self.with_broker_configs(|broker| broker.integer("log.cleaner.dedupe.buffer.size"));
        let secret = u128::from(self.env.random()) << 64 | u128::from(self.env.random());
        CompactionRules {
            now: self.env.now(),
            delete_retention_ms: config.delete_retention_ms,
            min_cleanable_dirty_ratio: config.min_cleanable_dirty_ratio,
            min_compaction_lag_ms: config.min_compaction_lag_ms,
            max_compaction_lag_ms: config.max_compaction_lag_ms,
            segment_bytes: u64::try_from(config.segment_bytes).unwrap_or(1 << 30),
            map_bytes_max: usize::try_from(map_bytes).unwrap_or(0) / self.shard_count(),
            hash_secret: secret.to_be_bytes(),
        }
    }
}
