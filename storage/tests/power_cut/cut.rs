//! What a start cuts off of a torn direct flush stays cut off, also at the next start.

use pelton_storage::disk::sim::{CrashChoice, SimDisk, run};
use pelton_storage::planted::{Bug, plant};
use pelton_storage::{Store, StoreOptions};

use super::support::*;

const OPTIONS: StoreOptions = StoreOptions { direct_flush_bytes: 4_000, ..SMALL };

/// How long the journal and the segment take differs from disk to disk.
const DISKS: u64 = 24;

/// The power is cut at every step of a direct flush, and again after the next life's first append.
/// Returns how often a start has cut something off.
fn cut_twice() -> usize {
    (0..DISKS).map(cut_twice_on).sum()
}

fn cut_twice_on(seed: u64) -> usize {
    let sim = new_disk(seed);
    sim.set_yields_max(2);
    let mut steps = Steps::new(async {
        let (store, _) = open(&sim, OPTIONS).await;
        beside_journal(&store, async {
            let log = place(&store, partition(1, 0)).await;
            append(&store, &log, batch(1, 100)).await;
            append(&store, &log, batch(2, 20_000)).await;
        })
        .await;
    });
    let mut cuts = 0;
    while steps.step().is_none() {
        for seed in 0..3 {
            let image = sim.crash(&mut match seed {
                0 => CrashChoice::lose_all(),
                seed => CrashChoice::random(seed),
            });
            cuts += live_on(&image);
        }
    }
    cuts
}

fn live_on(image: &SimDisk) -> usize {
    let (store, report) = run(open(image, OPTIONS));
    let Some(log) = store.log(partition(1, 0)) else { return 0 };
    let written = run(beside_journal(&store, async {
        append(&store, &log, batch(3, 100)).await;
        read_all(&log).await
    }));
    let read = with_store(&image.durable(), OPTIONS, async |store: Store| {
        read_all(&store.log(partition(1, 0)).expect("a log")).await
    });
    assert!(read == written, "{} batches, {} before", read.len(), written.len());
    report.cut_partitions
}

#[test]
fn s5_s6_a_torn_flush_is_cut_off_for_good() {
    let cuts = cut_twice();
    println!("{cuts} cuts");
    assert!(cuts > 3, "{cuts}");
}

#[test]
fn forgetting_a_cut_is_found() {
    plant(Some(Bug::ForgetTheCut));
    let found = std::panic::catch_unwind(cut_twice).is_err();
    plant(None);
    assert!(found);
}
