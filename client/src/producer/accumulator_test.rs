use std::time::Duration;

use bytes::Bytes;
use pelton_model::{ProducerEpoch, ProducerId, TopicId};

use super::*;
use crate::backoff::Backoff;
use crate::cluster::Partition;
use crate::producer::batch::Body;
use crate::producer::record::Appended;

const LINGER: Duration = Duration::from_millis(5);

struct Bench {
    accumulator: Accumulator,
    topic: Topic,
    start: Instant,
    is_pressed: bool,
}

impl Bench {
    fn new() -> Self {
        let rules = Rules {
            is_idempotent: true,
            batches_away_max: 5,
            batch_bytes: 1000,
            linger: LINGER,
            delivery_timeout: Duration::from_secs(10),
            backoff: Backoff { first: LINGER, max: LINGER },
        };
        let partition = |index| Partition {
            index: PartitionIndex::new(index),
            leader: Some(NodeId::new(index % 2)),
            leader_epoch: None,
            replicas: Vec::new(),
            in_sync_replicas: Vec::new(),
            offline_replicas: Vec::new(),
        };
        let topic = Topic {
            name: "t".into(),
            id: TopicId::ZERO,
            is_internal: false,
            partitions: (0..4).map(partition).collect(),
        };
        let accumulator = Accumulator::new(rules, BatchFields::default());
        Self { accumulator, topic, start: Instant::now(), is_pressed: false }
    }

    fn append(
        &mut self,
        partition: Option<i32>,
        key: Option<&[u8]>,
        value_bytes: usize,
    ) -> Delivery {
        self.try_append(partition, key, value_bytes).unwrap()
    }

    fn try_append(
        &mut self,
        partition: Option<i32>,
        key: Option<&[u8]>,
        value_bytes: usize,
    ) -> Result<Delivery> {
        let value = vec![0; value_bytes];
        let arrival = Arrival {
            topic: &self.topic,
            partition: partition.map(PartitionIndex::new),
            record: NewRecord { key, value: Some(&value), ..NewRecord::default() },
            reserved_bytes: 1,
            callback: None,
        };
        Ok(self.accumulator.append(arrival, self.start, || 0.0)?.0)
    }

    fn take(&mut self, after: Duration, nodes: &[i32]) -> Vec<i32> {
        let identity = Identity { id: ProducerId::new(1), epoch: ProducerEpoch::new(0) };
        let place = |_: &_, partition: PartitionIndex, _| {
            let leader = partition.get() % 2;
            nodes.contains(&leader).then(|| NodeId::new(leader))
        };
        let now = self.start + after;
        let ready = self.accumulator.take_ready(now, self.is_pressed, Some(identity), place);
        let mut partitions: Vec<_> =
            ready.parcels.iter().map(|(_, parcel)| parcel.partition.get()).collect();
        partitions.sort_unstable();
        partitions
    }
}

#[test]
fn one_batch_of_each_partition_is_taken_at_a_time() {
    let mut bench = Bench::new();
    for partition in [0, 0, 1, 3] {
        bench.append(Some(partition), None, 990);
    }
    bench.accumulator.seal_all();
    assert_eq!(bench.take(Duration::ZERO, &[0, 1]), [0, 1, 3]);
    assert!(bench.take(Duration::ZERO, &[0, 1]).is_empty());
}

#[test]
fn what_a_busy_broker_cannot_take_stays() {
    let mut bench = Bench::new();
    bench.append(Some(0), None, 10);
    bench.append(Some(1), None, 10);
    assert_eq!(bench.take(LINGER, &[1]), [1]);
    assert_eq!(bench.take(LINGER, &[0, 1]), [0]);
}

#[test]
fn a_key_goes_to_its_partition_and_no_key_to_the_sticky_one() {
    let mut bench = Bench::new();
    let by_key = bench.append(None, Some(b"key"), 10).partition();
    assert_eq!(by_key, partition_of_key(b"key", 4));
    assert_eq!(bench.append(None, None, 10).partition(), PartitionIndex::new(0));
    assert_eq!(bench.append(None, None, 10).partition(), PartitionIndex::new(0));
}

#[test]
fn a_record_larger_than_a_batch_gets_one_of_its_own() {
    let mut bench = Bench::new();
    bench.append(Some(0), None, 5000);
    bench.append(Some(0), None, 10);
    assert_eq!(bench.take(Duration::ZERO, &[0]), [0]);
    assert!(bench.take(Duration::ZERO, &[0]).is_empty(), "the small one lingers");
}

#[test]
fn while_somebody_waits_for_room_no_batch_lingers() {
    let mut bench = Bench::new();
    bench.append(Some(0), None, 10);
    assert!(bench.take(Duration::ZERO, &[0]).is_empty());
    bench.is_pressed = true;
    assert_eq!(bench.take(Duration::ZERO, &[0]), [0]);
}

#[test]
fn without_a_producer_id_one_is_asked_for() {
    let mut bench = Bench::new();
    assert!(
        bench
            .accumulator
            .take_ready(bench.start, false, None, |_, _, _| None)
            .identity_wanted
            .is_none()
    );
    bench.append(Some(0), None, 5000);
    let ready = bench.accumulator.take_ready(bench.start, false, None, |_, _, _| None);
    assert_eq!(ready.identity_wanted, Some(None));
}

#[tokio::test(flavor = "current_thread")]
async fn every_record_of_a_batch_learns_its_own_offset() {
    let mut bench = Bench::new();
    let first = bench.append(Some(0), None, 10);
    let second = bench.append(Some(0), None, 10);
    let outcomes = bench.accumulator.unsettled();
    assert_eq!(outcomes.len(), 1);
    assert_eq!(bench.take(LINGER, &[0]), [0]);
    let parcel = Parcel {
        topic: "t".into(),
        partition: PartitionIndex::new(0),
        ticket: 1,
        number: None,
        body: Body::Encoded { bytes: Bytes::new(), number: None },
    };
    let appended =
        Appended { base_offset: Some(pelton_model::Offset::new(40)), log_append_time: None };
    let verdict = Verdict::Appended(appended);
    let settled = bench.accumulator.returned(parcel, verdict, bench.start, 0.5).unwrap();
    assert_eq!(settled.reserved_bytes, 2);
    settled.announce();
    assert_eq!(first.await.unwrap().offset.unwrap().get(), 40);
    assert_eq!(second.await.unwrap().offset.unwrap().get(), 41);
}

#[tokio::test(flavor = "current_thread")]
async fn what_is_dropped_is_told_so() {
    let mut bench = Bench::new();
    let delivery = bench.append(Some(0), None, 10);
    drop(bench);
    assert_eq!(delivery.await, Err(Error::Closed));
}

#[test]
fn the_bound_of_a_record_holds() {
    let headers: Vec<(&[u8], Option<&[u8]>)> = vec![(b"name", Some(b"value")), (b"", None)];
    let record = NewRecord {
        timestamp: pelton_model::TimestampMs::new(i64::MAX),
        key: Some(&[1; 200]),
        value: Some(&[2; 20_000]),
        headers: &headers,
    };
    let mut builder = pelton_model::batch::BatchBuilder::default();
    builder.push(&NewRecord { timestamp: pelton_model::TimestampMs::new(-1), ..record });
    let before = builder.uncompressed_bytes();
    builder.push(&record);
    assert!(builder.uncompressed_bytes() - before <= record_bytes_max(&record));
}

#[tokio::test(flavor = "current_thread")]
async fn after_the_end_nothing_is_taken() {
    let mut bench = Bench::new();
    let delivery = bench.append(Some(0), None, 10);
    bench.accumulator.close().into_iter().for_each(Settlement::announce);
    assert_eq!(delivery.await, Err(Error::Closed));
    assert_eq!(bench.try_append(Some(0), None, 10).map(drop), Err(Error::Closed));
}
