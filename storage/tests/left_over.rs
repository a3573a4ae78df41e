//! Files that a crash leaves over between a roll and the state file are nobody's, and go.

#[path = "support/mod.rs"]
mod support;

use pelton_storage::Store;
use pelton_storage::disk::sim::{CrashChoice, SimDisk, run};
use support::*;

async fn segment_files(sim: &SimDisk) -> usize {
    let entries = sim.disk().list_dir(&partition_dir(partition(1, 0))).await.unwrap_or_default();
    entries.iter().filter(|entry| entry.name.ends_with(".log")).count()
}

/// A life that finds more segments than it has, or not, and carries with rolls elsewhere. Whether it
/// did find more.
async fn live_on(image: &SimDisk) -> bool {
    let (store, _) = open(image, SMALL).await;
    let Some(log) = store.log(partition(1, 0)) else { return false };
    let found_more = segment_files(image).await > log.segment_count();
    let written = beside_journal(&store, async {
        append(&store, &log, batch(9, 100)).await;
        store.checkpoint(|_| roll_at(30_000)).await.expect("a checkpoint");
        read_all(&log).await
    })
    .await;
    assert_eq!(segment_files(image).await, log.segment_count(), "a file is left over");
    with_everything_lost(image, &written).await;
    found_more
}

/// What went was nobody's also for the start that follows.
async fn with_everything_lost(image: &SimDisk, written: &[bytes::Bytes]) {
    let (store, _) = open(&image.crash(&mut CrashChoice::lose_all()), SMALL).await;
    assert!(read_all(&store.log(partition(1, 0)).expect("a log")).await == written);
}

#[test]
fn what_a_roll_left_over_goes_before_the_first_carry() {
    let sim = new_disk(1);
    let mut steps = Steps::new(async {
        let (store, _): (Store, _) = open(&sim, SMALL).await;
        beside_journal(&store, async {
            let log = place(&store, partition(1, 0)).await;
            for fill in 1..=4 {
                append(&store, &log, batch(fill, 9_000)).await;
            }
            store.checkpoint(|_| roll_at(10_000)).await.expect("a checkpoint");
        })
        .await;
    });
    sim.set_yields_max(1);
    let mut found_more = 0;
    while steps.step().is_none() {
        for mut choice in [CrashChoice::keep_all(), CrashChoice::lose_all(), CrashChoice::random(5)]
        {
            found_more += usize::from(run(live_on(&sim.crash(&mut choice))));
        }
    }
    println!("{found_more} images with files that were left over");
    assert!(found_more > 3, "{found_more}");
}
