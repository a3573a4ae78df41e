//! Switches compaction on and finds out when it is over.
//!
//! Kafka's protocol does not tell. But the sizes of partitions (DescribeLogDirs) grow by what is
//! produced, and become less only when something has been compacted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pelton_client::{Admin, Cluster, ConfigChange, ConfigResource};
use pelton_kafka::wire::DescribeLogDirsRequest;
use pelton_kafka::wire::describe_log_dirs_request::DescribableLogDirTopic;
use pelton_kafka::{ErrorCode, message};

use super::CompactionPlan;
use super::scrape::{CompactedBytes, compacted_bytes};
use crate::clock;
use crate::error::{Error, Result};
use crate::process::{Sample, Usage};
use crate::topic::TopicNames;

/// How exactly it is known when compaction began and ended.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How it went.
#[derive(Debug)]
pub(super) struct Compaction {
    pub switched_on: Instant,
    /// If metrics tell.
    pub began: Option<Instant>,
    pub ended: Instant,
    pub bytes_before: u64,
    pub bytes_after: u64,
    pub compacted: Option<CompactedBytes>,
    /// Of the broker, from the switch to the end.
    pub server: Option<Usage>,
}

/// The broker at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub at: Instant,
    pub bytes: u64,
    pub compacted: Option<CompactedBytes>,
    pub server: Option<Sample>,
}

/// From looks to when it began and ended. Pure.
#[derive(Debug)]
pub(super) struct Tracker {
    first: Look,
    last: Look,
    began: Option<Instant>,
    /// The last one that showed that something had been compacted.
    active: Option<Look>,
}

impl Tracker {
    pub fn new(first: Look) -> Self {
        Self { first, last: first, began: None, active: None }
    }

    pub fn look(&mut self, look: Look) {
        let is_active = look.bytes < self.last.bytes || look.compacted != self.last.compacted;
        if is_active {
            self.active = Some(look);
            if look.compacted.is_some() {
                // It began after the look before this one.
                self.began.get_or_insert(self.last.at);
            }
        }
        self.last = look;
    }

    /// Once something was compacted, and for so long nothing any more.
    pub fn ended(&self, settle: Duration) -> Option<Compaction> {
        let active = self.active.filter(|active| self.last.at - active.at >= settle)?;
        let first = &self.first;
        Some(Compaction {
            switched_on: first.at,
            began: self.began,
            ended: active.at,
            bytes_before: first.bytes,
            bytes_after: active.bytes,
            compacted: active.compacted.zip(first.compacted).map(|(now, then)| now.since(then)),
            server: active.server.zip(first.server).map(|(now, then)| now.since(&then)),
        })
    }
}

pub(super) async fn compact(
    plan: &CompactionPlan,
    cluster: &Cluster,
    topic: &TopicNames,
) -> Result<Compaction> {
    let mut tracker = Tracker::new(look(plan, cluster, topic).await?);
    let change = ("cleanup.policy".into(), ConfigChange::Set("compact".into()));
    let resource = ConfigResource::Topic(topic.name.to_string());
    let changes = BTreeMap::from([change]);
    Admin::new(cluster.clone()).alter_configs(&resource, &changes, false).await?;
    let deadline = clock::now() + plan.within;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        tracker.look(look(plan, cluster, topic).await?);
        if let Some(ended) = tracker.ended(plan.settle) {
            return Ok(ended);
        }
        if clock::now() > deadline {
            let seconds = plan.within.as_secs_f64();
            let what = if tracker.active.is_some() { "has not ended" } else { "has not begun" };
            return Err(Error::Invalid(format!("compaction {what} within {seconds} s")));
        }
    }
}

async fn look(plan: &CompactionPlan, cluster: &Cluster, topic: &TopicNames) -> Result<Look> {
    let compacted = match &plan.metrics {
        Some(address) => Some(compacted_bytes(address).await?),
        None => None,
    };
    Ok(Look {
        bytes: size_of(cluster, topic).await?,
        compacted,
        server: plan.server_pid.map(Sample::of).transpose()?,
        at: clock::now(),
    })
}

/// Of the topic's partitions, wherever they are.
async fn size_of(cluster: &Cluster, topic: &TopicNames) -> Result<u64> {
    let partitions = topic.partitions().iter().map(|index| index.get()).collect::<Vec<_>>();
    let mut bytes = 0;
    for broker in cluster.brokers() {
        let request = message!(DescribeLogDirsRequest {
            topics: Some(vec![message!(DescribableLogDirTopic {
                topic: topic.name.clone(),
                partitions: partitions.clone(),
            })]),
        });
        let answer = cluster.connection(broker.id).await?.call(&request).await?.message;
        for found in &answer.results {
            let code = ErrorCode::from_code(found.error_code);
            if code != ErrorCode::None {
                let context = format!("sizes of {}", topic.name.as_str());
                return Err(Error::Broker { context, code });
            }
            let sizes = found.topics.iter().flat_map(|topic| &topic.partitions);
            bytes += sizes.map(|it| u64::try_from(it.partition_size).unwrap_or(0)).sum::<u64>();
        }
    }
    Ok(bytes)
}

#[cfg(test)]
#[path = "watch_test.rs"]
mod watch_test;
