//! The store from outside, on a simulated disk.

mod support;

use std::path::PathBuf;

use bytes::Bytes;
use futures::FutureExt;
use pelton_model::batch::BatchHeader;
use pelton_model::producer::ProducerTable;
use pelton_model::{LeaderEpoch, Offset, ShardId, TimestampMs};
use pelton_storage::disk::sim::{Fault, FaultError, Operation, SimDisk, run};
use pelton_storage::journal::JournalOptions;
use pelton_storage::{
    AppendError, FenceReason, NotAppended, ReadError, RollRules, StorageError, Store, StoreOptions,
};
use support::*;

const CACHED: StoreOptions = StoreOptions { cache_bytes: 1 << 20, ..SMALL };

fn files_under(sim: &SimDisk, dir: PathBuf) -> Vec<String> {
    let entries = run(async { sim.disk().list_dir(&dir).await }).unwrap_or_default();
    entries.into_iter().map(|entry| entry.name).collect()
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
fn deleted_records_are_gone_also_after_a_restart() {
    let sim = new_disk(1);
    let id = partition(1, 0);
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, id).await;
        for fill in 0..10 {
            append(&store, &log, batch(fill, 1000)).await;
            store.checkpoint(|_| roll_at(2500)).await.expect("a checkpoint");
        }
        let (start, end) = (Offset::ZERO, Offset::new(10));
        let refused = ReadError::OutOfRange { start, end };
        assert_eq!(log.delete_records(Offset::new(11)), Err(refused.clone()));
        assert_eq!(log.delete_records(Offset::new(-1)), Err(refused));
        let sequence = log.delete_records(Offset::new(5)).expect("deleted");
        store.journal().durable(sequence).await.expect("durable");
        let again = log.delete_records(Offset::new(4)).expect("nothing to do");
        assert!(again <= store.journal().durable_sequence());
        assert!(matches!(read(&log, 4, 1).await, Err(ReadError::OutOfRange { .. })));
        assert_eq!(read_all(&log).await.len(), 5);
    });
    with_store(&sim, SMALL, async |store: Store| {
        let log = store.log(id).expect("a log");
        assert_eq!(log.start_offset(), Offset::new(5));
        // The start has taken away what is left over.
        assert_eq!(files_under(&sim, partition_dir(id))[0], "00000000000000000004.idx");
        assert_eq!(read_all(&log).await.len(), 5);
        // Up to the very end.
        log.delete_records(Offset::new(10)).expect("deleted");
        assert!(read(&log, 10, 1).await.expect("at the end").slices.is_empty());
        checkpoint(&store).await;
    });
    with_store(&sim, SMALL, async |store: Store| {
        let log = store.log(id).expect("a log");
        assert_eq!((log.start_offset(), log.end_offset()), (Offset::new(10), Offset::new(10)));
        assert_eq!(append(&store, &log, batch(1, 1)).await.0, Offset::new(10));
    });
}

#[test]
fn a_start_that_is_not_durable_costs_no_files() {
    let sim = new_disk(1);
    let id = partition(1, 0);
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, id).await;
        for fill in 0..4 {
            append(&store, &log, batch(fill, 1000)).await;
            store.checkpoint(|_| roll_at(1)).await.expect("a checkpoint");
        }
    });
    run(async {
        // No journal runs: the new start never becomes durable.
        let (store, _) = open(&sim, SMALL).await;
        let log = store.log(id).expect("a log");
        log.delete_records(Offset::new(3)).expect("deleted");
        assert!(log.retain(keep(-1, -1, roll_at(1))).now_or_never().is_none());
        let (store, _) = open(&sim.durable(), SMALL).await;
        assert_eq!(read_all(&store.log(id).expect("a log")).await.len(), 4);
    });
}

#[test]
fn retention_goes_by_size_and_by_time() {
    with_store(&new_disk(1), SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        for second in 0..10 {
            let record: (i64, &[u8]) = (NOW.get() + second * 1000, &[0; 1000]);
            append(&store, &log, batch_of(&[record], None)).await;
            store.checkpoint(|_| roll_at(1)).await.expect("a checkpoint");
        }
        assert_eq!(log.segment_count(), 10);
        let one = log.bytes() / 10;
        log.retain(keep(-1, -1, roll_at(1))).await.expect("retained");
        assert_eq!(log.start_offset(), Offset::ZERO);
        // As Kafka counts: what is left does not fall below the limit.
        let bytes = i64::try_from(one * 7 + one / 2).expect("bytes");
        let freed = log.retain(keep(-1, bytes, roll_at(1))).await.expect("retained");
        assert_eq!((freed, log.start_offset()), (2 * one, Offset::new(2)));
        let roll = RollRules { now: TimestampMs::new(NOW.get() + 5500), ..roll_at(1) };
        log.retain(keep(1000, -1, roll)).await.expect("retained");
        assert_eq!((log.start_offset(), log.segment_count()), (Offset::new(5), 5));
        // All of it is old: the last segment is rolled, so that it can go.
        let roll = RollRules { now: TimestampMs::new(NOW.get() + 20_000), ..roll_at(1) };
        log.retain(keep(1000, -1, roll)).await.expect("retained");
        assert_eq!((log.start_offset(), log.end_offset()), (Offset::new(10), Offset::new(10)));
        assert_eq!((log.bytes(), log.segment_count()), (0, 1));
        assert_eq!(append(&store, &log, batch(1, 1)).await.0, Offset::new(10));
    });
}

/// Clients may leave timestamps out. Such records are kept for as long as any others, from when they were
/// appended on.
#[test]
fn records_without_a_timestamp_are_kept_for_retention_ms_too() {
    const HOUR: i64 = 3_600_000;
    let sim = new_disk(1);
    let later = |ms| RollRules { now: TimestampMs::new(NOW.get() + ms), ..roll_at(1) };
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        for _ in 0..3 {
            // The last one is in no state file.
            store.checkpoint(|_| later(0)).await.expect("a checkpoint");
            append(&store, &log, batch_of(&[(-1, &[0; 1000])], None)).await;
            log.carry(later(0)).await.expect("carried");
        }
        store.journal().durable(store.journal().next_sequence() - 1).await.expect("durable");
        assert_eq!(log.retain(keep(HOUR, -1, later(0))).await, Ok(0));
        assert_eq!((log.start_offset(), log.segment_count()), (Offset::ZERO, 3));
    });
    // What only the journal knows is as old as the life that found it there: it may stay longer.
    for (stops_in_order, last_until) in [(true, HOUR), (false, HOUR + HOUR / 2)] {
        let image = sim.durable();
        if stops_in_order {
            with_store(&image, SMALL, async |store: Store| {
                store.close(|_| later(0)).await.expect("closed");
            });
        }
        run(async {
            let begun = TimestampMs::new(NOW.get() + HOUR / 2);
            let (disk, shard) = (image.durable().disk(), ShardId::ZERO);
            let store = Store::open(&disk, &data_dir(), shard, SMALL, SEED, begun, |_| true).await;
            let (store, _) = store.expect("opened");
            let log = store.log(partition(1, 0)).expect("a log");
            beside_journal(&store, async {
                for (ms, start) in [
                    (HOUR, 0),
                    (last_until, if stops_in_order { 0 } else { 2 }),
                    (last_until + 1, 3),
                ] {
                    log.retain(keep(HOUR, -1, later(ms))).await.expect("retained");
                    assert_eq!(log.start_offset().get(), start, "{stops_in_order} after {ms} ms");
                }
            })
            .await;
            assert_eq!(log.bytes(), 0);
        });
    }
}

#[test]
fn a_segment_is_rolled_when_its_time_is_up() {
    with_store(&new_disk(1), SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        let later = |ms| RollRules {
            segment_ms: 1000,
            now: TimestampMs::new(NOW.get() + ms),
            ..roll_at(1 << 30)
        };
        append(&store, &log, batch(1, 10)).await;
        store.checkpoint(|_| later(0)).await.expect("a checkpoint");
        append(&store, &log, batch(2, 10)).await;
        store.checkpoint(|_| later(999)).await.expect("a checkpoint");
        assert_eq!(log.segment_count(), 1);
        append(&store, &log, batch(3, 10)).await;
        store.checkpoint(|_| later(1000)).await.expect("a checkpoint");
        assert_eq!(log.segment_count(), 2);
        assert_eq!(read_all(&log).await.len(), 3);
    });
}

#[test]
fn a_segments_time_goes_on_over_a_restart() {
    let sim = new_disk(1);
    let later = |ms| RollRules {
        segment_ms: 1000,
        now: TimestampMs::new(NOW.get() + ms),
        ..roll_at(1 << 30)
    };
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        append(&store, &log, batch(1, 10)).await;
        store.close(|_| later(0)).await.expect("closed");
    });
    run(async {
        let begun = TimestampMs::new(NOW.get() + 600);
        let (disk, shard) = (sim.durable().disk(), ShardId::ZERO);
        let store =
            Store::open(&disk, &data_dir(), shard, SMALL, 0x5EED_5EED, begun, |_| true).await;
        let (store, _) = store.expect("opened");
        beside_journal(&store, async {
            let log = store.log(partition(1, 0)).expect("a log");
            let appended = log.append(batch(2, 10), begun).expect("appended");
            log.acknowledged(appended.acked_by).await.expect("durable");
            store.checkpoint(|_| later(999)).await.expect("a checkpoint");
            assert_eq!(log.segment_count(), 1);
            append(&store, &log, batch(3, 10)).await;
            store.checkpoint(|_| later(1000)).await.expect("a checkpoint");
            assert_eq!(log.segment_count(), 2);
        })
        .await;
    });
}

#[test]
fn a_removed_log_is_gone_with_its_files_and_may_come_back() {
    let sim = new_disk(1);
    let (gone, stays) = (partition(1, 0), partition(1, 1));
    with_store(&sim, CACHED, async |store: Store| {
        let log = place(&store, gone).await;
        let other = place(&store, stays).await;
        append(&store, &log, batch(1, 100)).await;
        append(&store, &other, batch(2, 100)).await;
        checkpoint(&store).await;
        append(&store, &log, batch(3, 100)).await;
        store.remove(gone).await.expect("removed");
        assert!(store.log(gone).is_none());
        assert!(log.is_dropped());
        assert_eq!(read(&log, 0, 1).await.expect_err("dropped"), ReadError::Dropped);
        let refused = log.append(batch(4, 1), NOW).expect_err("dropped");
        assert_eq!(refused, NotAppended::Refused(AppendError::Dropped));
        let expected = other.bytes() as usize;
        let stats = store.stats();
        assert_eq!((stats.uncarried_bytes, stats.cached_bytes), (0, expected));
    });
    assert!(files_under(&sim, partition_dir(gone)).is_empty());
    with_store(&sim, CACHED, async |store: Store| {
        assert!(store.log(gone).is_none());
        assert_eq!(store.log(stays).expect("a log").end_offset(), Offset::new(1));
        let log = place(&store, gone).await;
        assert_eq!(append(&store, &log, batch(5, 200)).await.0, Offset::ZERO);
        store.remove(stays).await.expect("removed");
        store.remove(stays).await.expect("nothing to remove");
    });
    for _ in 0..2 {
        with_store(&sim, CACHED, async |store: Store| {
            assert!(store.log(stays).is_none());
            assert_eq!(read_all(&store.log(gone).expect("a log")).await.len(), 1);
            checkpoint(&store).await;
        });
    }
    with_store(&sim, CACHED, async |store: Store| store.remove(gone).await.expect("removed"));
    assert!(files_under(&sim, data_dir().join("topics")).is_empty());
}

#[test]
fn logs_of_topics_that_are_gone_are_dropped_at_the_start() {
    let sim = new_disk(1);
    let (gone, stays) = (partition(1, 0), partition(2, 0));
    with_store(&sim, SMALL, async |store: Store| {
        for id in [gone, stays] {
            let log = place(&store, id).await;
            append(&store, &log, batch(1, 10)).await;
        }
        checkpoint(&store).await;
    });
    run(async {
        let (disk, dir) = (sim.disk(), data_dir());
        let exists = |topic| topic == stays.topic;
        let opened = Store::open(&disk, &dir, ShardId::ZERO, SMALL, 0, NOW, exists);
        let (store, report) = opened.await.expect("opened");
        assert_eq!(report.partitions, 1);
        assert!(store.log(gone).is_none() && store.log(stays).is_some());
    });
    assert_eq!(files_under(&sim, data_dir().join("topics")), [stays.topic.to_string()]);
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

#[test]
fn checkpoints_release_the_ring_which_is_used_again_and_again() {
    let sim = new_disk(1);
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        let mut written = Vec::new();
        for round in 0..100 {
            for _ in 0..5 {
                written.push(append(&store, &log, batch(round, 5000)).await.1);
            }
            checkpoint(&store).await;
            // What a checkpoint says of itself is needed until the next.
            assert!(store.journal().used_ratio() < 0.3);
        }
        assert!(store.stats().journal.group_bytes.sum > 3 << 20);
        assert_eq!(read_all(&log).await, written);
    });
    let files = files_under(&sim, shard_dir());
    assert_eq!(files, ["journal.0000", "journal.0001", "state.0", "state.1"]);
}

#[test]
fn a_full_ring_waits_and_goes_on_after_a_checkpoint() {
    let sim = new_disk(1);
    let appended = with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        let mut newest = 0;
        for fill in 0..100 {
            newest = log
                .append(batch(fill, 10_000), NOW)
                .expect("appended")
                .acked_by
                .group()
                .expect("a group");
        }
        let pressure = store.journal().pressure().wait();
        pressure.await;
        while !store.journal().is_starved() {
            yield_once().await;
        }
        let stuck = store.journal().durable_sequence();
        for _ in 0..100 {
            yield_once().await;
        }
        assert_eq!(store.journal().durable_sequence(), stuck);
        assert!(newest > stuck);
        while store.journal().durable_sequence() < newest {
            checkpoint(&store).await;
            yield_once().await;
        }
        assert!(!store.journal().is_starved());
        read_all(&log).await
    });
    assert_eq!(appended.len(), 100);
    assert_eq!(files_under(&sim, shard_dir()).len(), 6, "four files of the ring, and the state");
}

#[test]
fn retention_never_blocks_a_full_ring() {
    with_store(&new_disk(1), SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        for fill in 0..3 {
            append(&store, &log, batch(fill, 1000)).await;
            store.checkpoint(|_| roll_at(1)).await.expect("a checkpoint");
        }
        let mut newest = 0;
        for fill in 0..60 {
            newest = log
                .append(batch(fill, 10_000), NOW)
                .expect("appended")
                .acked_by
                .group()
                .expect("a group");
        }
        while !store.journal().is_starved() {
            yield_once().await;
        }
        // Its new start waits behind what the ring has no room for.
        let retained = log.retain(keep(-1, 0, roll_at(1)));
        let checkpoints = async {
            while store.journal().durable_sequence() < newest {
                checkpoint(&store).await;
                yield_once().await;
            }
        };
        let (retained, ()) = futures::join!(retained, checkpoints);
        assert!(retained.expect("retained") > 0);
    });
}

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
        let mut newest = 0;
        for fill in 0..30 {
            newest = log
                .append(batch(fill, 10_000), NOW)
                .expect("appended")
                .acked_by
                .group()
                .expect("a group");
        }
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
        let mut newest = 0;
        for fill in 0..40 {
            newest = log
                .append(batch(fill, 10_000), NOW)
                .expect("appended")
                .acked_by
                .group()
                .expect("a group");
        }
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
            assert!(state_bytes < 1000, "{state_bytes} bytes were read");
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
fn ring_files_of_another_size_are_used_as_they_are() {
    let sim = new_disk(1);
    let larger = JournalOptions { file_bytes: 128 << 10, ring_bytes_max: 1 << 20 };
    let mut expected = 0;
    for journal in [SMALL.journal, larger, SMALL.journal, larger] {
        with_store(&sim, StoreOptions { journal, ..SMALL }, async |store: Store| {
            let log = place(&store, partition(1, 0)).await;
            assert_eq!(log.end_offset().get(), expected);
            for fill in 0..30 {
                append(&store, &log, batch(fill, 3000)).await;
            }
            expected += 30;
            if expected % 60 == 0 {
                checkpoint(&store).await;
            }
        });
    }
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
fn s2_a_start_of_a_log_is_told_when_no_crash_can_take_it_back() {
    let sim = new_disk(1);
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        for fill in 0..3 {
            append(&store, &log, batch(fill, 100)).await;
        }
        let first = log.delete_records(Offset::new(1)).expect("moved");
        assert_eq!(log.start_offset().get(), 0);
        let second = log.delete_records(Offset::new(2)).expect("moved");
        assert_eq!(log.start_offset().get(), 0);
        assert!(read(&log, 0, 100).await.is_ok());
        store.journal().durable(first.max(second)).await.expect("durable");
        assert_eq!(log.start_offset().get(), 2);
        assert!(read(&log, 1, 100).await.is_err());
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
