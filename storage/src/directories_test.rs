use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::Poll;

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
                directories.create(disk, &partition(at)).await.expect("made");
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
        directories.create(&disk, &partition(0)).await.expect("made");
        let before = sim.counters().syncs;
        join_all((1..PARTITIONS).map(|at| {
            let (disk, directories) = (&disk, &directories);
            async move { directories.create(disk, &partition(at)).await.expect("made") }
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
        directories.create(&disk, &partition(0)).await.expect("made");
        directories.remove_if_empty(&disk, &topic).await.expect("not removed");
        assert!(is_there(&disk, &partition(0)).await, "it was not empty");
        disk.remove_dir_all(&partition(0)).await.expect("removed");
        directories.remove_if_empty(&disk, &topic).await.expect("removed");
        assert!(!is_there(&disk, &topic).await);
        disk.sync_dir(topic.parent().expect("topics")).await.expect("synced");
        directories.create(&disk, &partition(1)).await.expect("made");
        assert!(is_there(&after_a_cut(&sim), &partition(1)).await);
    });
}

#[test]
fn a_sync_that_fails_fails_for_all_that_it_was_for_and_for_no_other() {
    let sim = SimDisk::new(1);
    sim.set_yields_max(3);
    run(async {
        let (disk, directories) = begin(&sim).await;
        directories.create(&disk, &partition(0)).await.expect("made");
        sim.inject(Fault::new(Operation::Sync, FaultError::Errno(libc::EIO)));
        let makes = (1..4).map(|at| {
            let (disk, directories) = (&disk, &directories);
            async move { directories.create(disk, &partition(at)).await.is_ok() }
        });
        let made = join_all(makes).await;
        assert!(made.contains(&false));
        directories.create(&disk, &partition(9)).await.expect("made");
        assert!(is_there(&after_a_cut(&sim), &partition(9)).await);
        for (at, _) in made.iter().enumerate().filter(|(_, made)| **made) {
            assert!(is_there(&after_a_cut(&sim), &partition(at + 1)).await);
        }
    });
}

/// S3: one that has not looked yet learns that the sync has failed, though a later one of another's
/// went well since.
#[test]
fn s3_who_looks_late_is_told_of_the_failure_and_not_of_the_success_after_it() {
    let sim = SimDisk::new(1);
    sim.set_yields_max(3);
    run(async {
        let (disk, directories) = begin(&sim).await;
        let paths = [0, 1, 2, 3].map(partition);
        let [mut first, mut second, mut late, other] =
            paths.each_ref().map(|path| Box::pin(directories.create(&disk, path)));
        let is_syncing = || directories.syncs.borrow().values().any(|syncs| syncs.is_running);
        let made = || directories.syncs.borrow().values().map(|syncs| syncs.made).sum::<u64>();
        poll_until(&mut first, is_syncing).await;
        poll_until(&mut second, || made() == 2).await;
        poll_until(&mut late, || made() == 3).await;
        first.await.expect("synced");
        sim.inject(Fault::new(Operation::Sync, FaultError::Errno(libc::EIO)));
        second.await.expect_err("the sync for two of them fails");
        other.await.expect("synced");
        late.await.expect_err("its sync has failed");
        directories.create(&disk, &partition(4)).await.expect("made");
        assert!(directories.syncs.borrow().is_empty(), "nobody waits");
    });
}

#[test]
fn one_that_is_given_up_leaves_the_turn_to_others() {
    let sim = SimDisk::new(1);
    sim.set_yields_max(3);
    run(async {
        let (disk, directories) = begin(&sim).await;
        directories.create(&disk, &partition(0)).await.expect("made");
        let path = partition(1);
        let mut given_up = Box::pin(directories.create(&disk, &path));
        let is_syncing = || directories.syncs.borrow().values().any(|syncs| syncs.is_running);
        poll_until(&mut given_up, is_syncing).await;
        drop(given_up);
        directories.create(&disk, &partition(2)).await.expect("made");
        assert!(is_there(&after_a_cut(&sim), &partition(2)).await);
    });
}

/// Polls no oftener than it takes to come that far, and nothing else meanwhile.
async fn poll_until<F: Future + Unpin>(future: &mut F, is_so_far: impl Fn() -> bool) {
    poll_fn(|context| {
        assert!(Pin::new(&mut *future).poll(context).is_pending(), "it is over too soon");
        if is_so_far() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
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
            directories.create(&disk, &partition(0)).await.expect("made");
            let remove = async {
                disk.remove_dir_all(&partition(0)).await.expect("removed");
                directories.remove_if_empty(&disk, &topic).await.expect("removed, or in use");
            };
            let path = partition(1);
            let (made, ()) = join(directories.create(&disk, &path), remove).await;
            made.expect("made");
            assert!(is_there(&after_a_cut(&sim), &partition(1)).await, "seed {seed}");
        });
    }
}
