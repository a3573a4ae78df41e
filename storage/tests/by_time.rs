//! Records are found by time without reading those that cannot be meant.

mod support;

use futures::future::{Either, join, select};
use pelton_model::batch::{BatchBuilder, BatchFields, BatchHeader, NewRecord};
use pelton_model::compression::Compression;
use pelton_model::{Offset, TimestampMs};
use pelton_storage::disk::sim::SimDisk;
use pelton_storage::{Log, NewBatch, Store};
use support::*;

/// Batches of one record of 10,000 bytes, seven of which are a chunk of 70 KB.
const BATCHES: i64 = 210;
const CHUNK_BYTES: u64 = 71_000;
const SEGMENT_BYTES: u64 = 1_000_000;

fn time_of(offset: i64) -> i64 {
    NOW.get() + offset * 1_000
}

async fn append_and_carry(store: &Store, log: &Log, batch: NewBatch, segment_bytes: u64) {
    append(store, log, batch).await;
    store.checkpoint(|_| roll_at(segment_bytes)).await.expect("a checkpoint");
}

/// A log of 30 chunks in three segments, nothing of which is in memory.
async fn carried(store: &Store) -> Log {
    let log = place(store, partition(1, 0)).await;
    for offset in 0..BATCHES {
        let batch = batch_of(&[(time_of(offset), &[7; 10_000])], None);
        append_and_carry(store, &log, batch, SEGMENT_BYTES).await;
    }
    assert_eq!(log.segment_count(), 3);
    log
}

async fn find(log: &Log, time: i64) -> Option<i64> {
    let found = log.offset_for_timestamp(TimestampMs::new(time)).await.expect("read");
    found.map(|it| it.offset.get())
}

async fn greatest(log: &Log) -> Option<(i64, i64)> {
    let found = log.max_timestamp().await.expect("read");
    found.map(|it| (it.offset.get(), it.timestamp.get()))
}

/// Bytes that `work` reads.
async fn bytes_read(sim: &SimDisk, work: impl Future<Output = ()>) -> u64 {
    let before = sim.counters().bytes_read;
    work.await;
    sim.counters().bytes_read - before
}

#[test]
fn a_look_up_reads_one_chunk_and_an_index() {
    let sim = new_disk(1);
    with_store(&sim, SMALL, async |store: Store| {
        let log = carried(&store).await;
        for offset in [0, 1, 50, 93, 94, 150, BATCHES - 1] {
            let look = async { assert_eq!(find(&log, time_of(offset) - 1).await, Some(offset)) };
            let bytes = bytes_read(&sim, look).await;
            assert!(bytes <= CHUNK_BYTES + 8192, "{bytes} for offset {offset}");
        }
        let none = bytes_read(&sim, async { assert_eq!(find(&log, i64::MAX).await, None) }).await;
        assert_eq!(none, 0);
        let last = (BATCHES - 1, time_of(BATCHES - 1));
        let look = async { assert_eq!(greatest(&log).await, Some(last)) };
        let bytes = bytes_read(&sim, look).await;
        assert!(bytes <= CHUNK_BYTES + 8192, "{bytes} for the greatest time");
    });
}

/// A compressed batch whose header says a later time than its record has.
fn boaster(time: i64, claimed: i64) -> NewBatch {
    let fields = BatchFields { compression: Compression::Zstd, ..BatchFields::default() };
    let mut builder = BatchBuilder::new(fields);
    let timestamp = TimestampMs::new(time);
    builder.push(&NewRecord { timestamp, value: Some(b"v"), ..NewRecord::default() });
    let mut bytes = builder.build();
    bytes[35..43].copy_from_slice(&claimed.to_be_bytes());
    let header = BatchHeader::read(&bytes).expect("a batch");
    assert_eq!(header.max_timestamp.get(), claimed);
    NewBatch { header, bytes, producer: None }
}

#[test]
fn a_batch_that_claims_a_later_time_than_it_has_costs_its_own_chunk_only() {
    let sim = new_disk(1);
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        let claimed = time_of(10_000);
        for offset in 0..BATCHES {
            let time = time_of(offset);
            let batch = match offset {
                40 => boaster(time, claimed),
                _ => batch_of(&[(time, &[7; 10_000])], None),
            };
            append_and_carry(&store, &log, batch, SEGMENT_BYTES).await;
        }
        let last = (BATCHES - 1, time_of(BATCHES - 1));
        let look = async { assert_eq!(greatest(&log).await, Some(last)) };
        let bytes = bytes_read(&sim, look).await;
        // Twice, as its records are first looked at for the time that it claims.
        assert!(bytes <= 3 * CHUNK_BYTES + 2 * 8192, "{bytes}");
        assert_eq!(find(&log, last.1).await, Some(last.0));
        assert_eq!(find(&log, last.1 + 1).await, None);
    });
}

#[test]
fn more_batches_that_claim_later_times_than_a_search_holds_hide_nothing() {
    with_store(&new_disk(1), SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        for offset in 0..BATCHES {
            let time = time_of(offset % 139);
            let batch = batch_of(&[(time, &[7; 10_000])], None);
            append_and_carry(&store, &log, batch, 1 << 30).await;
            let boaster = boaster(time, time_of(10_000 + BATCHES - offset));
            append_and_carry(&store, &log, boaster, 1 << 30).await;
        }
        assert_eq!(greatest(&log).await, Some((2 * 138, time_of(138))));
        assert_eq!(find(&log, time_of(138)).await, Some(2 * 138));
        assert_eq!(find(&log, time_of(139)).await, None);
    });
}

#[test]
fn the_greatest_time_is_that_of_a_record_which_is_still_there() {
    let sim = new_disk(1);
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        // The newest record is the oldest by its time.
        for offset in 0..BATCHES {
            let batch = batch_of(&[(time_of(BATCHES - offset), &[7; 10_000])], None);
            append_and_carry(&store, &log, batch, SEGMENT_BYTES).await;
        }
        assert_eq!(greatest(&log).await, Some((0, time_of(BATCHES))));
        for start in [1, 6, 7, 50, BATCHES - 1] {
            let group = log.delete_records(Offset::new(start)).expect("deleted");
            store.journal().durable(group).await.expect("durable");
            let expected = Some((start, time_of(BATCHES - start)));
            let look = async { assert_eq!(greatest(&log).await, expected) };
            let bytes = bytes_read(&sim, look).await;
            assert!(bytes <= 2 * (CHUNK_BYTES + 8192), "{bytes} from {start} on");
        }
        let group = log.delete_records(Offset::new(BATCHES)).expect("deleted");
        store.journal().durable(group).await.expect("durable");
        assert_eq!(greatest(&log).await, None);
    });
}

#[test]
fn of_several_records_of_the_greatest_time_the_first_is_told() {
    for options in [SMALL, pelton_storage::StoreOptions { cache_bytes: 10 << 20, ..SMALL }] {
        with_store(&new_disk(1), options, async |store: Store| {
            let log = place(&store, partition(1, 0)).await;
            for offset in 0..100 {
                let time = time_of(if offset >= 40 { 40 } else { offset });
                let batch = batch_of(&[(time, &[7; 10_000])], None);
                append_and_carry(&store, &log, batch, SEGMENT_BYTES).await;
            }
            append(&store, &log, batch_of(&[(time_of(40), b"a")], None)).await;
            assert_eq!(greatest(&log).await, Some((40, time_of(40))));
            assert_eq!(find(&log, time_of(39) + 1).await, Some(40));
            append(&store, &log, batch_of(&[(time_of(39), b"a"), (time_of(41), b"b")], None)).await;
            assert_eq!(greatest(&log).await, Some((102, time_of(41))));
        });
    }
}

/// So many records of the same time, which a few KB become.
fn packed(records: usize, compression: Compression) -> NewBatch {
    let mut builder = BatchBuilder::new(BatchFields { compression, ..BatchFields::default() });
    for _ in 0..records {
        builder.push(&NewRecord { timestamp: NOW, ..NewRecord::default() });
    }
    let bytes = builder.build();
    let header = BatchHeader::read(&bytes).expect("a batch");
    NewBatch { header, bytes, producer: None }
}

#[test]
fn r3_one_batch_at_a_time_is_unpacked_to_look_for_a_time() {
    with_store(&new_disk(1), SMALL, async |store: Store| {
        let (large, small) = (partition(1, 0), partition(1, 1));
        let mut logs = Vec::new();
        for (id, records) in [(large, 100_000), (small, 2)] {
            let log = place(&store, id).await;
            let mut batch = packed(records, Compression::Zstd);
            // No record has the time, so all are looked at.
            batch.bytes[35..43].copy_from_slice(&(NOW.get() + 1).to_be_bytes());
            batch.header = BatchHeader::read(&batch.bytes).expect("a batch");
            append(&store, &log, batch).await;
            logs.push(log);
        }
        let looks = (find(&logs[0], NOW.get() + 1), find(&logs[1], NOW.get() + 1));
        match select(Box::pin(looks.0), Box::pin(looks.1)).await {
            Either::Left((found, small)) => assert_eq!((found, small.await), (None, None)),
            Either::Right(_) => panic!("the later one did not wait"),
        }
        // Who gives up lets the next in.
        let mut large = Box::pin(find(&logs[0], NOW.get() + 1));
        assert!(futures::poll!(&mut large).is_pending());
        drop(large);
        assert_eq!(join(find(&logs[1], 0), find(&logs[0], 0)).await, (Some(0), Some(0)));
    });
}
