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
use pelton_model::batch::patch::set_base_offset_and_epoch;
use pelton_model::limits::BLOCK_BYTES;
use pelton_model::{LeaderEpoch, Offset, PartitionId};
use pelton_storage::disk::sim::{CrashChoice, Fault, FaultError, Operation, SimDisk, run};
use pelton_storage::journal::{Entry, Extent, GroupHeader, HEADER_BYTES, groups_of_file};
use pelton_storage::{Log, NewBatch, OpenError, Store, StoreOptions};
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

/// A log goes on after a crash as it would have without: what has been carried does not wait for
/// it, so that a large batch is flushed directly.
#[test]
fn s5_what_was_carried_does_not_count_as_a_backlog() {
    let sim = new_disk(12);
    with_store(&sim, OPTIONS, async |store: Store| {
        let log = place(&store, partition(2, 0)).await;
        for fill in 0..20 {
            append(&store, &log, batch(fill, 1_000)).await;
        }
        log.carry(roll_at(1 << 30)).await.expect("carried");
    });
    with_store(&sim.durable(), OPTIONS, async |store: Store| {
        append(&store, &log_of(&store, 2), batch(1, 20_000)).await;
        assert_eq!(store.uncarried_bytes(), 0, "it went to the journal");
    });
}

/// F2: sealed segments are read by as many chunks as the journal has described, however many they
/// are.
#[test]
fn f2_segments_that_were_sealed_before_a_crash_are_read_from_front_to_back() {
    for (bytes, segment_bytes) in [(20_000, 10_000), (50_000, 180_000)] {
        let sim = new_disk(13);
        let written = run(async {
            let (store, _) = open(&sim, OPTIONS).await;
            let work = async {
                let log = place(&store, partition(2, 0)).await;
                let mut written = Vec::new();
                for fill in 0..10 {
                    written.push(append(&store, &log, batch(fill, bytes)).await.1);
                }
                assert!(log.segment_count() > 2);
                written
            };
            match select(pin!(store.run_journal(|_| roll_at(segment_bytes))), pin!(work)).await {
                Either::Left(((), work)) => work.await,
                Either::Right((written, _)) => written,
            }
        });
        with_store(&sim.crash(&mut CrashChoice::keep_all()), OPTIONS, async |store: Store| {
            assert!(read_all(&log_of(&store, 2)).await == written);
        });
    }
}

/// F2: a chunk that several extents went on with is one chunk in the index of a later life.
#[test]
fn f2_a_chunk_that_grew_before_a_crash_is_one_chunk_of_its_index() {
    let sim = new_disk(14);
    let mut written = with_store(&sim, OPTIONS, async |store: Store| {
        let log = place(&store, partition(2, 0)).await;
        let mut written = Vec::new();
        for fill in 0..3 {
            written.push(append(&store, &log, batch(fill, 1_000)).await.1);
            log.carry(roll_at(1 << 30)).await.expect("carried");
        }
        let described = store.journal().next_sequence() - 1;
        store.journal().durable(described).await.expect("durable");
        written
    });
    let image = sim.crash(&mut CrashChoice::keep_all());
    with_store(&image, OPTIONS, async |store: Store| {
        let log = log_of(&store, 2);
        written.push(append(&store, &log, batch(3, 1_000)).await.1);
        log.carry(roll_at(1_000)).await.expect("carried");
        assert_eq!(log.segment_count(), 2, "the first is sealed");
        store.close(|_| roll_at(1 << 30)).await.expect("closed");
    });
    with_store(&image.durable(), OPTIONS, async |store: Store| {
        assert!(read_all(&log_of(&store, 2)).await == written);
    });
}

/// S2: a start that writes an extent once more writes nothing of those behind it.
#[test]
fn s2_extents_that_a_start_writes_again_leave_each_other_as_they_are() {
    let sim = new_disk(15);
    let written = with_store(&sim, OPTIONS, async |store: Store| {
        pin_the_horizon(&sim, &store).await;
        let log = place(&store, partition(2, 0)).await;
        for fill in 0..4 {
            append(&store, &log, batch(fill, 9_000)).await;
        }
        assert_eq!(log.segment_count(), 1);
        read_all(&log).await
    });
    assert_eq!(written.len(), 4);
    with_store(&sim.crash(&mut CrashChoice::keep_all()), OPTIONS, async |store: Store| {
        assert!(read_all(&log_of(&store, 2)).await == written);
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
fn s6_a_segment_that_cannot_be_read_refuses_the_start_and_costs_nothing() {
    let sim = new_disk(8);
    let written = run(below_a_pinned_horizon(&sim, async |store, log| {
        append(store, log, batch(1, 20_000)).await;
        append(store, log, batch(2, 100)).await;
        read_all(log).await
    }));
    assert_eq!(written.len(), 2);
    for operation in [Operation::Open, Operation::Read] {
        let image = sim.crash(&mut CrashChoice::keep_all());
        let eio = FaultError::Errno(libc::EIO);
        image.inject(Fault::new(operation, eio).under(first_segment(2)));
        assert!(run(try_open(&image.disk(), OPTIONS)).is_err());
        let image = image.crash(&mut CrashChoice::keep_all());
        with_store(&image, OPTIONS, async |store: Store| {
            assert!(read_all(&log_of(&store, 2)).await == written);
        });
    }
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

/// A batch of one record that takes just so many bytes in its segment.
fn batch_that_takes(fill: u8, bytes: usize) -> NewBatch {
    let around = batch(fill, bytes).bytes.len() - bytes;
    let batch = batch(fill, bytes - around);
    assert_eq!(batch.bytes.len(), bytes);
    batch
}

/// What a failed sync has left in the device's cache no later sync makes durable. A start that takes it
/// in, and shows it, has to write it again, from its first block to its last, wherever it begins and
/// ends in them.
#[test]
fn s3_what_a_failed_sync_left_is_durable_once_a_start_has_shown_it() {
    const BLOCK: usize = BLOCK_BYTES;
    let cases =
        [(0, 20_000), (0, 5 * BLOCK), (200, 20_000), (200, 6 * BLOCK - 200), (9_000, 20_000)];
    for (before, flushed) in cases {
        let sim = new_disk(10);
        with_store(&sim, OPTIONS, async |store: Store| {
            let log = place(&store, partition(1, 0)).await;
            if before > 0 {
                append(&store, &log, batch_that_takes(2, before)).await;
                log.carry(roll_at(1 << 30)).await.expect("carried");
            }
            let eio = FaultError::Errno(libc::EIO);
            sim.inject(Fault::new(Operation::Sync, eio).under(first_segment(1)));
            let appended = log.append(batch_that_takes(1, flushed), NOW).expect("appended");
            log.acknowledged(appended.acked_by).await.expect_err("its segment cannot be synced");
            let described = store.journal().next_sequence() - 1;
            store.journal().durable(described).await.expect("durable");
        });
        sim.kill(&mut CrashChoice::keep_all());
        let shown =
            with_store(&sim, OPTIONS, async |store: Store| read_all(&log_of(&store, 1)).await);
        assert_eq!(shown.len(), 1 + usize::from(before > 0), "it stands there whole");
        with_store(&sim.crash(&mut CrashChoice::lose_all()), OPTIONS, async |store: Store| {
            assert!(read_all(&log_of(&store, 1)).await == shown, "{flushed} behind {before}");
        });
    }
}

/// A disk on which the journal's newest group says this instead. No extent is looked at: all of them
/// are below its horizon.
fn with_newest_entry(sim: &SimDisk, id: PartitionId, entry: &Entry) -> SimDisk {
    let image = sim.crash(&mut CrashChoice::keep_all());
    let path = shard_dir().join("journal.0000");
    let mut content = image.contents(&path).expect("a ring file");
    let groups = groups_of_file(&content.clone().into(), SEED);
    let (at, newest) = groups.last().expect("a group");
    let mut body = Vec::new();
    entry.encode_head(id, &mut body);
    if let Entry::Append { batch, .. } = entry {
        body.extend_from_slice(batch);
    }
    let header = GroupHeader {
        entry_count: 1,
        horizon: newest.header.sequence + 1,
        body_bytes: body.len() as u32,
        body_crc: crc32c::crc32c(&body),
        ..newest.header
    };
    let body_at = at + HEADER_BYTES;
    content[*at..body_at].copy_from_slice(&header.encode(SEED));
    content[body_at..body_at + body.len()].copy_from_slice(&body);
    run(async { image.disk().write_file_durably(&path, &content).await.expect("written") });
    image
}

/// S6: an entry that does not follow what the log holds, no crash has written: it is damage, and
/// nothing to start with, nor to leave out in silence.
#[test]
fn s6_an_entry_that_does_not_follow_its_log_refuses_the_start() {
    let sim = new_disk(11);
    let carried_bytes = with_store(&sim, OPTIONS, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        place(&store, partition(2, 0)).await;
        let (_, carried) = append(&store, &log, batch(1, 20_000)).await;
        assert_eq!(log.segment_count(), 1, "it was flushed directly");
        append(&store, &log, batch(2, 100)).await;
        append(&store, &log, batch(3, 100)).await;
        carried.len() as u64
    });
    let appended = |at, base, fill, bytes_behind| {
        let mut batch = batch(fill, 100).bytes;
        set_base_offset_and_epoch(&mut batch, Offset::new(base), EPOCH);
        batch.resize(batch.len() + bytes_behind, 0);
        Entry::Append { base_offset: Offset::new(at), epoch: EPOCH, batch: batch.into() }
    };
    let extent = |segment, position| {
        let (segment, end, length) = (Offset::new(segment), Offset::new(2), 100);
        let (chunks, producers) = (Vec::new(), Vec::new());
        Entry::Extent(Extent { segment, position, length, end, chunks, producers })
    };
    let roll = |base| Entry::Roll { base: Offset::new(base) };
    let epoch = |epoch, start| {
        let (epoch, start) = (LeaderEpoch::new(epoch), Offset::new(start));
        Entry::Place { epoch, start }
    };
    let follows = |topic, entry| {
        let image = with_newest_entry(&sim, partition(topic, 0), &entry);
        match run(try_open(&image.disk(), OPTIONS)) {
            Ok(_) => true,
            Err(OpenError::Damaged { .. }) => false,
            Err(error) => panic!("{entry:?}: {error}"),
        }
    };
    assert!(follows(1, appended(2, 2, 4, 0)));
    assert!(!follows(1, appended(3, 3, 4, 0)), "offsets are missing");
    assert!(!follows(1, appended(2, 3, 4, 0)), "its batch says another offset");
    assert!(!follows(1, appended(2, 2, 4, 1)), "it is longer than its batch");
    assert!(follows(1, appended(1, 1, 2, 0)), "it was logged anew");
    assert!(!follows(1, appended(1, 1, 4, 0)), "another batch stands there");
    assert!(follows(1, extent(0, carried_bytes)));
    assert!(!follows(1, extent(0, carried_bytes + 1)), "bytes are missing");
    assert!(!follows(1, extent(1, carried_bytes)), "it is of another segment");
    assert!(!follows(2, extent(0, 0)), "there is no segment");
    assert!(follows(1, roll(1)));
    assert!(!follows(1, roll(2)), "offsets are missing");
    assert!(follows(1, epoch(2, 2)));
    assert!(follows(1, epoch(1, 0)), "it is known already");
    assert!(!follows(1, epoch(2, 3)), "it does not begin at the end");
}
