//! Interleavings of lives and crashes in which a start must neither refuse nor cut off what lasts.
//! Each is drawn by hand: the laboratory's power cuts meet them too seldom.

#[path = "support/held_writes.rs"]
mod held_writes;
#[path = "support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::pin::pin;

use bytes::Bytes;
use futures::future::{Either, select};
use held_writes::HeldWrites;
use pelton_model::batch::BatchHeader;
use pelton_model::{LeaderEpoch, Offset};
use pelton_storage::disk::sim::{CrashChoice, Fault, FaultError, Operation, SimDisk, run};
use pelton_storage::{Log, Store, StoreOptions};
use support::*;

const OPTIONS: StoreOptions = StoreOptions { direct_flush_bytes: 4_000, ..SMALL };

fn log_of(store: &Store, topic: u8) -> Log {
    store.log(partition(topic, 0)).expect("a log")
}

fn first_segment(topic: u8) -> PathBuf {
    partition_dir(partition(topic, 0)).join(format!("{:020}.log", 0))
}

/// A life beside a journal with segments of some 10,000 bytes whose horizon stays at its beginning,
/// and what it does with a partition of topic 2.
async fn below_a_pinned_horizon<T>(sim: &SimDisk, work: impl AsyncFnOnce(&Store, &Log) -> T) -> T {
    let (store, _) = open(sim, OPTIONS).await;
    let work = async {
        pin_the_horizon(sim, &store).await;
        let log = place(&store, partition(2, 0)).await;
        work(&store, &log).await
    };
    let journal = pin!(store.run_journal(|_| roll_at(10_000)));
    match select(journal, pin!(work)).await {
        Either::Left(((), work)) => work.await,
        Either::Right((done, _)) => done,
    }
}

/// A write to a partition's segment fails: what its extent describes is never durable, and the
/// horizon stays below it for the rest of that life.
async fn pin_the_horizon(sim: &SimDisk, store: &Store) {
    let log = place(store, partition(1, 0)).await;
    let eio = FaultError::Errno(libc::EIO);
    sim.inject(Fault::new(Operation::Write, eio).under(partition_dir(log.id())));
    let appended = log.append(batch(9, 20_000), NOW).expect("appended");
    log.acknowledged(appended.acked_by).await.expect_err("its segment cannot be written");
}

/// S6: an extent above the horizon whose segment was deleted is not torn. Were it cut off,
/// everything behind it would go, too.
#[test]
fn s2_an_extent_in_a_deleted_segment_takes_nothing_with_it() {
    let sim = new_disk(1);
    let written = run(below_a_pinned_horizon(&sim, async |store, log| {
        append(store, log, batch(1, 20_000)).await;
        append(store, log, batch(2, 20_000)).await;
        assert_eq!(log.segment_count(), 2);
        let sequence = log.delete_records(Offset::new(1)).expect("deleted");
        store.journal().durable(sequence).await.expect("durable");
        let freed = log.retain(keep(-1, -1, roll_at(10_000))).await.expect("retained");
        assert!(freed > 20_000, "the first segment is gone");
        append(store, log, batch(3, 100)).await;
        read_all(log).await
    }));
    assert_eq!(written.len(), 2);
    let image = sim.crash(&mut CrashChoice::keep_all());
    with_store(&image, OPTIONS, async |store: Store| {
        let log = log_of(&store, 2);
        assert_eq!(log.start_offset(), Offset::new(1));
        assert!(read_all(&log).await == written, "{} is the end", log.end_offset());
    });
}

/// The same where a start has removed the only segment, and the power is cut before that life has
/// written anything to the journal.
#[test]
fn s2_nor_does_one_in_a_segment_that_a_start_has_removed() {
    let sim = new_disk(2);
    let written = run(below_a_pinned_horizon(&sim, async |store, log| {
        append(store, log, batch(1, 20_000)).await;
        let sequence = log.delete_records(Offset::new(1)).expect("deleted");
        store.journal().durable(sequence).await.expect("durable");
        append(store, log, batch(2, 100)).await;
        read_all(log).await
    }));
    assert_eq!(written.len(), 1);
    let image = sim.crash(&mut CrashChoice::keep_all());
    run(open(&image, OPTIONS));
    assert!(image.contents(&first_segment(2)).is_err(), "nothing is left of it");
    let image = image.crash(&mut CrashChoice::keep_all());
    with_store(&image, OPTIONS, async |store: Store| {
        assert!(read_all(&log_of(&store, 2)).await == written);
    });
}

/// One life's flush was torn; the next writes to the same place, and to a state file, before it has
/// said in the journal where it cut the log off. What stands in the journal behind the torn extent
/// follows nothing then: at its offset there is another record, or it begins in the middle of one.
#[test]
fn s6_a_cut_is_durable_before_a_state_can_hide_it() {
    for records_behind in [1, 2] {
        let sim = new_disk(3);
        let first = run(flush_and_more(&sim, true, records_behind));
        let second = sim.crash(&mut CrashChoice::lose_all());
        run(flush_beside_a_slow_journal(&second));
        let third = second.crash(&mut CrashChoice::lose_all());
        with_store(&third, OPTIONS, async |store: Store| {
            let log = log_of(&store, 2);
            let read = read_all(&log).await;
            assert!(read.first() == first.as_ref());
            assert!(log.leader_epoch() >= LeaderEpoch::new(2), "the epoch was answered");
            for batch in &read[1..] {
                let header = BatchHeader::read(batch).expect("a batch");
                assert_eq!(header.leader_epoch, log.epoch_of(header.base_offset));
                assert!(header.leader_epoch >= LeaderEpoch::new(2), "what was cut off is back");
            }
        });
    }
}

/// A flush of which the segment never gets a byte, and in the journal an append and an epoch behind
/// it. Returns the batch before, if there is one, which was acknowledged.
async fn flush_and_more(sim: &SimDisk, has_before: bool, records_behind: usize) -> Option<Bytes> {
    let (store, _) = open(sim, OPTIONS).await;
    let held = HeldWrites::of(sim);
    beside_journal(&store, async {
        let log = place(&store, partition(2, 0)).await;
        let other = place(&store, partition(1, 0)).await;
        append(&store, &other, batch(1, 100)).await;
        let first = match has_before {
            true => Some(append(&store, &log, batch(2, 100)).await.1),
            false => None,
        };
        held.hold(partition_dir(log.id()));
        let before = store.journal().durable_sequence();
        log.append(batch(3, 20_000), NOW).expect("appended");
        until(|| store.journal().durable_sequence() > before).await;
        let behind = vec![(NOW.get(), &b"behind"[..]); records_behind];
        log.append(batch_of(&behind, None), NOW).expect("appended");
        // The held batch goes to the journal, and the epoch begins behind it.
        let sequence = store.place(log.id(), LeaderEpoch::new(2)).expect("placed");
        store.journal().durable(sequence).await.expect("durable");
        first
    })
    .await
}

/// The tail of a partition finds no room, so the journal is needed from there on.
fn pin_the_tail(sim: &SimDisk, topic: u8) {
    let enospc = FaultError::Errno(libc::ENOSPC);
    let dir = partition_dir(partition(topic, 0));
    sim.inject(Fault::new(Operation::Allocate, enospc).under(dir).lasting());
}

/// The next life, whose journal writes nothing more once it has begun: another flush, and a state
/// file.
async fn flush_beside_a_slow_journal(sim: &SimDisk) {
    let (store, report) = open(sim, OPTIONS).await;
    assert_eq!(report.cut_partitions, 1);
    let held = HeldWrites::of(sim);
    held.hold(shard_dir().join("journal."));
    pin_the_tail(sim, 1);
    beside_journal(&store, async {
        let log = log_of(&store, 2);
        log.append(batch(5, 30_000), NOW).expect("appended");
        until(|| store.uncarried_bytes() < 1_000).await;
        store.checkpoint(|_| roll_at(1 << 30)).await.expect_err("full");
    })
    .await;
}

/// A log was cut off at its very start, went on, and was dropped; the state file does not have it any
/// more, and the Drop was lost. The epoch that the cut moved to offset 0 begins no new log, which
/// would miss the segment that the old one had begun before.
#[test]
fn s6_an_epoch_that_a_cut_moved_to_zero_begins_no_log() {
    let sim = new_disk(4);
    run(flush_and_more(&sim, false, 1));
    let second = sim.crash(&mut CrashChoice::lose_all());
    run(async {
        let (store, report) = open(&second, OPTIONS).await;
        assert_eq!(report.cut_partitions, 1);
        let held = HeldWrites::of(&second);
        pin_the_tail(&second, 1);
        beside_journal(&store, async {
            append(&store, &log_of(&store, 2), batch(5, 30_000)).await;
            held.hold(shard_dir().join("journal."));
            let _removal = store.begin_removal(partition(2, 0)).expect("begun");
            store.checkpoint(|_| roll_at(1 << 30)).await.expect_err("full");
        })
        .await;
    });
    let third = second.crash(&mut CrashChoice::lose_all());
    let (store, _) = run(open(&third, OPTIONS));
    assert!(store.log(partition(2, 0)).is_none(), "the state file says that it is gone");
    assert!(store.log(partition(1, 0)).is_some());
}

/// The start after a crash in which a flush was torn, on a ring without room and a disk that is full:
/// it has to say where it cut the log off all the same, and it needs a state file of its own.
#[test]
fn s9_a_start_that_cuts_needs_no_room_on_ring_or_disk() {
    let sim = new_disk(5);
    let held = HeldWrites::of(&sim);
    let (first, others) = run(async {
        let (store, _) = open(&sim, OPTIONS).await;
        beside_journal(&store, async {
            let (log, other) =
                (place(&store, partition(2, 0)).await, place(&store, partition(1, 0)).await);
            // Two states of the same partitions: the older one is the room that the next has.
            checkpoint(&store).await;
            checkpoint(&store).await;
            let first = append(&store, &log, batch(2, 100)).await.1;
            held.hold(data_dir().join("topics"));
            let before = store.journal().durable_sequence();
            log.append(batch(3, 20_000), NOW).expect("appended");
            until(|| store.journal().durable_sequence() > before).await;
            // No checkpoint makes room.
            let mut fill = 0;
            while !store.journal().is_starved() {
                other.append(batch(fill, 3_000), NOW).expect("appended");
                fill += 1;
                for _ in 0..100 {
                    yield_once().await;
                }
            }
            (first, other.commit_offset())
        })
        .await
    });
    let image = sim.durable();
    image.set_capacity(image.used_bytes());
    let (store, report) = run(open(&image, OPTIONS));
    assert_eq!(report.cut_partitions, 1);
    assert_eq!(log_of(&store, 2).end_offset().get(), 1);
    drop(store);
    // What it said lasts, and goes on when there is room again.
    let image = image.durable();
    let (store, report) = run(open(&image, OPTIONS));
    assert_eq!((report.cut_partitions, report.torn), (0, false));
    image.set_capacity(1 << 30);
    run(beside_journal(&store, async {
        checkpoint(&store).await;
        let log = log_of(&store, 2);
        let second = append(&store, &log, batch(5, 100)).await.1;
        assert_eq!(read_all(&log).await, [first, second]);
        assert_eq!(log_of(&store, 1).end_offset(), others);
    }));
}

/// What a replay brings back of the journal is not in memory as uncarried when an extent behind it says
/// that it has been carried.
#[test]
fn s5_what_was_carried_is_not_carried_anew() {
    let sim = new_disk(6);
    let written = with_store(&sim, OPTIONS, async |store: Store| {
        let (log, other) =
            (place(&store, partition(2, 0)).await, place(&store, partition(1, 0)).await);
        append(&store, &log, batch(1, 1_000)).await;
        append(&store, &log, batch(2, 1_000)).await;
        log.carry(roll_at(1 << 30)).await.expect("carried");
        append(&store, &log, batch(3, 500)).await;
        append(&store, &other, batch(4, 10)).await;
        assert!(store.uncarried_bytes() < 1_000);
        (read_all(&log).await, store.uncarried_bytes())
    });
    with_store(&sim.durable(), OPTIONS, async |store: Store| {
        assert_eq!(store.uncarried_bytes(), written.1);
        assert!(read_all(&log_of(&store, 2)).await == written.0);
    });
}

/// F1: a start that writes an extent once more leaves a sealed segment at its length.
#[test]
fn f1_a_sealed_segment_keeps_its_length_when_a_start_writes_it_again() {
    let sim = new_disk(7);
    let first = run(below_a_pinned_horizon(&sim, async |store, log| {
        let first = append(store, log, batch(1, 20_000)).await.1;
        append(store, log, batch(2, 20_000)).await;
        assert_eq!(log.segment_count(), 2);
        first
    }));
    let image = sim.crash(&mut CrashChoice::keep_all());
    assert_eq!(image.contents(&first_segment(2)).expect("sealed"), first);
    let (_, report) = run(open(&image, OPTIONS));
    assert!(report.extents >= 2, "they were read");
    assert_eq!(image.contents(&first_segment(2)).expect("sealed"), first);
}

/// S6: an extent whose segment cannot be looked at is neither whole nor torn. Taken for a torn one it
/// would be cut off, with all that stands behind it.
#[test]
fn s6_a_segment_that_cannot_be_opened_refuses_the_start_and_costs_nothing() {
    let sim = new_disk(8);
    let written = run(below_a_pinned_horizon(&sim, async |store, log| {
        append(store, log, batch(1, 20_000)).await;
        append(store, log, batch(2, 100)).await;
        read_all(log).await
    }));
    assert_eq!(written.len(), 2);
    let image = sim.crash(&mut CrashChoice::keep_all());
    let eio = FaultError::Errno(libc::EIO);
    image.inject(Fault::new(Operation::Open, eio).under(first_segment(2)));
    assert!(run(try_open(&image.disk(), OPTIONS)).is_err());
    let image = image.crash(&mut CrashChoice::keep_all());
    with_store(&image, OPTIONS, async |store: Store| {
        assert!(read_all(&log_of(&store, 2)).await == written);
    });
}

/// What an extent says of its producers holds for batches that the replay has not seen otherwise.
#[test]
fn s4_a_batch_that_was_flushed_directly_is_known_to_be_there_after_a_crash() {
    let from = Some(Producer { id: 9, sequence: 0 });
    let batch = || batch_of(&[(NOW.get(), &[1; 20_000])], from);
    let sim = new_disk(9);
    with_store(&sim, OPTIONS, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        append(&store, &log, batch()).await;
        assert_eq!(log.segment_count(), 1, "it was flushed directly");
    });
    with_store(&sim.crash(&mut CrashChoice::keep_all()), OPTIONS, async |store: Store| {
        let again = log_of(&store, 1).append(batch(), NOW).expect("it is answered");
        assert!(again.duplicate_of.is_some());
        assert_eq!(again.base_offset, Offset::ZERO);
    });
}

/// What a failed sync has left in the device's cache no later sync makes durable. A start that takes it
/// in, and shows it, has to write it again, from its first block on.
#[test]
fn s3_what_a_failed_sync_left_is_durable_once_a_start_has_shown_it() {
    let sim = new_disk(10);
    with_store(&sim, OPTIONS, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        let eio = FaultError::Errno(libc::EIO);
        sim.inject(Fault::new(Operation::Sync, eio).under(first_segment(1)));
        let appended = log.append(batch(1, 20_000), NOW).expect("appended");
        log.acknowledged(appended.acked_by).await.expect_err("its segment cannot be synced");
        let described = store.journal().next_sequence() - 1;
        store.journal().durable(described).await.expect("durable");
    });
    sim.kill(&mut CrashChoice::keep_all());
    let shown = with_store(&sim, OPTIONS, async |store: Store| read_all(&log_of(&store, 1)).await);
    assert_eq!(shown.len(), 1, "it stands there whole");
    with_store(&sim.crash(&mut CrashChoice::lose_all()), OPTIONS, async |store: Store| {
        assert!(read_all(&log_of(&store, 1)).await == shown);
    });
}
