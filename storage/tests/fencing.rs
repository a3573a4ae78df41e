//! S3: what a partition does whose segment could not be written.

#[path = "support/held_writes.rs"]
mod held_writes;
#[path = "support/mod.rs"]
mod support;

use std::cell::{Cell, RefCell};

use bytes::Bytes;
use futures::future::join;
use held_writes::HeldWrites;
use pelton_model::LeaderEpoch;
use pelton_model::batch::BatchHeader;
use pelton_storage::disk::sim::{CrashChoice, Fault, FaultError, Operation, SimDisk, run};
use pelton_storage::{FenceReason, Log, StorageError, Store, StoreOptions};
use support::*;

/// A flush that waits for its turn while a carry fails does not write to the same file again.
#[test]
fn s3_a_flush_behind_a_carry_that_failed_writes_nothing() {
    let options = StoreOptions { direct_flush_bytes: 4_000, ..SMALL };
    let sim = new_disk(1);
    let held = HeldWrites::of(&sim);
    with_store(&sim, options, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        append(&store, &log, batch(1, 100)).await;
        held.hold(partition_dir(log.id()));
        let eio = FaultError::Errno(libc::EIO);
        sim.inject(Fault::new(Operation::Write, eio).under(partition_dir(log.id())));
        let carry = log.carry(roll_at(1 << 30));
        let flush = async {
            yield_once().await;
            let appended = log.append(batch(2, 20_000), NOW).expect("not fenced yet");
            held.go_on();
            log.acknowledged(appended.acked_by).await
        };
        let (carried, flushed) = join(carry, flush).await;
        carried.expect_err("the write fails");
        flushed.expect_err("it is never written");
        for _ in 0..1_000 {
            yield_once().await;
        }
        assert_eq!(log.commit_offset().get(), 1);
    });
    let segment = partition_dir(partition(1, 0)).join(format!("{:020}.log", 0));
    let durable = sim.durable().contents(&segment).unwrap_or_default();
    assert!(durable.iter().all(|byte| *byte == 0), "something was written and synced");
    run(async {
        let log = open(&sim.durable(), options).await.0.log(partition(1, 0)).expect("a log");
        assert_eq!(read_all(&log).await.len(), 1);
    });
}

/// Nor does what was held for it stay in memory, for which all partitions of the shard wait.
#[test]
fn s8_what_a_fenced_partition_held_leaves_memory() {
    let options = StoreOptions { direct_flush_bytes: 4_000, ..SMALL };
    // The flush has nothing to write to; a carry fails while the flush waits for its turn.
    for carries in [false, true] {
        let sim = new_disk(15);
        with_store(&sim, options, async |store: Store| {
            let log = place(&store, partition(1, 0)).await;
            let first = append(&store, &log, batch(1, 100)).await.1;
            let in_the_journal = store.uncarried_bytes();
            let eio = FaultError::Errno(libc::EIO);
            sim.inject(Fault::new(Operation::Open, eio).under(partition_dir(log.id())));
            let appended: Vec<_> =
                (0..15).map(|fill| log.append(batch(fill, 20_000), NOW).expect("held")).collect();
            if carries {
                log.carry(roll_at(1 << 30)).await.expect_err("its segment cannot be made");
            }
            for done in appended {
                log.acknowledged(done.acked_by).await.expect_err("it is never written");
            }
            assert_eq!(store.uncarried_bytes(), in_the_journal);
            assert_eq!(log.end_offset(), log.commit_offset());
            assert_eq!(read_all(&log).await, [first]);
            store.journal().check().expect("the shard goes on");
        });
    }
}

/// Three batches that are acknowledged and in no segment, on a partition that is then fenced.
async fn fence_with_a_tail(sim: &SimDisk, store: &Store) -> Vec<Bytes> {
    let log = place(store, partition(1, 0)).await;
    for fill in 1..=3 {
        append(store, &log, batch(fill, 3_000)).await;
    }
    let eio = FaultError::Errno(libc::EIO);
    sim.inject(Fault::new(Operation::Write, eio).under(partition_dir(log.id())).lasting());
    log.carry(roll_at(1 << 30)).await.expect_err("its segment cannot be written");
    read_all(&log).await
}

/// Appends to another partition, many times what the ring takes, with checkpoints as a shard makes
/// them. `note` is told of each batch that is acknowledged.
async fn go_round_the_ring(store: &Store, count: usize, mut note: impl FnMut(Bytes)) {
    let log = place(store, partition(2, 0)).await;
    for at in 0..count {
        let appended = join(append(store, &log, batch(at as u8, 9_000)), async {
            if store.journal().used_ratio() > 0.5 {
                store.checkpoint(|_| roll_at(1 << 30)).await.expect("a checkpoint");
            }
        });
        note(appended.await.0.1);
    }
}

/// One bad file must not stop the other partitions of its shard.
#[test]
fn s3_a_fenced_partition_does_not_keep_the_ring() {
    let sim = new_disk(2);
    let (tail, written) = with_store(&sim, SMALL, async |store: Store| {
        let tail = fence_with_a_tail(&sim, &store).await;
        let mut written = Vec::new();
        go_round_the_ring(&store, 200, |batch| written.push(batch)).await;
        store.journal().check().expect("the shard goes on");
        let fenced = store.log(partition(1, 0)).expect("a log");
        assert!(read_all(&fenced).await == tail, "it stays readable");
        fenced.append(batch(9, 10), NOW).expect_err("it stays fenced");
        (tail, written)
    });
    let image = sim.durable();
    image.clear_faults();
    with_store(&image, SMALL, async |store: Store| {
        let log = store.log(partition(1, 0)).expect("a log");
        assert!(read_all(&log).await == tail);
        assert!(read_all(&store.log(partition(2, 0)).expect("a log")).await == written);
        // It is carried anew, and goes on.
        let more = append(&store, &log, batch(4, 100)).await.1;
        checkpoint(&store).await;
        assert!(read_all(&log).await == [tail, vec![more]].concat());
        assert_eq!(store.uncarried_bytes(), 0);
    });
}

/// S2: nothing of it is lost while it moves on in the ring, whenever the power is cut.
#[test]
fn s2_what_is_logged_anew_survives_any_power_cut() {
    let sim = new_disk(3);
    sim.set_yields_max(2);
    let (tail, written) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let mut steps = Steps::new(async {
        let (store, _) = open(&sim, SMALL).await;
        beside_journal(&store, async {
            *tail.borrow_mut() = fence_with_a_tail(&sim, &store).await;
            go_round_the_ring(&store, 60, |batch| written.borrow_mut().push(batch)).await;
        })
        .await;
    });
    let mut step = 0;
    while steps.step().is_none() {
        step += 1;
        if tail.borrow().is_empty() || step % 5 != 0 {
            continue;
        }
        let mut choice = match step % 3 {
            0 => CrashChoice::lose_all(),
            _ => CrashChoice::random(step),
        };
        let image = sim.crash(&mut choice);
        image.clear_faults();
        with_store(&image, SMALL, async |store: Store| {
            let fenced = read_all(&store.log(partition(1, 0)).expect("a log")).await;
            assert!(fenced == *tail.borrow(), "step {step}: {} batches are left", fenced.len());
            let written = written.borrow().clone();
            if let Some(log) = store.log(partition(2, 0)) {
                assert!(read_all(&log).await.starts_with(&written), "step {step}");
            }
        });
    }
}

/// The same where a direct flush has failed: above the commit point there are an extent, batches
/// that were held, and an epoch. The log ends at its commit point then, and the epoch begins there.
#[test]
fn s3_s5_a_failed_flush_does_not_keep_the_ring_either() {
    let options = StoreOptions { direct_flush_bytes: 10_000, ..SMALL };
    for lose in [true, false] {
        let sim = new_disk(4);
        let first = with_store(&sim, options, async |store: Store| {
            let first = fail_a_flush(&sim, &store).await;
            raise_the_epoch(&store).await;
            let log = store.log(partition(1, 0)).expect("a log");
            go_round_the_ring(&store, 100, drop).await;
            store.journal().check().expect("the shard goes on");
            assert_eq!(log.end_offset(), log.commit_offset());
            first
        });
        let image = match lose {
            true => sim.crash(&mut CrashChoice::lose_all()),
            false => sim.crash(&mut CrashChoice::keep_all()),
        };
        image.clear_faults();
        with_store(&image, options, async |store: Store| {
            let log = store.log(partition(1, 0)).expect("a log");
            assert!(read_all(&log).await == [first]);
            assert_eq!(log.leader_epoch(), LeaderEpoch::new(2));
            let second = append(&store, &log, batch(5, 100)).await;
            assert_eq!((second.0.get(), log.epoch_of(second.0)), (1, LeaderEpoch::new(2)));
        });
    }
}

/// Another partition keeps the tail in the middle of what the fenced one had logged at first: a
/// start must not find the end of that without its beginning.
#[test]
fn s2_the_tail_does_not_cut_what_was_logged_anew_in_two() {
    let sim = new_disk(5);
    let tail = with_store(&sim, SMALL, async |store: Store| {
        let full = place(&store, partition(3, 0)).await;
        let log = place(&store, partition(1, 0)).await;
        append(&store, &log, batch(1, 3_000)).await;
        append(&store, &full, batch(2, 3_000)).await;
        append(&store, &log, batch(3, 3_000)).await;
        let eio = FaultError::Errno(libc::EIO);
        sim.inject(Fault::new(Operation::Write, eio).under(partition_dir(log.id())).lasting());
        let enospc = FaultError::Errno(libc::ENOSPC);
        sim.inject(
            Fault::new(Operation::Allocate, enospc).under(partition_dir(full.id())).lasting(),
        );
        log.carry(roll_at(1 << 30)).await.expect_err("its segment cannot be written");
        let other = place(&store, partition(2, 0)).await;
        let mut checkpoints = 0;
        while checkpoints < 4 {
            append(&store, &other, batch(4, 9_000)).await;
            if store.journal().used_ratio() > 0.5 {
                store.checkpoint(|_| roll_at(1 << 30)).await.expect_err("one is full");
                checkpoints += 1;
            }
        }
        read_all(&log).await
    });
    with_store(&sim.durable(), SMALL, async |store: Store| {
        assert!(read_all(&store.log(partition(1, 0)).expect("a log")).await == tail);
    });
}

/// S8: while another partition's flushes have taken all of the memory, the little that a fenced one keeps
/// of the ring is no reason to stop the shard: those flushes end.
#[test]
fn s3_a_fenced_partition_does_not_stop_the_shard_when_memory_is_tight() {
    let options = StoreOptions { direct_flush_bytes: 4_000, ..SMALL };
    let sim = new_disk(16);
    let held = HeldWrites::of(&sim);
    with_store(&sim, options, async |store: Store| {
        let fenced = place(&store, partition(1, 0)).await;
        let other = place(&store, partition(2, 0)).await;
        append(&store, &fenced, batch(1, 3_000)).await;
        let eio = FaultError::Errno(libc::EIO);
        sim.inject(Fault::new(Operation::Write, eio).under(partition_dir(fenced.id())));
        fenced.carry(roll_at(1 << 30)).await.expect_err("its segment cannot be written");
        // The tail is where it stays now.
        checkpoint(&store).await;
        held.hold(partition_dir(other.id()));
        let appended: Vec<_> =
            (0..15).map(|fill| other.append(batch(fill, 20_000), NOW).expect("held")).collect();
        until(|| !held.files().is_empty()).await;
        assert!(store.uncarried_bytes() as u64 > options.journal.ring_bytes_max);
        for _ in 0..3 {
            checkpoint(&store).await;
            store.journal().check().expect("the shard goes on");
        }
        held.go_on();
        for done in appended {
            other.acknowledged(done.acked_by).await.expect("flushed");
        }
        let left = store.uncarried_bytes();
        assert!(left < 4_000, "{left} bytes, of which the fenced partition has 3,000");
    });
}

/// A state file that comes before the journal has written what was logged anew still leads to where
/// it was logged first.
#[test]
fn s2_what_is_logged_anew_counts_when_it_is_durable() {
    let sim = new_disk(6);
    let held = HeldWrites::of(&sim);
    let tail = with_store(&sim, SMALL, async |store: Store| {
        let tail = fence_with_a_tail(&sim, &store).await;
        let other = place(&store, partition(2, 0)).await;
        while store.journal().used_ratio() <= 0.5 {
            append(&store, &other, batch(4, 9_000)).await;
        }
        other.carry(roll_at(1 << 30)).await.expect("carried");
        store.journal().durable(store.journal().next_sequence() - 1).await.expect("durable");
        held.hold(shard_dir().join("journal."));
        checkpoint(&store).await;
        checkpoint(&store).await;
        tail
    });
    with_store(&sim.crash(&mut CrashChoice::lose_all()), SMALL, async |store: Store| {
        assert!(read_all(&store.log(partition(1, 0)).expect("a log")).await == tail);
    });
}

/// Nor does a carry that waits behind a flush that fails. What it wrote would hide from the next start
/// that the extent is torn: the epoch behind that would begin where no log is, and the start be
/// refused.
#[test]
fn s3_a_carry_behind_a_flush_that_failed_writes_nothing() {
    let options = StoreOptions { direct_flush_bytes: 10_000, ..SMALL };
    let sim = new_disk(7);
    let held = HeldWrites::of(&sim);
    let first = with_store(&sim, options, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        let first = append(&store, &log, batch(1, 3_000)).await.1;
        let second = append(&store, &log, batch(2, 3_000)).await.1;
        held.hold(partition_dir(log.id()));
        let eio = FaultError::Errno(libc::EIO);
        sim.inject(Fault::new(Operation::Write, eio).under(partition_dir(log.id())));
        let before = store.journal().durable_sequence();
        let appended = log.append(batch(3, 20_000), NOW).expect("appended");
        until(|| store.journal().durable_sequence() > before).await;
        let sequence = store.place(log.id(), LeaderEpoch::new(2)).expect("placed");
        store.journal().durable(sequence).await.expect("durable");
        let carry = log.carry(roll_at(4_000));
        let go_on = async {
            yield_once().await;
            held.go_on();
            log.acknowledged(appended.acked_by).await
        };
        let (carried, flushed) = join(carry, go_on).await;
        flushed.expect_err("the write fails");
        carried.expect_err("the log is fenced");
        checkpoint(&store).await;
        vec![first, second]
    });
    with_store(&sim.crash(&mut CrashChoice::lose_all()), options, async |store: Store| {
        let log = store.log(partition(1, 0)).expect("a log");
        assert!(read_all(&log).await.starts_with(&first));
        assert_eq!(log.leader_epoch(), LeaderEpoch::new(2));
    });
}

/// Fences a partition by a direct flush that fails: above its commit point there are an extent, a
/// batch that was held, and an epoch. Returns the batch below, which was acknowledged.
async fn fail_a_flush(sim: &SimDisk, store: &Store) -> Bytes {
    let log = place(store, partition(1, 0)).await;
    let first = append(store, &log, batch(1, 3_000)).await.1;
    let eio = FaultError::Errno(libc::EIO);
    sim.inject(Fault::new(Operation::Write, eio).under(partition_dir(log.id())).lasting());
    let appended = log.append(batch(2, 20_000), NOW).expect("appended");
    log.append(batch(3, 100), NOW).expect("held");
    log.acknowledged(appended.acked_by).await.expect_err("it cannot be written");
    first
}

async fn raise_the_epoch(store: &Store) {
    let sequence = store.place(partition(1, 0), LeaderEpoch::new(2)).expect("placed");
    store.journal().durable(sequence).await.expect("durable");
}

/// Two checkpoints, and all of what the first has put into the journal is durable before the second.
async fn two_checkpoints(store: &Store) {
    checkpoint(store).await;
    store.journal().durable(store.journal().next_sequence() - 1).await.expect("durable");
    checkpoint(store).await;
}

/// What a life leaves that goes on after a flush of a fenced log has failed, and in which a durable
/// flush of another partition has rotted since: how many partitions a start cuts off, and whether
/// that other partition still has all of its offsets.
fn rot_behind_a_failed_flush(let_go: impl AsyncFn(&Store)) -> (usize, bool) {
    let options = StoreOptions { direct_flush_bytes: 10_000, ..SMALL };
    let sim = new_disk(8);
    with_store(&sim, options, async |store: Store| {
        fail_a_flush(&sim, &store).await;
        let_go(&store).await;
        let other = place(&store, partition(2, 0)).await;
        append(&store, &other, batch(4, 20_000)).await;
        append(&store, &other, batch(5, 100)).await;
    });
    let image = sim.crash(&mut CrashChoice::keep_all());
    let segment = partition_dir(partition(2, 0)).join(format!("{:020}.log", 0));
    image.flip_bit(&segment, 5_000, 3).expect("a segment");
    run(async {
        let (store, report) = open(&image, options).await;
        let log = store.log(partition(2, 0)).expect("a log");
        let is_whole = log.end_offset().get() == 2;
        if is_whole {
            try_read_all(&log, log.start_offset()).await.expect_err("the rot is reported");
        }
        (report.cut_partitions, is_whole)
    })
}

/// S6: below the horizon rot is not cut off as if it were a tear, and one failed flush does not keep the
/// horizon down for the rest of a life.
#[test]
fn s6_a_failed_flush_keeps_the_horizon_until_the_log_is_cut_off_behind_it() {
    // As long as nothing says that the failed extent does not count, a start has to read both. (Its
    // bytes stand whole in the device's cache, and are taken.)
    assert_eq!(rot_behind_a_failed_flush(async |_| {}), (1, false));
    assert_eq!(rot_behind_a_failed_flush(async |store| two_checkpoints(store).await), (0, true));
    let remove = async |store: &Store| store.remove(partition(1, 0)).await.expect("removed");
    assert_eq!(rot_behind_a_failed_flush(remove), (0, true));
}

/// S2: whenever the power is cut while that happens, what was acknowledged is there, no epoch begins
/// in the midst of another's records, and what the next life writes stays.
#[test]
fn s2_cutting_off_a_failed_flush_survives_any_power_cut() {
    let options = StoreOptions { direct_flush_bytes: 10_000, ..SMALL };
    for seed in 0..3 {
        let sim = new_disk(9 + seed);
        sim.set_yields_max(2);
        let (first, has_epoch) = (RefCell::new(None), Cell::new(false));
        let mut steps = Steps::new(async {
            let (store, _) = open(&sim, options).await;
            beside_journal(&store, async {
                *first.borrow_mut() = Some(fail_a_flush(&sim, &store).await);
                raise_the_epoch(&store).await;
                has_epoch.set(true);
                two_checkpoints(&store).await;
                let other = place(&store, partition(2, 0)).await;
                append(&store, &other, batch(4, 20_000)).await;
                append(&store, &other, batch(5, 100)).await;
                checkpoint(&store).await;
            })
            .await;
        });
        let mut step = seed;
        while steps.step().is_none() {
            step += 1;
            let Some(first) = first.borrow().clone() else { continue };
            let mut choice = match step % 3 {
                0 => CrashChoice::lose_all(),
                1 => CrashChoice::keep_all(),
                _ => CrashChoice::random(step),
            };
            let image = sim.crash(&mut choice);
            image.clear_faults();
            let mut expected = Vec::new();
            with_store(&image, options, async |store: Store| {
                let log = store.log(partition(1, 0)).expect("a log");
                append(&store, &log, batch(6, 100)).await;
                expected = read_all(&log).await;
                assert!(expected.first() == Some(&first), "step {step}");
                assert!(!has_epoch.get() || log.leader_epoch() == LeaderEpoch::new(2));
                for batch in &expected {
                    let header = BatchHeader::read(batch).expect("a batch");
                    assert_eq!(log.epoch_of(header.base_offset), header.leader_epoch, "{step}");
                }
            });
            with_store(&image.durable(), options, async |store: Store| {
                let log = store.log(partition(1, 0)).expect("a log");
                assert!(read_all(&log).await == expected, "step {step}");
            });
        }
    }
}

/// S6: a group that becomes durable before the one that cuts the log off must not have a start trust
/// the extent.
#[test]
fn s6_the_horizon_waits_for_what_cuts_the_log_off() {
    let options = StoreOptions { direct_flush_bytes: 200_000, ..SMALL };
    let sim = new_disk(12);
    sim.set_yields_max(3);
    let held = HeldWrites::of(&sim);
    let first = RefCell::new(None);
    let mut steps = Steps::new(async {
        let (store, _) = open(&sim, options).await;
        beside_journal(&store, async {
            let log = place(&store, partition(1, 0)).await;
            let other = place(&store, partition(2, 0)).await;
            *first.borrow_mut() = Some(append(&store, &log, batch(1, 3_000)).await.1);
            let eio = FaultError::Errno(libc::EIO);
            sim.inject(Fault::new(Operation::Write, eio).under(partition_dir(log.id())).lasting());
            let appended = log.append(batch(2, 220_000), NOW).expect("appended");
            log.acknowledged(appended.acked_by).await.expect_err("it cannot be written");
            store.journal().durable(store.journal().next_sequence() - 1).await.expect("durable");
            held.hold(shard_dir().join("journal."));
            // Each a group of its own.
            for fill in 3..6 {
                other.append(batch(fill, 40_000), NOW).expect("appended");
            }
            checkpoint(&store).await;
            checkpoint(&store).await;
            held.go_on();
            store.journal().durable(store.journal().next_sequence() - 1).await.expect("durable");
        })
        .await;
    });
    let mut images = 0;
    while steps.step().is_none() {
        let Some(first) = first.borrow().clone() else { continue };
        images += 1;
        with_store(&sim.durable(), options, async |store: Store| {
            let log = store.log(partition(1, 0)).expect("a log");
            assert!(read_all(&log).await == [first], "image {images}");
        });
    }
    assert!(images > 10, "{images}");
}

/// Two partitions that are fenced. The first was logged anew, so that the tail may not stand between its
/// two places; what the second needs begins there, and is too much to be logged anew. Returns a third
/// one's log.
async fn fence_two(sim: &SimDisk, store: &Store) -> Log {
    let (first, second) =
        (place(store, partition(1, 0)).await, place(store, partition(2, 0)).await);
    let third = place(store, partition(3, 0)).await;
    append(store, &first, batch(1, 3_000)).await;
    for _ in 0..14 {
        append(store, &second, batch(2, 5_000)).await;
    }
    let eio = FaultError::Errno(libc::EIO);
    sim.inject(Fault::new(Operation::Write, eio).under(partition_dir(first.id())).lasting());
    let enospc = FaultError::Errno(libc::ENOSPC);
    sim.inject(Fault::new(Operation::Allocate, enospc).under(partition_dir(second.id())).lasting());
    first.carry(roll_at(1 << 30)).await.expect_err("its segment cannot be written");
    while store.journal().used_ratio() <= 0.5 {
        append(store, &third, batch(3, 5_000)).await;
    }
    let full = store.checkpoint(|_| roll_at(1 << 30)).await;
    assert_eq!(full.expect_err("there is no room for the second"), StorageError::Full);
    let newest = store.journal().next_sequence() - 1;
    store.journal().durable(newest).await.expect("the first is logged anew");
    sim.clear_faults();
    sim.inject(Fault::new(Operation::Write, eio).under(partition_dir(second.id())).lasting());
    second.carry(roll_at(1 << 30)).await.expect_err("its segment cannot be written");
    third
}

fn assert_both_are_there(sim: &SimDisk) {
    let image = sim.durable();
    with_store(&image, SMALL, async |store: Store| {
        for (topic, count) in [(1, 1), (2, 14)] {
            let log = store.log(partition(topic, 0)).expect("a log");
            assert_eq!(read_all(&log).await.len(), count, "of {topic}");
        }
    });
}

/// Nobody waits for room that no checkpoint can make, whichever of them it is that keeps it.
#[test]
fn s3_what_two_fenced_partitions_keep_of_the_ring_fences_the_shard() {
    let sim = new_disk(13);
    with_store(&sim, SMALL, async |store: Store| {
        let log = fence_two(&sim, &store).await;
        for _ in 0..100 {
            let Ok(done) = log.append(batch(4, 5_000), NOW) else { break };
            for _ in 0..20 {
                if store.journal().durable_sequence() < done.acked_by.group().expect("a group") {
                    let _ = store.checkpoint(|_| roll_at(1 << 30)).await;
                    yield_once().await;
                }
            }
        }
        assert_eq!(store.journal().fence_reason(), Some(FenceReason::Partition));
    });
    assert_both_are_there(&sim);
}

/// Nor does a stop, which writes one state file after the other as long as the journal waits for room.
#[test]
fn s3_a_stop_ends_where_two_fenced_partitions_keep_the_ring() {
    const STEPS_MAX: usize = 100_000;
    let sim = new_disk(14);
    let mut steps = Steps::new(async {
        let (store, _) = open(&sim, SMALL).await;
        beside_journal(&store, async {
            let log = fence_two(&sim, &store).await;
            for _ in 0..60 {
                log.append(batch(4, 5_000), NOW).expect("appended");
            }
            let closed = store.close(|_| roll_at(1 << 30)).await;
            (closed, store.journal().fence_reason())
        })
        .await
    });
    let (closed, reason) = (0..STEPS_MAX).find_map(|_| steps.step()).expect("it ends");
    closed.expect_err("not everything could be carried");
    assert_eq!(reason, Some(FenceReason::Partition));
    assert_both_are_there(&sim);
}
