//! Carrying in the background what much of waits, between checkpoints.

#[path = "support/held_writes.rs"]
mod held_writes;
#[path = "support/mod.rs"]
mod support;

use std::pin::pin;

use bytes::Bytes;
use futures::future::{Either, join, join3, select};
use held_writes::HeldWrites;
use pelton_storage::disk::sim::run;
use pelton_storage::journal::JournalOptions;
use pelton_storage::{Log, Store, StoreOptions};
use support::*;

const DIRECT_FLUSH_BYTES: usize = 4_000;
/// What may wait for the next checkpoint.
const BACKLOG_BYTES_MAX: usize = 4 * DIRECT_FLUSH_BYTES;
const OPTIONS: StoreOptions = StoreOptions { direct_flush_bytes: DIRECT_FLUSH_BYTES, ..SMALL };

/// Appends one batch after the other, none of which is flushed past the journal.
async fn fill(store: &Store, log: &Log, count: u8) -> Vec<Bytes> {
    let mut written = Vec::new();
    for fill in 0..count {
        written.push(append(store, log, batch(fill, 1_000)).await.1);
    }
    written
}

#[test]
fn a_log_of_which_much_waits_is_carried_without_a_checkpoint() {
    let sim = new_disk(1);
    with_store(&sim, OPTIONS, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        let tail = store.journal().next_sequence();
        let written = fill(&store, &log, 50).await;
        let mut turns = 0;
        while store.uncarried_bytes() > BACKLOG_BYTES_MAX {
            turns += 1;
            assert!(turns < 10_000, "{} bytes still wait", store.uncarried_bytes());
            yield_once().await;
        }
        assert_eq!(log.segment_count(), 1);
        assert_eq!(read_all(&log).await, written);
        assert!(store.journal().durable_sequence() > tail, "it went through the journal");
    });
}

#[test]
fn little_waits_for_the_checkpoint() {
    let sim = new_disk(2);
    with_store(&sim, OPTIONS, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        let written = fill(&store, &log, 10).await;
        for _ in 0..1_000 {
            yield_once().await;
        }
        assert_eq!(log.segment_count(), 0, "ten batches are no reason to write a segment");
        let bytes: usize = written.iter().map(Bytes::len).sum();
        assert_eq!(store.uncarried_bytes(), bytes);
    });
}

#[test]
fn of_a_log_that_was_dropped_nothing_is_carried_and_nobody_tries_for_ever() {
    let sim = new_disk(3);
    run(async {
        let (store, _) = open(&sim, OPTIONS).await;
        let work = async {
            let log = place(&store, partition(1, 0)).await;
            fill(&store, &log, 50).await;
            store.remove(partition(1, 0)).await.expect("gone");
        };
        let journal = pin!(store.run_journal(|_| roll_at(1 << 30)));
        let journal = match select(journal, pin!(work)).await {
            Either::Left(_) => panic!("the journal ended"),
            Either::Right(((), journal)) => journal,
        };
        let mut carries = Steps::new(store.run_carries(|_| roll_at(1 << 30)));
        for _ in 0..1_000 {
            if carries.is_waiting() {
                break;
            }
            assert_eq!(carries.step(), None, "the journal has not ended");
        }
        assert!(carries.is_waiting(), "it goes on for ever");
        drop((carries, journal));
    });
}

/// The ring is nearly full: how much of a log waits says nothing of how much of it is written at once.
#[test]
fn eight_large_logs_are_carried_at_once_when_the_journal_needs_room() {
    const LOGS: u8 = 8;
    let journal = JournalOptions { file_bytes: 2 << 20, ring_bytes_max: 64 << 20 };
    let sim = new_disk(4);
    let held = HeldWrites::of(&sim);
    with_store(&sim, StoreOptions { journal, ..SMALL }, async |store: Store| {
        for topic in 1..=LOGS {
            let log = place(&store, partition(topic, 0)).await;
            for fill in 0..7 {
                append(&store, &log, batch(fill, 900_000)).await;
            }
        }
        assert!(store.journal().used_ratio() > 0.75, "{}", store.journal().used_ratio());
        held.hold(data_dir().join("topics"));
        let all_are_held = async {
            for _ in 0..1_000 {
                yield_once().await;
            }
            let files = held.files().len();
            held.go_on();
            files
        };
        let (_, files) = join(checkpoint(&store), all_are_held).await;
        assert_eq!(files, usize::from(LOGS));
        assert_eq!(store.uncarried_bytes(), 0);
    });
}

/// A log that is written to all the time is carried, or flushed, all the time.
#[test]
fn retention_waits_for_a_carry_and_lets_go_of_what_need_not_be_kept() {
    const SEGMENTS: usize = 10;
    let sim = new_disk(5);
    let held = HeldWrites::of(&sim);
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        for fill in 0..SEGMENTS {
            append(&store, &log, batch(fill as u8, 1_000)).await;
            store.checkpoint(|_| roll_at(1)).await.expect("a checkpoint");
        }
        append(&store, &log, batch(1, 1_000)).await;
        held.hold(partition_dir(log.id()));
        let go_on = async {
            until(|| log.start_offset().get() == SEGMENTS as i64 - 1).await;
            for _ in 0..100 {
                yield_once().await;
            }
            assert!(!held.files().is_empty(), "no carry was under way");
            held.go_on();
        };
        let retain = log.retain(keep(-1, 0, roll_at(1 << 30)));
        let (carried, freed, ()) = join3(log.carry(roll_at(1 << 30)), retain, go_on).await;
        assert!(carried.expect("carried") > 0);
        assert!(freed.expect("retained") > 0);
        assert_eq!(log.segment_count(), 1);
        let names = sim.disk().list_dir(&partition_dir(log.id())).await.expect("a directory");
        let files = names.iter().filter(|entry| entry.name.ends_with(".log")).count();
        assert_eq!(files, 1, "{names:?}");
        assert_eq!(read_all(&log).await.len(), 2);
    });
}
