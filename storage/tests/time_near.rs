//! About when a record was written, as the log says it without reading records.

mod support;

use pelton_model::Offset;
use pelton_storage::{Log, Store, StoreOptions};
use support::*;

const CACHED: StoreOptions = StoreOptions { cache_bytes: 1 << 20, ..SMALL };

/// Batches of one record of 10,000 bytes: six are a chunk, and with these rules ten or so a segment.
const BATCHES: i64 = 25;
const SEGMENT_BYTES: u64 = 100_000;

/// The time of the record at each offset.
fn time_of(offset: i64) -> i64 {
    NOW.get() + offset * 1_000
}

/// A log of three segments, nothing of which waits to be carried.
async fn carried(store: &Store) -> Log {
    let log = place(store, partition(1, 0)).await;
    for offset in 0..BATCHES {
        append(store, &log, batch_of(&[(time_of(offset), &[7; 10_000])], None)).await;
        store.checkpoint(|_| roll_at(SEGMENT_BYTES)).await.expect("a checkpoint");
    }
    assert_eq!(log.segment_count(), 3);
    log
}

async fn time_near(log: &Log, offset: i64, index_reads_left: &mut usize) -> Option<i64> {
    log.time_near(Offset::new(offset), index_reads_left).await.map(|time| time.get())
}

#[test]
fn a_batch_in_memory_says_its_own_time() {
    with_store(&new_disk(1), CACHED, async |store: Store| {
        let log = carried(&store).await;
        for offset in 0..BATCHES {
            assert_eq!(time_near(&log, offset, &mut 0).await, Some(time_of(offset)));
        }
        assert_eq!(time_near(&log, BATCHES, &mut 0).await, None, "nothing is there yet");
    });
}

#[test]
fn what_is_on_the_disk_only_says_the_time_of_its_chunk_for_one_read_of_each_index() {
    with_store(&new_disk(1), SMALL, async |store: Store| {
        let log = carried(&store).await;
        let mut index_reads_left = 10;
        for offset in 0..BATCHES {
            let time = time_near(&log, offset, &mut index_reads_left).await.expect("a time");
            // A chunk is 64 KiB: the record's own time, or that of one of the next six.
            let near = time_of(offset)..=time_of((offset + 6).min(BATCHES - 1));
            assert!(near.contains(&time), "{offset}: {time} is not in {near:?}");
        }
        // The last segment's chunks are in memory.
        assert_eq!(index_reads_left, 8);
        time_near(&log, 0, &mut index_reads_left).await.expect("a time");
        assert_eq!(index_reads_left, 8, "an index that was read is kept");
    });
}

#[test]
fn without_a_read_of_the_index_it_is_the_time_of_the_segment() {
    with_store(&new_disk(1), SMALL, async |store: Store| {
        let log = carried(&store).await;
        let first = time_near(&log, 0, &mut 0).await.expect("a time");
        assert_eq!((first - NOW.get()) % 1_000, 0);
        let last_of_segment = (first - NOW.get()) / 1_000;
        assert!((8..=10).contains(&last_of_segment), "{last_of_segment}");
        assert_eq!(time_near(&log, last_of_segment, &mut 0).await, Some(first));
        assert!(time_near(&log, last_of_segment + 1, &mut 0).await > Some(first));
    });
}

#[test]
fn below_the_start_it_is_the_time_of_what_is_left() {
    with_store(&new_disk(1), CACHED, async |store: Store| {
        let log = carried(&store).await;
        let group = log.delete_records(Offset::new(20)).expect("deleted");
        store.journal().durable(group).await.expect("durable");
        assert_eq!(time_near(&log, 3, &mut 0).await, Some(time_of(20)));
    });
}

#[test]
fn records_without_a_time_have_none() {
    with_store(&new_disk(1), CACHED, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        append(&store, &log, batch_of(&[(-1, b"undated")], None)).await;
        assert_eq!(time_near(&log, 0, &mut 0).await, None);
    });
}
