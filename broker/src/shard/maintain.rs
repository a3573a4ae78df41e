//! Work in the background: carrying tails, watching the disk's space, retention, expiry.
//! Compaction has a file of its own.

use std::rc::Rc;
use std::time::Duration;

use futures::future::select;
use pelton_storage::{Log, RetentionRules, RollRules, StorageError};

use super::Shard;
use super::ballast::Ballast;
use super::roll::rules_of;
use crate::runtime::Lane;

/// A tail that nobody presses for is carried so often, so that a restart finds little to replay.
const IDLE_CHECKPOINT: Duration = Duration::from_secs(10);

/// S9: space is looked at so often, and producers are let in again within so long.
const SPACE_INTERVAL: Duration = Duration::from_secs(1);

/// Producers forgotten of one partition before others get the core.
const EXPIRE_COUNT_MAX: usize = 1000;

const PRODUCER_EXPIRY_INTERVAL: Duration = Duration::from_secs(600);

impl Shard {
    /// Starts the background tasks; they end with the executor.
    pub fn maintain(self: &Rc<Self>) {
        let shard = self.clone();
        self.env.spawn(Lane::Background, async move { shard.checkpoints().await });
        let shard = self.clone();
        self.env.spawn(Lane::Background, async move { shard.watch_space().await });
        let shard = self.clone();
        self.env.spawn(Lane::Background, async move { shard.retention().await });
        let shard = self.clone();
        self.env.spawn(Lane::Background, async move { shard.compaction().await });
        let shard = self.clone();
        self.env.spawn(Lane::Background, async move { shard.expire_producers().await });
    }

    async fn checkpoints(self: Rc<Self>) {
        let mut carried_to = 0;
        let mut pressure = self.store.journal().pressure().wait();
        while !self.stop.is_given() {
            select(pressure, self.env.sleep(IDLE_CHECKPOINT)).await;
            // Begun before the checkpoint, so that what comes while it runs is not missed.
            pressure = self.store.journal().pressure().wait();
            if self.store.journal().check().is_err() {
                // Who waits for room is to be told, rather than to wait for what does not come.
                self.relieved.notify();
            }
            let durable = self.store.journal().durable_sequence();
            let is_new = durable != carried_to;
            // Also with nothing to carry: a group that found no room is tried again after it.
            if self.stop.is_given() || !(is_new || self.store.journal().is_starved()) {
                self.store.close_idle_writers().await;
                continue;
            }
            match self.checkpoint().await {
                // One checkpoint takes so much of a log and no more: the rest waits for the next.
                Ok(()) if is_new && self.store.logs().iter().any(Log::is_dirty) => {}
                Ok(()) if is_new => carried_to = durable,
                // It could make no room: that comes from outside, in its own time.
                Ok(()) => self.env.sleep(SPACE_INTERVAL).await,
                Err(error) if error.is_passing() => {
                    tracing::warn!(shard = %self.id, %error, "not all tails are carried to segments");
                    self.env.sleep(SPACE_INTERVAL).await;
                }
                Err(error) => {
                    tracing::error!(shard = %self.id, %error, "checkpoints end");
                    return;
                }
            }
        }
    }

    /// Carries everything that is committed.
    pub async fn checkpoint(&self) -> Result<(), StorageError> {
        let carried = self.store.checkpoint(|log| self.roll_rules(log)).await;
        self.relieved.notify();
        carried.map(|bytes| tracing::debug!(shard = %self.id, bytes, "checkpoint"))
    }

    pub fn roll_rules(&self, log: &Log) -> RollRules {
        let now = self.env.now();
        match self.config_of(log.id().topic) {
            Some(config) => rules_of(&config, log.id(), now),
            None => RollRules { segment_bytes: u64::MAX, segment_ms: i64::MAX, now },
        }
    }

    async fn watch_space(self: Rc<Self>) {
        let ballast = self.controller.is_some().then(|| Ballast::new(&self.config.data_dir));
        while !self.stop.is_given() {
            match self.disk.space(&self.config.data_dir).await {
                Ok(space) => {
                    // S9, with hysteresis: let in again only when there is half as much again.
                    let floor = (space.total_bytes / 20).min(1 << 30);
                    let full = match self.disk_full.get() {
                        false => space.free_bytes < floor,
                        true => space.free_bytes < floor + floor / 2,
                    };
                    if full != self.disk_full.replace(full) {
                        let free_bytes = space.free_bytes;
                        match full {
                            true => tracing::warn!(free_bytes, "disk full: produce is refused"),
                            false => tracing::info!(free_bytes, "disk has space: produce goes on"),
                        }
                    }
                    if let Some(ballast) = &ballast {
                        ballast.trim(&self.disk, &space, full).await;
                    }
                    self.metrics.count(|figures| {
                        figures.disk_free_bytes = space.free_bytes;
                        figures.disk_total_bytes = space.total_bytes;
                    });
                }
                Err(error) => tracing::warn!(%error, "the disk's space cannot be seen"),
            }
            self.env.sleep(SPACE_INTERVAL).await;
        }
    }

    async fn retention(self: Rc<Self>) {
        while !self.stop.is_given() {
            let interval = self
                .with_broker_configs(|broker| broker.integer("log.retention.check.interval.ms"));
            self.env.sleep(Duration::from_millis(interval.max(1) as u64)).await;
            for log in self.store.logs() {
                let Some(config) = self.config_of(log.id().topic) else { continue };
                if !config.cleanup_policy.delete {
                    continue;
                }
                let rules = RetentionRules {
                    retention_ms: config.retention_ms.unwrap_or(-1),
                    retention_bytes: config.retention_bytes.unwrap_or(-1),
                    roll: rules_of(&config, log.id(), self.env.now()),
                };
                if let Err(error) = log.retain(rules).await {
                    tracing::debug!(partition = %log.id(), %error, "no retention");
                }
                self.env.breathe().await;
            }
        }
    }

    async fn expire_producers(self: Rc<Self>) {
        while !self.stop.is_given() {
            self.env.sleep(PRODUCER_EXPIRY_INTERVAL).await;
            let expiration_ms =
                self.with_broker_configs(|broker| broker.integer("producer.id.expiration.ms"));
            for log in self.store.logs() {
                while log.expire_producers(self.env.now(), expiration_ms, EXPIRE_COUNT_MAX) {
                    self.env.breathe().await;
                }
                self.env.breathe().await;
            }
        }
    }
}
