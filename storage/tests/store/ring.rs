//! The journal's ring: full, released, and of another size.

use pelton_storage::journal::JournalOptions;
use pelton_storage::{Store, StoreOptions};

use crate::support::*;
use crate::{files_under, push_all};

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
        let newest = push_all(&log, 100);
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
        let newest = push_all(&log, 60);
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
