//! Room in the journal that a checkpoint makes on its way, while others wait for it.

#[path = "support/held_writes.rs"]
mod held_writes;
#[path = "support/mod.rs"]
mod support;

use std::cell::Cell;

use futures::future::{join, join3};
use held_writes::HeldWrites;
use pelton_model::PartitionId;
use pelton_storage::disk::sim::{Fault, FaultError, Operation};
use pelton_storage::journal::JournalOptions;
use pelton_storage::{Log, Store, StoreOptions};
use support::*;

const LOGS: i32 = 150;
const OPTIONS: StoreOptions = StoreOptions {
    journal: JournalOptions { file_bytes: 64 << 10, ring_bytes_max: 2 << 20 },
    ..SMALL
};
/// More than the ring has room for, at a block each.
const APPENDS: usize = 300;

/// By age, not by id: each needs newer groups than those before it.
fn nth(n: i32) -> PartitionId {
    partition(1, LOGS - 1 - n)
}

async fn logs(store: &Store) -> Vec<Log> {
    let mut logs = Vec::new();
    for n in 0..LOGS {
        let log = place(store, nth(n)).await;
        append(store, &log, batch(1, 1_000)).await;
        logs.push(log);
    }
    logs
}

async fn until(mut is_so: impl FnMut() -> bool) -> bool {
    for _ in 0..100_000 {
        if is_so() {
            return true;
        }
        yield_once().await;
    }
    false
}

#[test]
fn whoever_waits_for_room_does_not_wait_for_the_last_log() {
    let sim = new_disk(1);
    let held = HeldWrites::of(&sim);
    with_store(&sim, OPTIONS, async |store: Store| {
        let logs = logs(&store).await;
        let appended = Cell::new(0);
        let appends = async {
            for _ in 0..APPENDS {
                append(&store, &logs[0], batch(2, 1_000)).await;
                appended.set(appended.get() + 1);
            }
        };
        let carrying = async {
            assert!(until(|| store.journal().is_starved()).await, "the ring has too much room");
            held.hold(partition_dir(nth(LOGS - 1)));
            let before = appended.get();
            let watching = async {
                let went_on = until(|| appended.get() > before).await;
                let is_held = !held.files().is_empty() || store.uncarried_bytes() > 0;
                held.go_on();
                (went_on, is_held)
            };
            let (_, (went_on, is_held)) = join(checkpoint(&store), watching).await;
            assert!(is_held, "the checkpoint was over");
            assert!(went_on, "nothing was let go before the last log was carried");
            while appended.get() < APPENDS {
                checkpoint(&store).await;
                yield_once().await;
            }
        };
        join(appends, carrying).await;
        for log in &logs[1..] {
            assert_eq!(read_all(log).await.len(), 1);
        }
        assert_eq!(read_all(&logs[0]).await.len(), APPENDS + 1);
    });
}

/// A carry that is given up may still be writing where the next one writes.
#[test]
fn a_state_file_that_fails_on_the_way_does_not_cut_carries_short() {
    let sim = new_disk(2);
    // So that several are under way at any time.
    sim.set_yields_max(20);
    let held = HeldWrites::of(&sim);
    with_store(&sim, OPTIONS, async |store: Store| {
        let logs = logs(&store).await;
        let is_over = Cell::new(false);
        // Refused once the shard's storage is fenced.
        let appends = async {
            while let Ok(appended) = logs[0].append(batch(2, 1_000), NOW) {
                if logs[0].acknowledged(appended.acked_by).await.is_err() {
                    break;
                }
            }
        };
        let carrying = async {
            assert!(until(|| store.journal().is_starved()).await, "the ring has too much room");
            // One of those that are under way when the first state is written.
            held.hold(partition_dir(nth(60)));
            let eio = FaultError::Errno(libc::EIO);
            sim.inject(
                Fault::new(Operation::Write, eio).under(shard_dir().join("state.0.tmp")).lasting(),
            );
            sim.inject(
                Fault::new(Operation::Write, eio).under(shard_dir().join("state.1.tmp")).lasting(),
            );
            let result = store.checkpoint(|_| roll_at(1 << 30)).await;
            is_over.set(true);
            result
        };
        let watching = async {
            assert!(until(|| store.journal().check().is_err()).await, "the state was written");
            for _ in 0..1_000 {
                yield_once().await;
            }
            assert!(!held.files().is_empty(), "none was under way");
            assert!(!is_over.get(), "one was cut short");
            held.go_on();
        };
        let ((), result, ()) = join3(appends, carrying, watching).await;
        result.expect_err("there is no state");
    });
}
