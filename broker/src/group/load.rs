//! From a partition's log to its coordinator.

use std::rc::Rc;
use std::time::Duration;

use pelton_group::{Assignors, ConsumerConfig, Coordinator, GroupConfig, MigrationPolicy};
use pelton_model::batch::{Batches, Records, record_bytes};
use pelton_storage::{AckedBy, Log, ReadLimits};

use super::{Hosted, HostedState};
use crate::runtime::Lane;
use crate::shard::Shard;

/// Bytes of the log replayed between two looks at it.
const SLICE_BYTES: usize = 256 << 10;

/// What a compressed batch of the log may become; we write none, a restored one may be.
const DECOMPRESSED_BYTES_MAX: usize = 32 << 20;

impl Shard {
    /// Begins to load. An empty log is loaded at once, so that a topic's first user need not come
    /// back.
    pub(super) fn load(self: &Rc<Self>, hosted: &Rc<Hosted>) {
        *hosted.state.borrow_mut() = HostedState::Loading;
        let log = self.store.log(hosted.partition);
        if log.is_some_and(|log| log.end_offset() == log.start_offset()) {
            self.loaded(hosted, Coordinator::new(self.group_config()));
            return;
        }
        let (shard, hosted) = (self.clone(), hosted.clone());
        self.env.spawn(Lane::Background, async move {
            let began = shard.env.elapsed();
            let outcome = shard.replay_log(&hosted).await;
            if !matches!(*hosted.state.borrow(), HostedState::Loading) {
                return;
            }
            match outcome {
                Ok(coordinator) => {
                    let took = shard.env.elapsed() - began;
                    let took_ms = took.as_millis() as u64;
                    shard.metrics.count(|figures| figures.coordinator_loads.record_time(took));
                    tracing::debug!(partition = %hosted.partition, took_ms, "coordinator loaded");
                    shard.loaded(&hosted, coordinator);
                }
                Err(why) => {
                    tracing::error!(partition = %hosted.partition, why, "no coordinator");
                    *hosted.state.borrow_mut() = HostedState::Failed;
                }
            }
        });
    }

    fn loaded(self: &Rc<Self>, hosted: &Rc<Hosted>, coordinator: Coordinator) {
        *hosted.state.borrow_mut() = HostedState::Ready(Box::new(coordinator));
        let shard = self.clone();
        let begun = hosted.clone();
        hosted.life.set(hosted.life.get() + 1);
        self.env.spawn(Lane::Foreground, shard.clone().run_group_timers(hosted.clone()));
        if let Ok(outgoing) = self.step(hosted, Coordinator::begin) {
            self.env.spawn(Lane::Foreground, async move {
                shard.send_replies(&begun, outgoing).await;
                shard.forget_unknown_topics(&begun).await;
            });
        }
    }

    async fn replay_log(&self, hosted: &Hosted) -> Result<Coordinator, String> {
        let log = self.store.log(hosted.partition).ok_or("the partition is not here")?;
        // What an earlier life of the coordinator appended either is in the log or never will be.
        let newest = AckedBy::Commit(hosted.newest.get());
        log.acknowledged(newest).await.map_err(|it| it.to_string())?;
        let mut coordinator = Coordinator::new(self.group_config());
        let mut offset = log.start_offset();
        while offset < log.commit_offset() {
            let limits =
                ReadLimits { bytes_max: SLICE_BYTES, at_least_one: true, end: log.commit_offset() };
            let read = log.read(offset, limits).await.map_err(|error| format!("{error:?}"))?;
            let before = offset;
            for slice in &read.slices {
                for batch in Batches::new(slice) {
                    let (header, bytes) = batch.map_err(|error| error.to_string())?;
                    offset = header.next_offset();
                    if header.is_control() {
                        continue;
                    }
                    let records = record_bytes(&header, bytes, DECOMPRESSED_BYTES_MAX)
                        .map_err(|error| error.to_string())?;
                    for record in Records::new(&header, &records) {
                        let record = record.map_err(|error| error.to_string())?;
                        let Some(key) = record.key else { continue };
                        coordinator.replay(key, record.value).map_err(|error| {
                            format!("a record near offset {}: {error}", header.base_offset)
                        })?;
                        self.env.breathe().await;
                    }
                }
            }
            if offset == before {
                return Err(stuck(&log));
            }
        }
        Ok(coordinator)
    }

    fn group_config(&self) -> GroupConfig {
        self.with_broker_configs(|broker| {
            let integer = |name| broker.integer(name);
            let int = |name| i32::try_from(integer(name)).unwrap_or(i32::MAX);
            let size = |number: i64| usize::try_from(number).unwrap_or(0);
            let milliseconds = |name| Duration::from_millis(size(integer(name)) as u64);
            GroupConfig {
                group_min_session_timeout_ms: int("group.min.session.timeout.ms"),
                group_max_session_timeout_ms: int("group.max.session.timeout.ms"),
                group_initial_rebalance_delay: milliseconds("group.initial.rebalance.delay.ms"),
                group_max_size: size(integer("group.max.size")),
                offset_metadata_max: size(integer("offset.metadata.max.bytes")),
                offsets_retention_ms: integer("offsets.retention.minutes").saturating_mul(60_000),
                offsets_retention_check_interval: milliseconds(
                    "offsets.retention.check.interval.ms",
                ),
                consumer: ConsumerConfig {
                    group_max_size: size(integer("group.consumer.max.size")),
                    assignors: Assignors::from_names(broker.list("group.consumer.assignors")),
                    migration_policy: MigrationPolicy::from_name(
                        broker.text("group.consumer.migration.policy").unwrap_or_default(),
                    ),
                },
            }
        })
    }
}

fn stuck(log: &Log) -> String {
    format!("reading ends at {} of {}", log.start_offset(), log.commit_offset())
}
