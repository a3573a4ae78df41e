//! Where records are read from, how many at a time, and how offsets are found.

use pelton_model::batch::BatchHeader;
use pelton_model::{Offset, TimestampMs};
use pelton_storage::{ReadSlices, Store, StoreOptions};

use crate::support::*;
use crate::{CACHED, files_under};

#[test]
fn reads_come_from_memory_and_after_eviction_from_the_disk() {
    for (options, from_disk) in [(CACHED, false), (SMALL, true)] {
        with_store(&new_disk(1), options, async |store: Store| {
            let log = place(&store, partition(1, 0)).await;
            let mut written = Vec::new();
            for fill in 0..20 {
                let value = [fill; 800];
                let records: Vec<(i64, &[u8])> = vec![(NOW.get(), &value); 5];
                written.push(append(&store, &log, batch_of(&records, None)).await.1);
            }
            checkpoint(&store).await;
            assert_eq!(read_all(&log).await, written);
            for middle in [0, 3, 4, 5, 51, 52, 54, 99] {
                let read = read(&log, middle, 1).await.expect("read");
                assert_eq!(read.slices, [written[middle as usize / 5].clone()]);
                assert_eq!(read.from_disk, from_disk);
            }
            assert_eq!(store.stats().uncarried_bytes, 0);
            assert_eq!(store.stats().cached_bytes == 0, from_disk);
            // The tail goes on in memory.
            let (offset, bytes) = append(&store, &log, batch(99, 10)).await;
            let tail = read(&log, offset.get(), 1000).await.expect("read");
            assert_eq!((tail.slices, tail.from_disk), (vec![bytes], false));
        });
    }
}

#[test]
fn limits_of_a_read_are_kept() {
    for options in [CACHED, SMALL] {
        with_store(&new_disk(1), options, async |store: Store| {
            let log = place(&store, partition(1, 0)).await;
            let mut written = Vec::new();
            for fill in 0..10 {
                written.push(append(&store, &log, batch(fill, 1000)).await.1);
            }
            checkpoint(&store).await;
            let one = written[0].len();
            let limits = |bytes_max, at_least_one, end| pelton_storage::ReadLimits {
                bytes_max,
                at_least_one,
                end: Offset::new(end),
            };
            for (limits, expected) in [
                (limits(one - 1, false, 10), 0),
                (limits(one - 1, true, 10), 1),
                (limits(3 * one, true, 10), 3),
                (limits(3 * one - 1, true, 10), 2),
                (limits(usize::MAX, true, 4), 4),
                (limits(usize::MAX, true, 0), 0),
            ] {
                let read = log.read(Offset::ZERO, limits).await.expect("read");
                assert_eq!(read.slices, written[..expected]);
                assert_eq!(read.bytes, expected * one);
            }
        });
    }
}

#[test]
fn a_file_that_is_removed_under_a_read_is_not_kept_for_what_the_reader_would_read_next() {
    let sim = new_disk(1);
    let options = StoreOptions { open_files_max: 4, ..SMALL };
    with_store(&sim, options, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        for fill in 0..60 {
            append(&store, &log, batch(fill, 10_000)).await;
            if fill % 10 == 9 {
                store.checkpoint(|_| roll_at(500_000)).await.expect("a checkpoint");
            }
        }
        assert_eq!(log.segment_count(), 2);
        let first = read(&log, 0, 150_000).await.expect("read").slices.len() as i64;
        // It has to open the file itself, so nobody else can close it.
        for index in 1..4 {
            let other = place(&store, partition(1, index)).await;
            append(&store, &other, batch(1, 100)).await;
            checkpoint(&store).await;
            read(&other, 0, 1).await.expect("read");
        }
        // From here on the reader is known to go from front to back.
        let mut next = Box::pin(read(&log, first, 150_000));
        sim.set_yields_max(30);
        let reads = sim.counters().reads;
        // Its index, and then what is asked for.
        while sim.counters().reads < reads + 2 {
            assert!(futures::poll!(&mut next).is_pending());
        }
        let group = log.delete_records(Offset::new(59)).expect("deleted");
        store.journal().durable(group).await.expect("durable");
        let sealed = sim.contents(&partition_dir(log.id()).join(format!("{:020}.log", 0)));
        let sealed = sealed.expect("a segment").len() as u64;
        let before = sim.used_bytes();
        log.retain(keep(-1, -1, roll_at(500_000))).await.expect("removed");
        next.await.expect("read");
        let freed = before - sim.used_bytes();
        assert!(freed >= sealed, "{freed} of {sealed}");
    });
}

/// Bytes of the memory from the first slice on that it keeps when the others are gone.
fn kept_bytes(read: ReadSlices) -> usize {
    let mut slices = read.slices;
    slices.truncate(1);
    let first = slices.remove(0);
    first.try_into_mut().expect("the only one").capacity()
}

#[test]
fn r3_what_is_read_of_a_chunk_does_not_keep_the_rest_of_it_in_memory() {
    with_store(&new_disk(1), SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        for fill in 0..60 {
            append(&store, &log, batch(fill, 1000)).await;
            if fill % 10 == 9 {
                checkpoint(&store).await;
            }
        }
        let few = read(&log, 0, 2500).await.expect("read");
        assert!(few.from_disk);
        assert_eq!(few.slices.len(), 2);
        assert_eq!(few.slices[1][BatchHeader::BYTES..], batch(1, 1000).bytes[BatchHeader::BYTES..]);
        let charged = few.bytes;
        let kept = kept_bytes(few);
        assert!(kept <= 2 * charged, "{kept} bytes for {charged}");
        // Nothing is copied for who reads most of it.
        let most = read(&log, 0, 50_000).await.expect("read");
        assert!(kept_bytes(most) > 60_000);
    });
}

#[test]
fn r3_who_suddenly_reads_little_does_not_keep_all_that_was_read_ahead_for_him() {
    let sim = new_disk(1);
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        for fill in 0..100 {
            append(&store, &log, batch(fill, 10_000)).await;
            if fill % 10 == 9 {
                checkpoint(&store).await;
            }
        }
        let mut at = 0;
        for _ in 0..3 {
            at += read(&log, at, 215_000).await.expect("read").slices.len() as i64;
        }
        let reads = sim.counters().reads;
        let one_chunk = read(&log, at, 70_000).await.expect("read");
        assert_eq!(one_chunk.slices.len(), 6);
        let charged = one_chunk.bytes;
        assert_eq!(sim.counters().reads, reads + 1, "one that is ahead again");
        let kept = kept_bytes(one_chunk);
        assert!(kept <= 2 * charged, "{kept} bytes for {charged}");
    });
}

#[test]
fn small_segments_are_rolled_and_read_across_before_and_after_a_restart() {
    let sim = new_disk(1);
    let id = partition(1, 0);
    let written = with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, id).await;
        let mut written = Vec::new();
        for round in 0..12u8 {
            for fill in 0..5 {
                written.push(append(&store, &log, batch(round * 5 + fill, 3000)).await.1);
            }
            store.checkpoint(|_| roll_at(20_000)).await.expect("a checkpoint");
        }
        assert_eq!(log.segment_count(), 10);
        assert_eq!(read_all(&log).await, written);
        written
    });
    let names = files_under(&sim, partition_dir(id));
    assert_eq!(names.len(), 19, "the last segment's chunks are in the state file: {names:?}");
    assert_eq!(names[..2], ["00000000000000000000.idx", "00000000000000000000.log"]);
    // A sealed segment is cut to its length, and is nothing but batches (F1).
    let sealed = sim.contents(&partition_dir(id).join(&names[1])).expect("a segment");
    assert_eq!(sealed, written[..6].concat());
    with_store(&sim, SMALL, async |store: Store| {
        let log = store.log(id).expect("a log");
        assert_eq!(read_all(&log).await, written);
        let (offset, bytes) = append(&store, &log, batch(1, 30)).await;
        assert_eq!(offset, Offset::new(60));
        checkpoint(&store).await;
        assert_eq!(read(&log, 60, 100).await.expect("read").slices, [bytes]);
    });
}

#[test]
fn a_batch_may_be_larger_than_a_chunk_a_segment_a_ring_file_and_the_ring() {
    let sim = new_disk(1);
    let id = partition(1, 0);
    let written = with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, id).await;
        let mut written = Vec::new();
        for bytes in [10, 70_000, 20, 400_000, 30, 1_500_000, 40] {
            let done = log.append(batch(5, bytes), NOW).expect("appended");
            while store.journal().durable_sequence() < done.acked_by.group().expect("a group") {
                store.checkpoint(|_| roll_at(50_000)).await.expect("a checkpoint");
                yield_once().await;
            }
            let last = log.commit_offset().get() - 1;
            written.extend(read(&log, last, 1).await.expect("read").slices);
        }
        written
    });
    with_store(&sim, SMALL, async |store: Store| {
        let log = store.log(id).expect("a log");
        assert_eq!(read_all(&log).await, written);
        store.checkpoint(|_| roll_at(50_000)).await.expect("a checkpoint");
        assert_eq!(read_all(&log).await, written);
    });
}

#[test]
fn offsets_are_found_by_time() {
    for options in [CACHED, SMALL] {
        with_store(&new_disk(1), options, async |store: Store| {
            let log = place(&store, partition(1, 0)).await;
            assert_eq!(log.max_timestamp().await, Ok(None));
            let at = |time| log.offset_for_timestamp(TimestampMs::new(time));
            // Producers' clocks need not agree: 50, 40 | 70, 60 | 65
            append(&store, &log, batch_of(&[(50, b"a"), (40, b"b")], None)).await;
            store.checkpoint(|_| roll_at(1)).await.expect("a checkpoint");
            append(&store, &log, batch_of(&[(70, b"c"), (60, b"d")], None)).await;
            store.checkpoint(|_| roll_at(1)).await.expect("a checkpoint");
            append(&store, &log, batch_of(&[(65, b"e")], None)).await;
            for (time, offset) in [(0, 0), (45, 0), (50, 0), (51, 2), (65, 2), (70, 2)] {
                let found = at(time).await.expect("read").expect("a record");
                assert_eq!(found.offset, Offset::new(offset), "at {time}");
                assert_eq!(found.epoch, EPOCH);
            }
            assert_eq!(at(71).await, Ok(None));
            let latest = log.max_timestamp().await.expect("read").expect("a record");
            assert_eq!((latest.offset, latest.timestamp.get()), (Offset::new(2), 70));
            let group = log.delete_records(Offset::new(3)).expect("deleted");
            store.journal().durable(group).await.expect("durable");
            assert_eq!(at(0).await.expect("read").expect("a record").offset, Offset::new(3));
            let latest = log.max_timestamp().await.expect("read").expect("a record");
            assert_eq!((latest.offset, latest.timestamp.get()), (Offset::new(4), 65));
        });
    }
}

#[test]
fn files_of_read_segments_stay_within_their_bound() {
    let sim = new_disk(1);
    let options = StoreOptions { open_files_max: 8, ..SMALL };
    with_store(&sim, options, async |store: Store| {
        for index in 0..20 {
            let log = place(&store, partition(1, index)).await;
            append(&store, &log, batch(index as u8, 300)).await;
        }
        checkpoint(&store).await;
        for index in (0..20).chain(0..20) {
            let log = store.log(partition(1, index)).expect("a log");
            assert_eq!(read(&log, 0, 1).await.expect("read").slices.len(), 1);
            assert!(store.stats().open_segments <= 4);
        }
    });
}

#[test]
fn who_reads_from_front_to_back_finds_the_next_run_read_already() {
    const BATCHES: u8 = 60;
    let sim = new_disk(1);
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        for fill in 0..BATCHES {
            append(&store, &log, batch(fill, 10_000)).await;
            if fill % 10 == 9 {
                checkpoint(&store).await;
            }
        }
        let (mut at, mut looks) = (0, 0);
        let before = sim.counters();
        let mut read_ahead = 0;
        while at < i64::from(BATCHES) {
            let found = read(&log, at, 100_000).await.expect("read");
            assert!(found.from_disk);
            for slice in &found.slices {
                let header = BatchHeader::read(slice).expect("a batch");
                assert_eq!(header.base_offset.get(), at);
                assert_eq!(
                    &slice[BatchHeader::BYTES..],
                    &batch(at as u8, 10_000).bytes[BatchHeader::BYTES..]
                );
                at += 1;
            }
            looks += 1;
            // One read a look, and one that is ahead.
            read_ahead += u64::from(sim.counters().reads - before.reads > looks);
        }
        assert!(looks >= 6, "{looks} looks");
        assert!(read_ahead >= looks - 3, "ahead after {read_ahead} of {looks} looks");
        // Backwards, nobody knows what comes next.
        let before = sim.counters();
        for at in [50, 30, 10] {
            read(&log, at, 20_000).await.expect("read");
        }
        assert_eq!(sim.counters().reads - before.reads, 3);
    });
}

#[test]
fn f2_damage_is_counted_by_where_it_is() {
    let sim = new_disk(1);
    with_store(&sim, SMALL, async |store: Store| {
        for index in 0..3 {
            let log = place(&store, partition(1, index)).await;
            for fill in 0..10 {
                append(&store, &log, batch(fill, 10_000)).await;
            }
            // Sealed, so that they have an index.
            store.checkpoint(|_| roll_at(1 << 30)).await.expect("a checkpoint");
            append(&store, &log, batch(10, 10_000)).await;
            store.checkpoint(|_| roll_at(1)).await.expect("a checkpoint");
        }
        let file = |index, extension| {
            partition_dir(partition(1, index)).join(format!("{:020}.{extension}", 0))
        };
        sim.flip_bit(&file(0, "log"), 5000, 1).expect("a log");
        sim.flip_bit(&file(1, "idx"), 4100, 1).expect("an index");
        for index in [0, 1, 0] {
            let log = store.log(partition(1, index)).expect("a log");
            assert!(read(&log, 0, 1).await.is_err());
        }
        let log = store.log(partition(1, 2)).expect("a log");
        assert!(read(&log, 0, 1).await.is_ok(), "another partition");
        let found = store.stats().corruptions;
        assert_eq!((found.segment, found.index), (2, 1));
    });
}
