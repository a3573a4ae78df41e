//! Brings a partition's records in, each at the offset that is its index, and closes the segments
//! that they lie in.

use bytes::Bytes;
use pelton_kafka::produce::{
    self, ProducePartition, ProduceRequest, ProduceResponse, ProduceTopic,
};
use pelton_kafka::{ApiKey, ErrorCode, ResponseHeader};
use pelton_model::TimestampMs;

use super::CompactionPlan;
use super::filling::Filling;
use crate::batches::BatchPool;
use crate::clock;
use crate::connection::{CLIENT_ID, Connection};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::topic::TopicNames;

const PRODUCE_TIMEOUT_MS: i32 = 30_000;

pub(super) async fn fill(
    plan: &CompactionPlan,
    load: &Plan,
    topic: &TopicNames,
    filling: &Filling,
) -> Result<()> {
    let leader = topic.leaders.get(filling.partition as usize);
    let leader = leader.ok_or_else(|| Error::Invalid("a partition has no leader".into()))?;
    let mut connection = Connection::connect(leader).await?;
    let version = connection.version_of(ApiKey::PRODUCE, produce::VERSIONS)?;
    let mut inlet = Inlet { connection: &mut connection, version, topic, filling };
    let mut next = 0;
    while next < filling.records {
        let count = plan.batch_records.min(filling.records - next);
        let at = TimestampMs::new(clock::wall_ms() as i64);
        let offset = inlet.append(filling.batch(next, count, plan.compression, at)).await?;
        if u64::try_from(offset) != Ok(next) {
            return Err(Error::Invalid(format!(
                "record {next} of partition {} has come to offset {offset}: somebody else writes",
                filling.partition
            )));
        }
        next += count;
    }
    // A segment's worth of the load's records: what is to be compacted is not in the last one.
    let at = TimestampMs::new(clock::wall_ms() as i64);
    let mut pool = BatchPool::encode(&load.batch, load.pool_bytes, at, u64::MAX);
    let batches = plan.segment_bytes.div_ceil(pool.batch_bytes().max(1)) + 1;
    for _ in 0..batches {
        inlet.append(pool.next_batch()).await?;
    }
    Ok(())
}

struct Inlet<'a> {
    connection: &'a mut Connection,
    version: i16,
    topic: &'a TopicNames,
    filling: &'a Filling,
}

impl Inlet<'_> {
    /// The offset of the batch's first record.
    async fn append(&mut self, batch: Bytes) -> Result<i64> {
        let partition = self.filling.partition;
        let request = ProduceRequest {
            transactional_id: None,
            acks: -1,
            timeout_ms: PRODUCE_TIMEOUT_MS,
            topics: vec![ProduceTopic {
                topic: self.topic.reference(self.version >= 13),
                partitions: vec![ProducePartition { index: partition, records: Some(batch) }],
            }],
        };
        let frame = request
            .encode(0, Some(CLIENT_ID), self.version)
            .map_err(|error| Error::Invalid(format!("a Produce cannot be encoded: {error}")))?;
        let answer = self.connection.exchange(frame).await?;
        let answer = ResponseHeader::decode(answer, ApiKey::PRODUCE, self.version)
            .and_then(|(_, body)| ProduceResponse::decode(body, self.version))
            .map_err(|error| Error::Invalid(format!("an answer to Produce: {error}")))?;
        let mut told = answer.topics.iter().flat_map(|topic| &topic.partitions);
        match told.next() {
            Some(told) if told.error == ErrorCode::None => Ok(told.base_offset),
            Some(told) => {
                let context = format!("filling partition {partition}");
                Err(Error::Broker { context, code: told.error })
            }
            None => Err(Error::Invalid("a Produce was answered without its partition".into())),
        }
    }
}
