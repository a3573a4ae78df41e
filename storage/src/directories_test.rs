use std::path::{Path, PathBuf};

use futures::future::{join, join_all, poll_fn};

use super::{Directories, create_dir_durably};
use crate::disk::Disk;
use crate::disk::sim::{CrashChoice, Fault, FaultError, Operation, SimDisk, run};

const PARTITIONS: usize = 40;

fn partition(at: usize) -> PathBuf {
    PathBuf::from(format!("/data/topics/blue/{at}"))
}

/// The data directory's own name is its owner's affair.
async fn begin(sim: &SimDisk) -> (Disk, Directories) {
    create_dir_durably(&sim.disk(), Path::new("/data"), 1).await.expect("made");
    (sim.disk(), Directories::default())
}

async fn is_there(disk: &Disk, path: &Path) -> bool {
    disk.list_dir(path).await.is_ok()
}

/// What a power cut leaves at the worst.
fn after_a_cut(sim: &SimDisk) -> Disk {
    sim.crash(&mut CrashChoice::lose_all()).disk()
}

#[test]
fn what_was_made_outlives_a_power_cut_whenever_it_comes() {
    let sim = SimDisk::new(3);
    sim.set_yields_max(5);
    run(async {
        let (disk, directories) = begin(&sim).await;
        let makes = (0..PARTITIONS).map(|at| {
            let (disk, directories, sim) = (&disk, &directories, &sim);
            async move {
                directories.create(disk, &partition(at), 3).await.expect("made");
                let left = after_a_cut(sim);
                assert!(is_there(&left, &partition(at)).await, "{at}");
            }
        });
        join_all(makes).await;
        assert!(directories.syncs.borrow().is_empty(), "nobody waits");
    });
}

#[test]
fn those_that_are_made_at_once_share_syncs() {
    let sim = SimDisk::new(3);
    sim.set_yields_max(5);
    run(async {
        let (disk, directories) = begin(&sim).await;
        directories.create(&disk, &partition(0), 3).await.expect("made");
        let before = sim.counters().syncs;
        join_all((1..PARTITIONS).map(|at| {
            let (disk, directories) = (&disk, &directories);
            async move { directories.create(disk, &partition(at), 3).await.expect("made") }
        }))
        .await;
        let syncs = sim.counters().syncs - before;
        assert!((1..PARTITIONS as u64 / 2).contains(&syncs), "{syncs} syncs");
    });
}

#[test]
fn a_directory_that_was_removed_is_made_anew_durably() {
    let sim = SimDisk::new(1);
    run(async {
        let (disk, directories) = begin(&sim).await;
        let topic = partition(0).parent().expect("a topic").to_path_buf();
        directories.create(&disk, &partition(0), 3).await.expect("made");
        directories.remove_if_empty(&disk, &topic).await.expect("not removed");
        assert!(is_there(&disk, &partition(0)).await, "it was not empty");
        disk.remove_dir_all(&partition(0)).await.expect("removed");
        directories.remove_if_empty(&disk, &topic).await.expect("removed");
        assert!(!is_there(&disk, &topic).await);
        disk.sync_dir(topic.parent().expect("topics")).await.expect("synced");
        directories.create(&disk, &partition(1), 3).await.expect("made");
        assert!(is_there(&after_a_cut(&sim), &partition(1)).await);
    });
}

#[test]
fn a_sync_that_fails_fails_for_all_that_it_was_for_and_for_no_other() {
    let sim = SimDisk::new(1);
    sim.set_yields_max(3);
    run(async {
        let (disk, directories) = begin(&sim).await;
        directories.create(&disk, &partition(0), 3).await.expect("made");
        sim.inject(Fault::new(Operation::Sync, FaultError::Errno(libc::EIO)));
        let makes = (1..4).map(|at| {
            let (disk, directories) = (&disk, &directories);
            async move { directories.create(disk, &partition(at), 3).await.is_ok() }
        });
        let made = join_all(makes).await;
        assert!(made.contains(&false));
        directories.create(&disk, &partition(9), 3).await.expect("made");
        assert!(is_there(&after_a_cut(&sim), &partition(9)).await);
        for (at, _) in made.iter().enumerate().filter(|(_, made)| **made) {
            assert!(is_there(&after_a_cut(&sim), &partition(at + 1)).await);
        }
    });
}

#[test]
fn one_that_is_given_up_leaves_the_turn_to_others() {
    let sim = SimDisk::new(1);
    sim.set_yields_max(3);
    run(async {
        let (disk, directories) = begin(&sim).await;
        directories.create(&disk, &partition(0), 3).await.expect("made");
        let path = partition(1);
        let mut given_up = Box::pin(directories.create(&disk, &path, 3));
        let is_syncing = || directories.syncs.borrow().values().any(|syncs| syncs.is_running);
        // As many polls as it takes to be in the middle of its sync.
        poll_fn(|context| {
            assert!(given_up.as_mut().poll(context).is_pending(), "it is made too soon");
            match is_syncing() {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        })
        .await;
        drop(given_up);
        directories.create(&disk, &partition(2), 3).await.expect("made");
        assert!(is_there(&after_a_cut(&sim), &partition(2)).await);
    });
}

/// A topic's directory goes with its last partition, while another one of its is placed.
#[test]
fn what_is_made_while_the_directory_above_is_removed_is_there_in_the_end() {
    for seed in 0..50 {
        let sim = SimDisk::new(seed);
        sim.set_yields_max(4);
        run(async {
            let (disk, directories) = begin(&sim).await;
            let topic = partition(0).parent().expect("a topic").to_path_buf();
            directories.create(&disk, &partition(0), 3).await.expect("made");
            let remove = async {
                disk.remove_dir_all(&partition(0)).await.expect("removed");
                directories.remove_if_empty(&disk, &topic).await.expect("removed, or in use");
            };
            let path = partition(1);
            let (made, ()) = join(directories.create(&disk, &path, 3), remove).await;
            made.expect("made");
            assert!(is_there(&after_a_cut(&sim), &partition(1)).await, "seed {seed}");
        });
    }
}
