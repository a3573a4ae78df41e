//! Reads the topic again and holds it against what compaction has to leave.

use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt, TryStreamExt};
use pelton_client::{
    Cluster, Consumer, ConsumerOptions, Event, OffsetAt, Partitions, StartAt, list_offsets,
};
use pelton_model::PartitionIndex;

use super::filling::Filling;
use super::ledger::{Ledger, Verdict};
use crate::clock;
use crate::error::{Error, Result};
use crate::topic::TopicNames;

/// Partitions that are read at once: each holds what was fetched ahead.
const READING_MAX: usize = 4;

/// Before a log that is not compacted yet is read again.
const PAUSE: Duration = Duration::from_secs(1);

/// The last reading's verdict: until `deadline` a log that is not compacted whole is read again. What
/// is lost or changed will not come back.
pub(super) async fn verify(
    cluster: &Cluster,
    topic: &TopicNames,
    fillings: Vec<Filling>,
    deadline: Instant,
) -> Result<Verdict> {
    let verdicts = stream::iter(fillings)
        .map(|filling| of_partition(cluster, topic, filling, deadline))
        .buffer_unordered(READING_MAX);
    verdicts
        .try_fold(Verdict::default(), |mut sum, verdict| async move {
            sum.add(&verdict);
            Ok(sum)
        })
        .await
}

async fn of_partition(
    cluster: &Cluster,
    topic: &TopicNames,
    filling: Filling,
    deadline: Instant,
) -> Result<Verdict> {
    let partition = PartitionIndex::new(filling.partition);
    let mut ledger = Ledger::new(filling);
    loop {
        ledger.begin_again();
        read(cluster, topic, partition, &mut ledger).await?;
        let verdict = ledger.verdict();
        if !verdict.is_sound() || verdict.is_compacted() || clock::now() > deadline {
            return Ok(verdict);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn read(
    cluster: &Cluster,
    topic: &TopicNames,
    partition: PartitionIndex,
    ledger: &mut Ledger,
) -> Result<()> {
    let ends = list_offsets(cluster, &topic.name, &[partition], OffsetAt::Latest).await?;
    let end = ends.get(&partition).copied();
    let end = end.ok_or_else(|| Error::Invalid(format!("partition {partition} has no end")))?;
    let consumer = Consumer::new(cluster.clone(), ConsumerOptions::default())?;
    let only = Partitions::Only(vec![partition]);
    consumer.assign(&topic.name, &only, StartAt::Beginning).await?;
    loop {
        match consumer.next().await? {
            Event::Record(record) => {
                ledger.read(record.offset.get(), record.key.as_deref(), record.value.as_deref());
            }
            Event::EndOfPartition { offset, .. } if offset >= end => return Ok(()),
            Event::EndOfPartition { .. } => {}
        }
    }
}
