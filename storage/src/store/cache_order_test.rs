use std::future::Future;
use std::path::Path;
use std::pin::pin;

use futures::future::{FutureExt, LocalBoxFuture, select};
use pelton_model::batch::{BatchBuilder, BatchFields, BatchHeader, NewRecord};
use pelton_model::{LeaderEpoch, PartitionId, PartitionIndex, ShardId, TimestampMs, TopicId};

use super::SWEEP_MIN;
use crate::disk::sim::{SimDisk, run};
use crate::{CompactionRules, Log, NewBatch, Pace, RollRules, Store, StoreOptions};

const NOW: TimestampMs = TimestampMs::new(1_000_000);
/// Each batch has a segment of its own.
const RULES: RollRules = RollRules { segment_bytes: 1, segment_ms: i64::MAX, now: NOW };
const CARRIES: usize = 5 * SWEEP_MIN;

/// A store with a cache that none of these tests fills.
fn with_store<F: Future<Output = ()>>(work: impl FnOnce(Store) -> F) {
    run(async {
        let disk = SimDisk::new(1).disk();
        disk.create_dir_all(Path::new("/data")).await.expect("a directory");
        let (options, shard) = (StoreOptions::default(), ShardId::ZERO);
        let opened = Store::open(&disk, Path::new("/data"), shard, options, 7, NOW, |_| true).await;
        let (store, _) = opened.expect("opened");
        select(pin!(store.run_journal(|_| RULES)), pin!(work(store.clone()))).await;
    });
}

async fn place(store: &Store, index: usize) -> Log {
    let id = PartitionId::new(TopicId::from_bytes([1; 16]), PartitionIndex::new(index as i32));
    let sequence = store.place(id, LeaderEpoch::new(0)).expect("placed");
    store.journal().durable(sequence).await.expect("durable");
    store.log(id).expect("a log")
}

async fn append_and_carry(log: &Log) {
    let mut builder = BatchBuilder::new(BatchFields::default());
    let (key, value) = (Some(&b"key"[..]), Some(&b"value"[..]));
    builder.push(&NewRecord { timestamp: NOW, key, value, ..NewRecord::default() });
    let bytes = builder.build();
    let header = BatchHeader::read(&bytes).expect("a batch");
    let done = log.append(NewBatch { header, bytes, producer: None }, NOW).expect("appended");
    log.acknowledged(done.acked_by).await.expect("durable");
    log.carry(RULES).await.expect("carried");
}

fn entries(store: &Store) -> usize {
    store.0.around.memory.order.borrow().entries.len()
}

#[test]
fn logs_that_are_gone_leave_no_entries() {
    with_store(async |store| {
        let mut gone = Vec::new();
        for index in 0..CARRIES {
            let log = place(&store, index).await;
            append_and_carry(&log).await;
            store.remove(log.id()).await.expect("removed");
            // As somebody who still answers a request for it.
            gone.push(log);
            assert!(entries(&store) <= SWEEP_MIN, "{} after {index}", entries(&store));
        }
        assert_eq!(store.stats().cached_bytes, 0);
    });
}

#[test]
fn what_compaction_wrote_anew_leaves_no_entries() {
    struct Freely;
    impl Pace for Freely {
        fn pace(&self, _: usize) -> LocalBoxFuture<'_, bool> {
            async { true }.boxed_local()
        }
    }
    let rules = CompactionRules {
        now: NOW,
        delete_retention_ms: 0,
        min_cleanable_dirty_ratio: 0.0,
        min_compaction_lag_ms: 0,
        max_compaction_lag_ms: i64::MAX,
        segment_bytes: 1 << 20,
        map_bytes_max: 1 << 20,
        hash_secret: [7; 16],
    };
    with_store(async |store| {
        let log = place(&store, 0).await;
        for carries in 1..=CARRIES {
            append_and_carry(&log).await;
            if carries % 64 == 0 {
                store.compact(&log, &rules, &Freely).await.expect("compacted");
            }
            assert!(entries(&store) <= SWEEP_MIN, "{} after {carries}", entries(&store));
        }
        assert!(store.stats().cached_bytes > 0);
    });
}

/// A log that stays has as many entries as it was carried, in whatever order they come to be dropped.
#[test]
fn what_is_cached_keeps_its_entries() {
    with_store(async |store| {
        let logs = [place(&store, 0).await, place(&store, 1).await];
        for _ in 0..CARRIES / 2 {
            append_and_carry(&logs[0]).await;
            append_and_carry(&logs[1]).await;
        }
        assert_eq!(entries(&store), CARRIES / 2 * 2);
    });
}
