//! The canary: a record a second to each partition of a topic of its own, produced and read back, so
//! that somebody notices a broker that is slow while nobody else asks. Off by default.
//!
//! It goes the way of a client's record once that is validated: sent to the owner, acknowledged when
//! it is on stable storage, and read there. Sockets and clients are not in it.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{FutureExt, join_all, select};
use pelton_cluster::ErrorKind;
use pelton_model::batch::{
    BatchBuilder, BatchBytes, BatchFields, BatchHeader, NewRecord, Prepared,
};
use pelton_model::{PartitionId, ShardId};

use super::Shard;
use crate::message::{
    BatchToAppend, Change, ChangeOutcome, PartitionToRead, Reply, Request, Stored, TopicToCreate,
};
use crate::runtime::Lane;

/// The topic, with as many partitions as there were shards when it was made: one for each.
pub const CANARY_TOPIC: &str = "__pelton_canary";

const INTERVAL: Duration = Duration::from_secs(1);

/// Where nobody reads, old records are of no use; this is the least that a topic can keep.
const KEPT_BYTES: &str = "1048576";

/// A record's value: as much as a small message of a client.
const VALUE: [u8; 64] = [b'c'; 64];

impl Shard {
    /// On shard 0, which asks for all.
    pub fn send_canaries(self: &Rc<Self>) {
        let shard = self.clone();
        self.env.spawn(Lane::Foreground, async move {
            while !shard.stop.is_given() {
                let partitions = shard.canary_partitions().await;
                let trips = partitions.into_iter().map(|(at, owner)| shard.round_trip(at, owner));
                // One that takes longer than a second is not overtaken by the next.
                join_all(trips).await;
                select(shard.stop.stopped().boxed_local(), shard.env.sleep(INTERVAL)).await;
            }
        });
    }

    /// Produces a record and reads it back; counts how long that took, or that it failed.
    async fn round_trip(self: &Rc<Self>, partition: PartitionId, owner: ShardId) {
        let began = self.env.elapsed();
        let returned = match self.produce_canary(partition, owner).await {
            Some(stored) => self.read_canary(partition, owner, stored).await,
            None => false,
        };
        let took = self.env.elapsed() - began;
        self.metrics.count(|figures| {
            let canary = figures.canary.get_or_insert_default();
            match returned {
                true => canary.roundtrips.record_time(took),
                false => canary.lost += 1,
            }
        });
    }

    async fn produce_canary(
        self: &Rc<Self>,
        partition: PartitionId,
        owner: ShardId,
    ) -> Option<Stored> {
        let timestamp = self.env.now();
        let mut batch = BatchBuilder::new(BatchFields::default());
        batch.push(&NewRecord { timestamp, value: Some(&VALUE), ..NewRecord::default() });
        let input = Bytes::from(batch.build());
        let (header, bytes) = (BatchHeader::read(&input).ok()?, input.len());
        let bytes = BatchBytes::AsSent { bytes };
        let prepared = Prepared { header, bytes, producer: None };
        let batch = BatchToAppend { partition, prepared, input };
        match self.ask(owner, Request::Append(vec![batch])).await {
            Reply::Appended(outcomes) => outcomes.into_iter().next()?.result.ok(),
            _ => None,
        }
    }

    async fn read_canary(
        self: &Rc<Self>,
        partition: PartitionId,
        owner: ShardId,
        stored: Stored,
    ) -> bool {
        let read = PartitionToRead {
            partition,
            offset: stored.base_offset,
            bytes_max: 1,
            current_epoch: -1,
            last_fetched_epoch: -1,
        };
        match self.ask(owner, Request::Read { partitions: vec![read], bytes_max: 1 }).await {
            Reply::Read(outcomes) => outcomes
                .first()
                .is_some_and(|outcome| outcome.result.as_ref().is_ok_and(|read| read.bytes > 0)),
            _ => false,
        }
    }

    /// The partitions and their owners; makes the topic if it is not there.
    async fn canary_partitions(self: &Rc<Self>) -> Vec<(PartitionId, ShardId)> {
        if self.view.borrow().cluster.topic(CANARY_TOPIC).is_none() {
            self.make_canary_topic().await;
        }
        let view = self.view.borrow();
        let topic = view.cluster.topic(CANARY_TOPIC);
        let partitions = topic.into_iter().flat_map(|topic| topic.partitions());
        partitions.filter_map(|partition| Some((partition, view.owner(partition)?))).collect()
    }

    async fn make_canary_topic(self: &Rc<Self>) {
        let config = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
        let topic = TopicToCreate {
            name: CANARY_TOPIC.to_owned(),
            partition_count: i32::try_from(self.shard_count()).unwrap_or(1),
            replication_factor: -1,
            assignments: Vec::new(),
            configs: vec![
                config("cleanup.policy", "delete"),
                config("segment.bytes", KEPT_BYTES),
                config("retention.bytes", KEPT_BYTES),
            ],
        };
        let change = Change::CreateTopics { topics: vec![topic], validate_only: false };
        let made = match self.ask(self.id, Request::Change(change)).await {
            Reply::Changed(ChangeOutcome::TopicsCreated(outcomes)) => outcomes,
            _ => return,
        };
        for error in made.into_iter().filter_map(Result::err) {
            // A client was faster, which is as good.
            if error.kind != ErrorKind::TopicAlreadyExists {
                tracing::error!(%error, "{CANARY_TOPIC} cannot be made");
            }
        }
    }
}
