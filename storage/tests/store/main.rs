//! The store from outside, on a simulated disk.

mod deletion;
mod failures;
mod reads;
mod ring;
#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;

use futures::FutureExt;
use pelton_model::producer::ProducerTable;
use pelton_model::{LeaderEpoch, Offset, TimestampMs};
use pelton_storage::disk::sim::{SimDisk, run};
use pelton_storage::{Log, NotAppended, ReadError, Store, StoreOptions};
use support::*;

const CACHED: StoreOptions = StoreOptions { cache_bytes: 1 << 20, ..SMALL };

fn files_under(sim: &SimDisk, dir: PathBuf) -> Vec<String> {
    let entries = run(async { sim.disk().list_dir(&dir).await }).unwrap_or_default();
    entries.into_iter().map(|entry| entry.name).collect()
}

/// Appends so many batches of 10,000 bytes without waiting for any; the group of the last.
fn push_all(log: &Log, count: u8) -> u64 {
    let mut newest = None;
    for fill in 0..count {
        newest = log.append(batch(fill, 10_000), NOW).expect("appended").acked_by.group();
    }
    newest.expect("a group")
}

#[test]
fn offsets_are_contiguous_and_what_was_appended_is_read_back() {
    with_store(&new_disk(1), SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        let mut written = Vec::new();
        for fill in 0..20u8 {
            let records: Vec<(i64, &[u8])> = vec![(NOW.get(), &[7; 30]); usize::from(fill % 3) + 1];
            let expected = log.end_offset();
            let (offset, bytes) = append(&store, &log, batch_of(&records, None)).await;
            assert_eq!(offset, expected);
            assert_eq!(log.end_offset(), offset.plus(records.len() as i64));
            assert_eq!(log.commit_offset(), log.end_offset());
            written.push(bytes);
        }
        assert_eq!(read_all(&log).await, written);
        assert!(!read(&log, 0, 1).await.expect("read").from_disk);
    });
}

#[test]
fn nothing_is_visible_before_it_is_durable() {
    let sim = new_disk(1);
    run(async {
        let (store, _) = open(&sim, SMALL).await;
        store.place(partition(1, 0), EPOCH).expect("placed");
        let log = store.log(partition(1, 0)).expect("a log");
        let done = log.append(batch(1, 100), NOW).expect("appended");
        // The journal does not run.
        assert!(
            store
                .journal()
                .durable(done.acked_by.group().expect("a group"))
                .now_or_never()
                .is_none()
        );
        assert_eq!((log.commit_offset(), log.end_offset()), (Offset::ZERO, Offset::new(1)));
        assert!(read(&log, 0, 100).await.expect("at the end").slices.is_empty());
        let beyond = read(&log, 1, 100).await.expect_err("beyond the end");
        let (start, end) = (Offset::ZERO, Offset::ZERO);
        assert_eq!(beyond, ReadError::OutOfRange { start, end });
    });
}

#[test]
fn a_duplicate_is_answered_with_its_first_offset_also_after_a_restart() {
    let sim = new_disk(1);
    let twice = |id, sequence| {
        batch_of(&[(NOW.get(), b"a"), (NOW.get() + 5, b"b")], Some(Producer { id, sequence }))
    };
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        append(&store, &log, batch(0, 10)).await;
        for sequence in [0, 2, 4] {
            append(&store, &log, twice(9, sequence)).await;
        }
        let again = log.append(twice(9, 2), NOW).expect("a duplicate");
        assert_eq!(again.base_offset, Offset::new(3));
        assert_eq!(again.duplicate_of, Some(TimestampMs::new(NOW.get() + 5)));
        assert!(matches!(log.append(twice(9, 8), NOW), Err(NotAppended::Producer(_))));
        assert_eq!(log.end_offset(), Offset::new(7));
    });
    for carries in [false, true, true] {
        with_store(&sim, SMALL, async |store: Store| {
            let log = store.log(partition(1, 0)).expect("a log");
            for (sequence, offset) in [(0, 1), (2, 3), (4, 5)] {
                let again = log.append(twice(9, sequence), NOW).expect("a duplicate");
                assert_eq!(again.base_offset, Offset::new(offset));
                store
                    .journal()
                    .durable(again.acked_by.group().expect("a group"))
                    .await
                    .expect("durable long since");
            }
            if carries {
                checkpoint(&store).await;
            }
        });
    }
}

#[test]
fn epochs_are_known_with_their_offsets() {
    let sim = new_disk(1);
    let id = partition(1, 0);
    let check = |log: &pelton_storage::Log| {
        let epoch = LeaderEpoch::new;
        assert_eq!(log.leader_epoch(), epoch(4));
        assert_eq!(log.epoch_of(Offset::new(1)), epoch(1));
        assert_eq!(log.epoch_of(Offset::new(2)), epoch(4));
        for (asked, known, end) in [(0, 0, 0), (1, 1, 2), (3, 1, 2), (4, 4, 3)] {
            let found = log.end_offset_for_epoch(epoch(asked));
            assert_eq!(found, Some((epoch(known), Offset::new(end))), "of {asked}");
        }
        assert_eq!(log.end_offset_for_epoch(epoch(5)), None);
    };
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, id).await;
        append(&store, &log, batch(1, 10)).await;
        append(&store, &log, batch(2, 10)).await;
        store.place(id, LeaderEpoch::new(4)).expect("raised");
        store.place(id, LeaderEpoch::new(3)).expect("nothing to raise");
        append(&store, &log, batch(3, 10)).await;
        let bytes = log.state_bytes();
        store.place(id, LeaderEpoch::new(4)).expect("nothing to raise");
        assert_eq!(log.state_bytes(), bytes, "an epoch is remembered once");
        check(&log);
    });
    for _ in 0..2 {
        with_store(&sim, SMALL, async |store: Store| {
            check(&store.log(id).expect("a log"));
            checkpoint(&store).await;
        });
    }
}

/// How often others get the core while a checkpoint of 8 logs runs, of which each knows so many
/// producers.
fn turns_beside_a_checkpoint(producers: i64) -> u32 {
    with_store(&new_disk(1), SMALL, async |store: Store| {
        for index in 0..8 {
            let log = place(&store, partition(1, index)).await;
            for id in 0..producers {
                let producer = Some(Producer { id, sequence: 0 });
                log.append(batch_of(&[(NOW.get(), b"v")], producer), NOW).expect("appended");
                if id % 100 == 0 {
                    checkpoint(&store).await;
                }
            }
            append(&store, &log, batch(1, 10)).await;
            checkpoint(&store).await;
        }
        let mut turns = 0;
        let others = async {
            loop {
                yield_once().await;
                turns += 1;
            }
        };
        futures::future::select(Box::pin(checkpoint(&store)), Box::pin(others)).await;
        turns
    })
}

#[test]
fn r8_others_get_the_core_between_states_of_logs_with_many_producers() {
    let (few, many) = (turns_beside_a_checkpoint(0), turns_beside_a_checkpoint(1600));
    // 68 KB each.
    assert!(many >= few + 7, "{few} and {many} turns");
}

#[test]
fn a_restart_after_a_clean_stop_reads_nothing() {
    let sim = new_disk(1);
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        for fill in 0..50 {
            log.append(batch(fill, 10_000), NOW).expect("appended");
        }
        store.close(|_| roll_at(1 << 30)).await.expect("closed");
        assert!(log.append(batch(1, 1), NOW).is_err());
        assert_eq!(log.commit_offset(), Offset::new(50));
    });
    for _ in 0..2 {
        let bytes_before = sim.counters().bytes_read;
        with_store(&sim, SMALL, async |store: Store| {
            let state_bytes = sim.counters().bytes_read - bytes_before;
            assert!(state_bytes < 1100, "{state_bytes} bytes were read");
            let log = store.log(partition(1, 0)).expect("a log");
            assert_eq!(read_all(&log).await.len(), 50);
            store.close(|_| roll_at(1 << 30)).await.expect("closed");
        });
    }
    // What is written next is a life of its own, and may end without a word.
    with_store(&sim, SMALL, async |store: Store| {
        let log = store.log(partition(1, 0)).expect("a log");
        append(&store, &log, batch(9, 9)).await;
    });
    run(async {
        let (store, report) = open(&sim.durable(), SMALL).await;
        assert_eq!((report.batches, report.unclean, report.torn), (1, true, false));
        assert_eq!(store.log(partition(1, 0)).expect("a log").end_offset(), Offset::new(51));
    });
}

#[test]
fn a_partition_without_records_costs_no_file() {
    let sim = new_disk(1);
    with_store(&sim, SMALL, async |store: Store| {
        let mut newest = 0;
        for index in 0..1000 {
            newest = store.place(partition(1, index), EPOCH).expect("placed");
        }
        store.journal().durable(newest).await.expect("durable");
        assert!(store.stats().journal.group_bytes.count() <= 3);
        checkpoint(&store).await;
    });
    assert!(files_under(&sim, data_dir().join("topics")).is_empty());
    let report = run(async { open(&sim, SMALL).await.1 });
    assert_eq!((report.partitions, report.groups), (1000, 0));
}

#[test]
fn what_is_known_about_a_log_is_counted() {
    with_store(&new_disk(1), SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        for fill in 0..3 {
            append(&store, &log, batch(fill, 60_000)).await;
            store.checkpoint(|_| roll_at(1)).await.expect("a checkpoint");
        }
        assert_eq!(store.stats().index_bytes, 0, "nobody has read");
        let before = log.state_bytes();
        let from = Producer { id: 9, sequence: 0 };
        append(&store, &log, batch_of(&[(NOW.get(), b"a")], Some(from))).await;
        let one = log.state_bytes() - before;
        assert!(one >= ProducerTable::PRODUCER_BYTES, "{one}");
        read(&log, 0, 1).await.expect("read");
        let chunk_bytes = store.stats().index_bytes;
        assert!((1..1_000).contains(&chunk_bytes), "one chunk: {chunk_bytes}");
    });
}
