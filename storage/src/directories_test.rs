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
fn s3_a_sync_that_fails_fails_for_all_that_were_not_durable_before() {
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
        directories.create(&disk, &partition(9)).await.expect_err("its name may be lost");
        for (at, _) in made.iter().enumerate().filter(|(_, made)| **made) {
            assert!(is_there(&after_a_cut(&sim), &partition(at + 1)).await);
        }
        let other = Path::new("/data/topics/green/0");
        directories.create(&disk, other).await.expect("made");
        assert!(is_there(&after_a_cut(&sim), other).await);
    });
}

/// S3: nor for one that looks late, or whose sync began behind it.
#[test]
fn s3_no_sync_of_a_directory_succeeds_after_one_that_has_failed() {
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
        other.await.expect_err("the directory is not synced again");
        late.await.expect_err("its sync has failed");
        assert!(directories.syncs.borrow().is_empty(), "nobody waits");
    });
}

/// Nothing was asked of the medium.
#[test]
fn a_sync_that_could_not_begin_is_begun_again_by_those_who_wait() {
    let sim = SimDisk::new(1);
    sim.set_yields_max(3);
    run(async {
        let (disk, directories) = begin(&sim).await;
        directories.create(&disk, &partition(0)).await.expect("made");
        sim.inject(Fault::new(Operation::Sync, FaultError::Errno(libc::EMFILE)));
        let makes = (1..4).map(|at| {
            let (disk, directories) = (&disk, &directories);
            async move { directories.create(disk, &partition(at)).await.is_ok() }
        });
        let made = join_all(makes).await;
        assert_eq!(made.iter().filter(|made| !**made).count(), 1, "{made:?}");
        directories.create(&disk, &partition(9)).await.expect("made");
        assert!(is_there(&after_a_cut(&sim), &partition(9)).await);
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

/// S3: the sync above a topic's directory has failed, and the next one would succeed, as Linux
/// reports a lost write once.
#[test]
fn s3_nothing_is_made_where_a_sync_further_up_has_failed() {
    let sim = SimDisk::new(1);
    run(async {
        let (disk, directories) = begin(&sim).await;
        let old = ["/data/topics/green/0", "/data/topics/green/1"].map(Path::new);
        directories.create(&disk, old[0]).await.expect("made");
        let eio = FaultError::Errno(libc::EIO);
        sim.inject(Fault::new(Operation::Sync, eio).under("/data/topics").nth(2));
        directories.create(&disk, &partition(0)).await.expect_err("the sync of topics fails");
        let again = directories.create(&disk, &partition(1)).await;
        let why = again.expect_err("its topic's name may be lost").to_string();
        assert!(why.contains("an earlier sync of /data/topics has failed"), "{why}");
        directories.create(&disk, old[1]).await.expect("its topic's name is durable");
        assert!(is_there(&after_a_cut(&sim), old[1]).await);
        assert!(!is_there(&after_a_cut(&sim), &partition(1)).await);
    });
}

#[test]
fn s3_what_is_said_to_be_made_outlives_a_power_cut_whichever_sync_fails() {
    for (seed, nth) in (0..30).flat_map(|seed| (1..=8).map(move |nth| (seed, nth))) {
        let sim = SimDisk::new(seed);
        sim.set_yields_max(4);
        run(async {
            let (disk, directories) = begin(&sim).await;
            sim.inject(Fault::new(Operation::Sync, FaultError::Errno(libc::EIO)).nth(nth));
            let path =
                |at: usize| ["blue", "green"].map(|topic| format!("/data/topics/{topic}/{at}"));
            for round in [[0, 1], [2, 3]] {
                let paths: Vec<PathBuf> =
                    round.into_iter().flat_map(path).map(PathBuf::from).collect();
                let makes = paths.iter().map(|path| directories.create(&disk, path));
                for (path, made) in paths.iter().zip(join_all(makes).await) {
                    let is_there = is_there(&after_a_cut(&sim), path).await;
                    assert!(made.is_err() || is_there, "seed {seed}, sync {nth}: {path:?}");
                }
            }
        });
    }
}

#[test]
fn what_another_shard_makes_in_a_directory_is_not_removed_with_it() {
    let mut made_first = 0;
    for seed in 0..50 {
        let sim = SimDisk::new(seed);
        run(async {
            let (disk, ours) = begin(&sim).await;
            let (theirs, topic) = (Directories::default(), Path::new("/data/topics/blue"));
            disk.create_dir_all(topic).await.expect("made");
            sim.set_yields_max(5);
            let partition = partition(1);
            let make = theirs.create(&disk, &partition);
            let (removed, made) = join(ours.remove_if_empty(&disk, topic), make).await;
            removed.expect("removed, or not empty");
            // Where it was removed before its name was durable, they hear of it.
            if made.is_ok() {
                made_first += 1;
                assert!(is_there(&disk, &partition).await, "seed {seed}");
            }
        });
    }
    assert!(made_first > 0);
}
