//! OpenMessaging Benchmark's files (openmessaging/benchmark on GitHub): its workloads and its Kafka
//! drivers, as plans of ours.
//!
//! What a file asks for is done, or is told in a note, or is refused: never left out in silence.
//! Differences that are in the nature of things: batches are encoded beforehand, so that a linger
//! is a batch's size at the given rate, and several topics are one with as many partitions.

mod driver;
mod properties;
mod workload;

use std::time::Duration;

pub use driver::OmbDriver;
pub use workload::OmbWorkload;

use crate::error::{Error, Result};
use crate::plan::{Plan, Workload};
use crate::schedule::Rate;

/// What the command line says beside the files.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    pub bootstrap: Option<String>,
    pub replication_factor: Option<i16>,
    pub rate: Option<Rate>,
    pub warm_up: Option<Duration>,
    pub duration: Option<Duration>,
    pub backlog_bytes: Option<u64>,
}

/// A plan, and what someone who knows the files should be told about it.
#[derive(Clone, Debug)]
pub struct Translation {
    pub plan: Plan,
    pub notes: Vec<String>,
}

/// OMB draws keys from so many, each seven random bytes in base64.
const KEYS: u64 = 10_000;
const KEY_BYTES: usize = 12;

/// # Errors
/// What is not supported, by the name that it has in the file.
pub fn translate(
    workload: &OmbWorkload,
    driver: &OmbDriver,
    overrides: &Overrides,
) -> Result<Translation> {
    workload.check()?;
    let settings = driver.settings()?;
    let mut notes = settings.notes;
    let bootstrap = overrides.bootstrap.clone().or(settings.bootstrap).ok_or_else(|| {
        Error::Invalid("the driver names no bootstrap.servers: give --bootstrap".into())
    })?;

    let is_backlog = workload.consumer_backlog_size_gb > 0;
    let has_consumers = workload.subscriptions_per_topic > 0;
    let kind = match (has_consumers, is_backlog) {
        (false, _) => Workload::Produce,
        (true, false) => Workload::EndToEnd,
        (true, true) => Workload::CatchUp,
    };
    let mut plan = Plan::new(kind, &bootstrap);
    let partitions = i32::try_from(workload.topics.saturating_mul(workload.partitions_per_topic));
    plan.topic.partitions = partitions.unwrap_or(i32::MAX);
    if workload.topics > 1 {
        notes.push(format!(
            "{} topics of {} partitions are one topic of {}",
            workload.topics, workload.partitions_per_topic, plan.topic.partitions
        ));
    }
    plan.topic.configs = settings.topic_configs;
    let replication_factor = overrides.replication_factor.unwrap_or(driver.replication_factor);
    plan.topic.replication_factor = Some(replication_factor);
    let in_sync = plan.topic.configs.get("min.insync.replicas").and_then(|text| text.parse().ok());
    if let Some(in_sync) = in_sync.filter(|&in_sync: &i16| in_sync > replication_factor) {
        plan.topic.configs.remove("min.insync.replicas");
        notes.push(format!(
            "min.insync.replicas={in_sync} is left out, the replication factor being \
             {replication_factor}"
        ));
    }

    plan.connections = count(workload.producers_per_topic.saturating_mul(workload.topics));
    plan.consumers =
        count(workload.consumer_per_subscription.saturating_mul(workload.topics)).max(1);
    plan.in_flight = settings.in_flight;
    plan.acks = settings.acks;
    plan.fetch = settings.fetch;
    plan.warm_up = overrides.warm_up.unwrap_or(minutes(workload.warmup_duration_minutes));
    plan.duration = overrides.duration.unwrap_or(minutes(workload.test_duration_minutes));
    if kind == Workload::CatchUp {
        // It takes as long as it takes.
        for (name, minutes) in [
            ("testDurationMinutes", workload.test_duration_minutes),
            ("warmupDurationMinutes", workload.warmup_duration_minutes),
        ] {
            notes.push(format!(
                "{name} {minutes} is left out: a backlog is drained once, to its end"
            ));
        }
    }
    plan.backlog_bytes = overrides
        .backlog_bytes
        .unwrap_or(workload.consumer_backlog_size_gb.saturating_mul(1 << 30));
    plan.rate = overrides.rate.or_else(|| {
        (workload.producer_rate > 0)
            .then(|| Rate::RecordsPerSecond(f64::from(workload.producer_rate)))
    });
    if plan.rate.is_none() {
        notes.push(
            "producerRate 0: as fast as requests are answered, instead of a search for the rate"
                .into(),
        );
    }

    let batch = &mut plan.batch;
    batch.value_bytes = workload.message_size as usize;
    batch.compression = settings.compression;
    if workload.use_randomized_payloads {
        batch.compressibility = (1.0 - workload.random_bytes_ratio).clamp(0.0, 1.0);
    } else {
        notes.push("values are noise of messageSize, not what is in payloadFile".into());
    }
    let record_bytes = batch.value_bytes.max(1) as u64;
    batch.records = u32::try_from(settings.batch_bytes / record_bytes).unwrap_or(u32::MAX).max(1);
    if workload.has_keys() {
        batch.key_bytes = KEY_BYTES;
        batch.keys = KEYS;
        // Keys spread what arrives within a linger over all partitions.
        let mine = (plan.topic.partitions as usize).div_ceil(plan.connections);
        let fitting = REQUEST_BYTES / batch.payload_bytes().max(1);
        plan.batches_per_request = mine.min(count(fitting)).max(1);
    }
    plan.linger(settings.linger);
    plan.check()?;
    Ok(Translation { plan, notes })
}

/// `max.request.size` as Kafka's producers have it.
const REQUEST_BYTES: u64 = 1 << 20;

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes.saturating_mul(60))
}

fn parse_yaml<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_yaml_ng::from_str(text).map_err(|error| {
        Error::Invalid(format!("not a {what} of OpenMessaging Benchmark: {error}"))
    })
}

#[cfg(test)]
#[path = "omb_test.rs"]
mod omb_test;
