//! What is deleted: records, segments by their age and size, whole logs.

use futures::FutureExt;
use pelton_model::{Offset, ShardId, TimestampMs};
use pelton_storage::disk::sim::run;
use pelton_storage::{AppendError, Log, NotAppended, ReadError, RollRules, Store};

use crate::support::*;
use crate::{CACHED, files_under};

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

/// An idle log's last segment is sealed so that retention or compaction can take it.
#[test]
fn the_time_of_a_segment_begins_with_its_first_batch_not_when_the_one_before_is_sealed() {
    let sim = new_disk(1);
    let later = |ms| RollRules {
        segment_ms: 1000,
        now: TimestampMs::new(NOW.get() + ms),
        ..roll_at(1 << 30)
    };
    let append_at = async |log: &Log, ms| {
        let appended = log.append(batch(1, 10), later(ms).now).expect("appended");
        log.acknowledged(appended.acked_by).await.expect("durable");
    };
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        append_at(&log, 0).await;
        store.checkpoint(|_| later(0)).await.expect("a checkpoint");
        log.roll_when_old(later(1000)).await.expect("rolled");
        assert_eq!(log.segment_count(), 2);
        append_at(&log, 1900).await;
        store.checkpoint(|_| later(1900)).await.expect("a checkpoint");
        append_at(&log, 2000).await;
        store.checkpoint(|_| later(2000)).await.expect("a checkpoint");
        assert_eq!(log.segment_count(), 2);
        append_at(&log, 2900).await;
        store.checkpoint(|_| later(2900)).await.expect("a checkpoint");
        assert_eq!(log.segment_count(), 3);
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
