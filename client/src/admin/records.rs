//! Records: where partitions begin and end, and the removal of what is old.

use std::collections::BTreeMap;

use pelton_kafka::message;
use pelton_kafka::wire::DeleteRecordsRequest;
use pelton_kafka::wire::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use pelton_model::{NodeId, Offset, PartitionIndex};

use super::{Admin, unanswered};
use crate::cluster::Topic;
use crate::error::{Error, Result, check};
use crate::offsets::{OffsetAt, list_offsets};

/// Means the high watermark.
const TO_THE_END: i64 = -1;

impl Admin {
    /// Where partitions of a topic begin, end, or were at a time; a partition that has no record
    /// at or after the time asked for is missing.
    pub async fn list_offsets(
        &self,
        topic: &str,
        partitions: &[PartitionIndex],
        at: OffsetAt,
    ) -> Result<BTreeMap<PartitionIndex, Offset>> {
        list_offsets(&self.cluster, topic, partitions, at).await
    }

    /// Removes the records before an offset of each partition, or all that are there (None). Tells
    /// where each begins then: a batch goes when all of its records may.
    ///
    /// Fails with OFFSET_OUT_OF_RANGE beyond the end, and with POLICY_VIOLATION for topics that
    /// are compacted only. What was removed before the first error stays so.
    pub async fn delete_records(
        &self,
        topic: &str,
        before: &BTreeMap<PartitionIndex, Option<Offset>>,
    ) -> Result<BTreeMap<PartitionIndex, Offset>> {
        self.cluster
            .persist(topic, async |known| self.ask_leaders_to_delete(known, before).await)
            .await
    }

    async fn ask_leaders_to_delete(
        &self,
        topic: &Topic,
        before: &BTreeMap<PartitionIndex, Option<Offset>>,
    ) -> Result<BTreeMap<PartitionIndex, Offset>> {
        let mut by_leader: BTreeMap<NodeId, Vec<DeleteRecordsPartition>> = BTreeMap::new();
        for (&partition, offset) in before {
            let asked = message!(DeleteRecordsPartition {
                partition_index: partition.get(),
                offset: offset.map_or(TO_THE_END, Offset::get),
            });
            by_leader.entry(self.cluster.leader_of(topic, partition)?).or_default().push(asked);
        }
        let mut begins = BTreeMap::new();
        for (leader, partitions) in by_leader {
            let indexes: Vec<_> =
                partitions.iter().map(|partition| partition.partition_index).collect();
            let request = message!(DeleteRecordsRequest {
                topics: vec![message!(DeleteRecordsTopic {
                    name: (*topic.name).into(),
                    partitions: partitions,
                })],
                timeout_ms: self.timeout_ms(),
            });
            let connection = self.cluster.connection(leader).await?;
            let answer = connection.call(&request).await?.message;
            for index in indexes {
                let context = || format!("delete records of {}/{index}", topic.name);
                let found = answer.topics.iter().filter(|found| *found.name == *topic.name);
                let mut found = found.flat_map(|found| &found.partitions);
                let found = found
                    .find(|found| found.partition_index == index)
                    .ok_or_else(|| unanswered(context()))?;
                check(found.error_code, None, context)?;
                begins.insert(PartitionIndex::new(index), Offset::new(found.low_watermark));
            }
        }
        Ok::<_, Error>(begins)
    }
}
