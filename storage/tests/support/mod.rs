//! What the tests of the whole store share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};

use bytes::Bytes;
use futures::future::{Either, join, select};
use pelton_model::batch::{BatchBuilder, BatchFields, BatchHeader, NewRecord, ProducerBatch};
use pelton_model::{
    LeaderEpoch, Offset, PartitionId, PartitionIndex, ProducerEpoch, ProducerId, ShardId,
    TimestampMs, TopicId,
};
use pelton_storage::disk::Disk;
use pelton_storage::disk::sim::{SimDisk, run};
use pelton_storage::journal::JournalOptions;
use pelton_storage::{
    Log, NewBatch, OpenError, ReadError, ReadLimits, ReadSlices, RecoveryReport, RetentionRules,
    RollRules, Store, StoreOptions,
};

pub const NOW: TimestampMs = TimestampMs::new(1_700_000_000_000);
pub const EPOCH: LeaderEpoch = LeaderEpoch::new(1);

/// The number of every ring.
pub const SEED: u32 = 0x5EED_5EED;

/// A ring so small that every test goes round it, and no cache: what is carried is read from disk.
pub const SMALL: StoreOptions = StoreOptions {
    journal: JournalOptions { file_bytes: 64 << 10, ring_bytes_max: 256 << 10 },
    cache_bytes: 0,
    direct_flush_bytes: usize::MAX,
    open_files_max: 16,
};

pub fn data_dir() -> PathBuf {
    PathBuf::from("/data")
}

pub fn shard_dir() -> PathBuf {
    data_dir().join("shard/0")
}

pub fn partition(topic: u8, index: i32) -> PartitionId {
    PartitionId::new(TopicId::from_bytes([topic; 16]), PartitionIndex::new(index))
}

pub fn partition_dir(id: PartitionId) -> PathBuf {
    data_dir().join("topics").join(id.topic.to_string()).join(id.index.to_string())
}

/// A disk with a durable data directory.
pub fn new_disk(seed: u64) -> SimDisk {
    let sim = SimDisk::new(seed);
    run(async {
        let disk = sim.disk();
        disk.create_dir_all(&data_dir()).await.expect("a directory");
        disk.sync_dir(Path::new("/")).await.expect("a directory");
    });
    sim
}

pub async fn try_open(
    disk: &Disk,
    options: StoreOptions,
) -> Result<(Store, RecoveryReport), OpenError> {
    Store::open(disk, &data_dir(), ShardId::ZERO, options, SEED, NOW, |_| true).await
}

pub async fn open(sim: &SimDisk, options: StoreOptions) -> (Store, RecoveryReport) {
    try_open(&sim.disk(), options).await.expect("a start is never refused")
}

/// Runs `work` beside the store's journal.
pub async fn beside_journal<T>(store: &Store, work: impl Future<Output = T>) -> T {
    let rules = |_: &Log| roll_at(1 << 30);
    let journal = pin!(join(store.run_journal(rules), store.run_carries(rules)));
    let work = pin!(work);
    match select(journal, work).await {
        Either::Left((_, work)) => work.await,
        Either::Right((done, _)) => done,
    }
}

/// Opens a store on the disk and runs `work` beside its journal.
pub fn with_store<T, F: Future<Output = T>>(
    sim: &SimDisk,
    options: StoreOptions,
    work: impl FnOnce(Store) -> F,
) -> T {
    run(async {
        let (store, _) = open(sim, options).await;
        beside_journal(&store, work(store.clone())).await
    })
}

/// A future that is polled step by step, so that fate can strike between two steps.
pub struct Steps<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<'a, T> Steps<'a, T> {
    pub fn new(future: impl Future<Output = T> + 'a) -> Self {
        Self { future: Box::pin(future), woken: Arc::new(Woken(AtomicBool::new(true))) }
    }

    /// Whether it has nothing to do before somebody wakes it.
    pub fn is_waiting(&self) -> bool {
        !self.woken.0.load(Ordering::Relaxed)
    }

    /// The result, once it is there.
    ///
    /// # Panics
    /// If the future waits for something that nobody will do.
    pub fn step(&mut self) -> Option<T> {
        assert!(self.woken.0.swap(false, Ordering::Relaxed), "a deadlock");
        let waker = Arc::clone(&self.woken).into();
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        }
    }
}

/// Who wrote a batch, and its first sequence.
#[derive(Clone, Copy)]
pub struct Producer {
    pub id: i64,
    pub sequence: i32,
}

/// A batch of records of these timestamps and values.
pub fn batch_of(records: &[(i64, &[u8])], producer: Option<Producer>) -> NewBatch {
    let mut fields = BatchFields::default();
    if let Some(Producer { id, sequence }) = producer {
        fields.producer_id = ProducerId::new(id);
        fields.producer_epoch = ProducerEpoch::new(0);
        fields.base_sequence = sequence;
    }
    let mut builder = BatchBuilder::new(fields);
    for (timestamp, value) in records {
        let timestamp = TimestampMs::new(*timestamp);
        builder.push(&NewRecord { timestamp, value: Some(value), ..NewRecord::default() });
    }
    let bytes = builder.build();
    let header = BatchHeader::read(&bytes).expect("a batch");
    let producer = producer.map(|_| ProducerBatch {
        id: header.producer_id,
        epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        last_offset_delta: header.last_offset_delta,
    });
    NewBatch { header, bytes, producer }
}

/// A batch of one record of so many bytes, all of them `fill`.
pub fn batch(fill: u8, bytes: usize) -> NewBatch {
    batch_of(&[(NOW.get(), &vec![fill; bytes])], None)
}

/// Appends and waits until it is acknowledged; the offset and the bytes as they must be read.
pub async fn append(_store: &Store, log: &Log, batch: NewBatch) -> (Offset, Bytes) {
    let (mut bytes, epoch) = (batch.bytes.clone(), log.leader_epoch());
    let done = log.append(batch, NOW).expect("appended");
    pelton_model::batch::patch::set_base_offset_and_epoch(&mut bytes, done.base_offset, epoch);
    log.acknowledged(done.acked_by).await.expect("durable");
    (done.base_offset, bytes.into())
}

pub async fn place(store: &Store, id: PartitionId) -> Log {
    let sequence = store.place(id, EPOCH).expect("placed");
    store.journal().durable(sequence).await.expect("durable");
    store.log(id).expect("a log")
}

pub fn roll_at(segment_bytes: u64) -> RollRules {
    RollRules { segment_bytes, segment_ms: i64::MAX, now: NOW }
}

pub async fn checkpoint(store: &Store) -> u64 {
    store.checkpoint(|_| roll_at(1 << 30)).await.expect("a checkpoint")
}

pub fn keep(retention_ms: i64, retention_bytes: i64, roll: RollRules) -> RetentionRules {
    RetentionRules { retention_ms, retention_bytes, roll }
}

/// A disk after a clean stop, and the batches on it: one partition with three segments, of which two
/// are sealed and the last has an open chunk.
pub fn settled() -> (SimDisk, Vec<Bytes>) {
    let sim = new_disk(1);
    let written = with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        let mut written = Vec::new();
        for fill in 0..25 {
            written.push(append(&store, &log, batch(fill, 10_000)).await.1);
            if fill % 3 == 0 {
                store.checkpoint(|_| roll_at(100_000)).await.expect("a checkpoint");
            }
        }
        store.close(|_| roll_at(100_000)).await.expect("closed");
        assert_eq!(log.segment_count(), 3);
        written
    });
    (sim.durable(), written)
}

pub async fn read(log: &Log, from: i64, bytes_max: usize) -> Result<ReadSlices, ReadError> {
    let limits = ReadLimits { bytes_max, at_least_one: true, end: Offset::new(i64::MAX) };
    log.read(Offset::new(from), limits).await
}

/// All batches from `from` on; each read must bring something.
pub async fn try_read_all(log: &Log, from: Offset) -> Result<Vec<Bytes>, ReadError> {
    let mut at = from;
    let mut batches = Vec::new();
    while at < log.commit_offset() {
        let read = read(log, at.get(), 100 << 10).await?;
        let last = read.slices.last().expect("a read below the commit point brings something");
        at = BatchHeader::read(last).expect("a batch").next_offset();
        batches.extend(read.slices);
    }
    Ok(batches)
}

pub async fn read_all(log: &Log) -> Vec<Bytes> {
    try_read_all(log, log.start_offset()).await.expect("read")
}

/// Lets the others run.
pub async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// Lets the others run until something is so.
///
/// # Panics
/// If it never is.
pub async fn until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..100_000 {
        if is_so() {
            return;
        }
        yield_once().await;
    }
    panic!("it never comes so far");
}
