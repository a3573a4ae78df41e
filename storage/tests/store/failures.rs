//! What fails, and how far that reaches: a full disk, failed writes, files that are gone.

use bytes::Bytes;
use pelton_model::{Offset, TimestampMs};
use pelton_storage::disk::sim::{Fault, FaultError, Operation, SimDisk, run};
use pelton_storage::{AppendError, FenceReason, NotAppended, RollRules, StorageError, Store};

use crate::push_all;
use crate::support::*;

#[test]
fn a_full_disk_at_any_allocation_loses_nothing_and_fences_nothing() {
    let allocations = {
        let sim = new_disk(1);
        write_with_full_disk(&sim);
        sim.counters().allocations
    };
    assert!(allocations > 10, "{allocations}");
    for nth in 3..=allocations {
        let sim = new_disk(1);
        // The first two are those of a new ring, without which there is no start.
        let fault = Fault::new(Operation::Allocate, FaultError::Errno(libc::ENOSPC)).nth(nth);
        sim.inject(fault);
        write_with_full_disk(&sim);
        let sim = new_disk(1);
        sim.inject(Fault::new(Operation::Write, FaultError::Errno(libc::ENOSPC)).nth(nth + 2));
        write_with_full_disk(&sim);
    }
}

/// Writes through several segments and ring files, whatever fails for want of room once.
fn write_with_full_disk(sim: &SimDisk) {
    let mut written: Vec<Bytes> = with_store(sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        let newest = push_all(&log, 30);
        let mut tries = 0;
        while store.journal().durable_sequence() < newest || store.stats().uncarried_bytes > 0 {
            match store.checkpoint(|_| roll_at(70_000)).await {
                Ok(_) | Err(StorageError::Full) => {}
                Err(error) => panic!("{error}"),
            }
            yield_once().await;
            tries += 1;
            assert!(tries < 1000, "writing does not resume");
        }
        checkpoint(&store).await;
        read_all(&log).await
    });
    assert_eq!(written.len(), 30);
    with_store(&sim.durable(), SMALL, async |store: Store| {
        let log = store.log(partition(1, 0)).expect("a log");
        assert_eq!(read_all(&log).await, written);
        written.push(append(&store, &log, batch(1, 1)).await.1);
        assert_eq!(read_all(&log).await, written);
    });
}

#[test]
fn a_disk_that_is_full_for_a_while_serves_reads_and_resumes() {
    let sim = new_disk(1);
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        let (_, first) = append(&store, &log, batch(1, 10_000)).await;
        checkpoint(&store).await;
        let space = sim.disk().space(&data_dir()).await.expect("the space");
        sim.set_capacity(space.total_bytes - space.free_bytes + 4096);
        let newest = push_all(&log, 40);
        for _ in 0..50 {
            let full = store.checkpoint(|_| roll_at(1 << 30)).await;
            assert!(matches!(full, Ok(_) | Err(StorageError::Full)));
            yield_once().await;
        }
        assert!(store.journal().durable_sequence() < newest);
        assert!(store.journal().check().is_ok());
        assert_eq!(read(&log, 0, 1).await.expect("read").slices, [first]);
        sim.set_capacity(1 << 30);
        while store.journal().durable_sequence() < newest {
            checkpoint(&store).await;
            yield_once().await;
        }
        assert_eq!(read_all(&log).await.len(), 41);
    });
}

#[test]
fn s3_a_failed_journal_write_fences_and_nothing_more_is_acknowledged() {
    for nth in 1..12 {
        let sim = new_disk(nth);
        run(async {
            let (store, _) = open(&sim, SMALL).await;
            let fault = Fault::new(Operation::Write, FaultError::Errno(libc::EIO)).nth(nth);
            sim.inject(fault.under(shard_dir()));
            let acknowledged = beside_journal(&store, async {
                store.place(partition(1, 0), EPOCH).expect("placed");
                let log = store.log(partition(1, 0)).expect("a log");
                let mut acknowledged = 0;
                while let Ok(done) = log.append(batch(1, 5000), NOW) {
                    match store.journal().durable(done.acked_by.group().expect("a group")).await {
                        Ok(()) => acknowledged += 1,
                        Err(error) => assert!(matches!(error, StorageError::Fenced(_))),
                    }
                }
                let refused = log.append(batch(1, 1), NOW).expect_err("fenced");
                let storage = AppendError::Storage(store.journal().check().expect_err("fenced"));
                assert_eq!(refused, NotAppended::Refused(storage));
                assert!(store.place(partition(1, 1), EPOCH).is_err());
                assert!(store.remove(partition(1, 0)).await.is_err());
                assert_eq!(log.commit_offset().get(), acknowledged);
                assert_eq!(store.journal().fence_reason(), Some(FenceReason::Journal));
                acknowledged
            });
            let acknowledged = acknowledged.await;
            let (store, _) = open(&sim.durable(), SMALL).await;
            let end = store.log(partition(1, 0)).map_or(0, |log| log.end_offset().get());
            assert_eq!(end, acknowledged);
        });
    }
}

#[test]
fn s3_a_failed_write_of_the_state_fences() {
    let sim = new_disk(1);
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        append(&store, &log, batch(1, 100)).await;
        assert_eq!(store.journal().fence_reason(), None);
        // The state is written beside its place and then put there; the journal renames nothing now.
        let fault = Fault::new(Operation::Rename, FaultError::Errno(libc::EIO));
        sim.inject(fault.under(shard_dir()));
        store.checkpoint(|_| roll_at(1 << 30)).await.expect_err("fenced");
        assert_eq!(store.journal().fence_reason(), Some(FenceReason::StateFile));
    });
}

#[test]
fn s3_a_failed_segment_write_fences_its_partition_only() {
    for operation in [Operation::Write, Operation::Sync] {
        let sim = new_disk(1);
        let (bad, good) = (partition(1, 0), partition(2, 0));
        with_store(&sim, SMALL, async |store: Store| {
            for id in [bad, good] {
                let log = place(&store, id).await;
                append(&store, &log, batch(1, 100)).await;
            }
            let fault = Fault::new(operation, FaultError::Errno(libc::EIO));
            sim.inject(fault.under(partition_dir(bad)));
            checkpoint(&store).await;
            let log = store.log(bad).expect("a log");
            assert!(log.append(batch(2, 1), NOW).is_err());
            assert_eq!(read_all(&log).await.len(), 1, "its memory is as good as before");
            let log = store.log(good).expect("a log");
            append(&store, &log, batch(2, 1)).await;
            checkpoint(&store).await;
        });
        with_store(&sim.durable(), SMALL, async |store: Store| {
            assert_eq!(read_all(&store.log(bad).expect("a log")).await.len(), 1);
            assert_eq!(read_all(&store.log(good).expect("a log")).await.len(), 2);
            checkpoint(&store).await;
            assert_eq!(read_all(&store.log(bad).expect("a log")).await.len(), 1);
        });
    }
}

#[test]
fn s3_a_partition_that_keeps_too_much_of_the_ring_fences_the_shard_before_anybody_waits_for_it() {
    let sim = new_disk(1);
    let (bad, good) = (partition(1, 0), partition(2, 0));
    with_store(&sim, SMALL, async |store: Store| {
        for id in [bad, good] {
            place(&store, id).await;
        }
        // More than a quarter of the ring, which is what it may take each time it goes round.
        for _ in 0..14 {
            append(&store, &store.log(bad).expect("a log"), batch(1, 5000)).await;
        }
        let fault = Fault::new(Operation::Write, FaultError::Errno(libc::EIO));
        sim.inject(fault.under(partition_dir(bad)));
        checkpoint(&store).await;
        let log = store.log(good).expect("a log");
        // The ring takes 256 KiB; who waits for it has a checkpoint tried again and again.
        for _ in 0..100 {
            let Ok(done) = log.append(batch(2, 5000), NOW) else { break };
            for _ in 0..20 {
                if store.journal().durable_sequence() < done.acked_by.group().expect("a group") {
                    let _ = store.checkpoint(|_| roll_at(1 << 30)).await;
                    yield_once().await;
                }
            }
        }
        assert!(matches!(store.journal().check(), Err(StorageError::Fenced(_))));
        assert_eq!(store.journal().fence_reason(), Some(FenceReason::Partition));
    });
    let (store, _) = run(open(&sim.durable(), SMALL));
    let read = run(read_all(&store.log(bad).expect("a log")));
    assert_eq!(read.len(), 14, "what was acknowledged is back");
}

#[test]
fn what_the_journal_says_of_a_segment_that_is_gone_refuses_no_start() {
    let (emptied, bad) = (partition(1, 0), partition(2, 0));
    // It pins the journal: what is said behind its batch is replayed again and again.
    let cannot_be_carried = |sim: &SimDisk| {
        let fault = Fault::new(Operation::Write, FaultError::Errno(libc::EIO)).lasting();
        sim.inject(fault.under(partition_dir(bad)));
    };
    let first = new_disk(1);
    with_store(&first, SMALL, async |store: Store| {
        append(&store, &place(&store, bad).await, batch(1, 100)).await;
        cannot_be_carried(&first);
        let log = place(&store, emptied).await;
        for fill in 0..3 {
            append(&store, &log, batch(fill, 100)).await;
        }
        checkpoint(&store).await;
        let deleted = log.delete_records(Offset::new(3)).expect("moved");
        store.journal().durable(deleted).await.expect("durable");
    });
    let second = first.durable();
    with_store(&second, SMALL, async |store: Store| {
        let log = store.log(emptied).expect("a log");
        assert_eq!((log.start_offset(), log.segment_count()), (Offset::new(3), 0));
        cannot_be_carried(&second);
        checkpoint(&store).await;
        assert!(store.log(bad).expect("a log").append(batch(2, 1), NOW).is_err());
    });
    with_store(&second.durable(), SMALL, async |store: Store| {
        let log = store.log(emptied).expect("a log");
        assert_eq!(append(&store, &log, batch(4, 100)).await.0, Offset::new(3));
        checkpoint(&store).await;
        assert_eq!(read(&log, 3, 1).await.expect("read").slices.len(), 1);
        assert_eq!(read_all(&store.log(bad).expect("a log")).await.len(), 1);
    });
}

#[test]
fn a_roll_that_finds_no_room_after_it_has_sealed_loses_no_chunk() {
    let sim = new_disk(1);
    let written = with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        let mut written = vec![append(&store, &log, batch(1, 100)).await.1];
        // The state file has the chunk as an open one.
        checkpoint(&store).await;
        // The segment is still open. It is sealed, for which its index is made; the next segment
        // finds no room.
        let no_room = Fault::new(Operation::Open, FaultError::Errno(libc::ENOSPC)).nth(2);
        sim.inject(no_room.under(partition_dir(log.id())));
        let now = TimestampMs::new(NOW.get() + 10);
        let old = RollRules { segment_ms: 5, now, ..roll_at(1 << 30) };
        assert!(matches!(log.roll_when_old(old).await, Err(StorageError::Full)));
        written.push(append(&store, &log, batch(2, 100)).await.1);
        log.carry(roll_at(1 << 30)).await.expect("carried to the segment that was sealed");
        written.push(append(&store, &log, batch(3, 100)).await.1);
        assert_eq!(log.segment_count(), 1);
        written
    });
    with_store(&sim.durable(), SMALL, async |store: Store| {
        let log = store.log(partition(1, 0)).expect("a log");
        assert_eq!(read_all(&log).await, written);
        checkpoint(&store).await;
        assert_eq!(read_all(&log).await, written);
    });
}
