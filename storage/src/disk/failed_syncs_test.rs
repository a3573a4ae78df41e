//! Rules of failed syncs, on the simulated disk.

use std::path::Path;

use futures::future::join_all;

use crate::disk::FailedSyncs;
use crate::disk::sim::{Fault, FaultError, Operation, SimDisk, run};

const DIR: &str = "/d";

fn eio() -> Fault {
    Fault::new(Operation::Sync, FaultError::Errno(libc::EIO))
}

#[test]
fn s3_a_directory_whose_sync_has_failed_is_not_synced_again() {
    let sim = SimDisk::new(1);
    run(async {
        let disk = sim.disk();
        for dir in [DIR, "/d/inner", "/other"] {
            disk.create_dir_all(Path::new(dir)).await.expect("made");
        }
        sim.inject(eio());
        let first = disk.sync_dir(Path::new(DIR)).await.expect_err("the fault");
        assert_eq!(first.raw_os_error(), Some(libc::EIO));
        let asked = sim.counters().syncs;
        let again = disk.clone().sync_dir(Path::new(DIR)).await.expect_err("latched");
        assert!(again.to_string().contains("an earlier sync of /d has failed: "), "{again}");
        assert_eq!(sim.counters().syncs, asked, "the disk is not asked");
        for dir in ["/d/inner", "/other"] {
            disk.sync_dir(Path::new(dir)).await.expect("another directory");
        }
    });
}

#[test]
fn a_directory_that_takes_the_place_of_a_failed_one_is_another() {
    let sim = SimDisk::new(1);
    run(async {
        let disk = sim.disk();
        let inner = Path::new("/d/inner");
        disk.create_dir_all(inner).await.expect("made");
        sim.inject(eio());
        disk.sync_dir(inner).await.expect_err("the fault");
        disk.remove_dir_all(Path::new("/d/inn")).await.ok();
        disk.sync_dir(inner).await.expect_err("latched");
        disk.remove_dir_all(Path::new(DIR)).await.expect("removed");
        disk.create_dir_all(inner).await.expect("made");
        disk.sync_dir(inner).await.expect("synced");
    });
}

#[test]
fn a_directory_that_could_not_be_opened_has_lost_nothing() {
    let sim = SimDisk::new(1);
    run(async {
        let disk = sim.disk();
        disk.sync_dir(Path::new(DIR)).await.expect_err("not there");
        disk.create_dir_all(Path::new(DIR)).await.expect("made");
        for errno in [libc::EMFILE, libc::ENFILE] {
            sim.inject(Fault::new(Operation::Sync, FaultError::Errno(errno)));
            disk.sync_dir(Path::new(DIR)).await.expect_err("the fault");
        }
        disk.sync_dir(Path::new(DIR)).await.expect("synced");
    });
}

/// S3: what one sync was for another one may have been for, too, that fails while it is under way.
#[test]
fn s3_a_sync_beside_one_that_fails_is_not_believed() {
    for seed in 0..50 {
        let sim = SimDisk::new(seed);
        sim.set_yields_max(6);
        run(async {
            let disk = sim.disk();
            let name = Path::new("/d/name");
            disk.create_dir_all(name).await.expect("made");
            sim.inject(eio());
            let syncs = [(); 2].map(|()| disk.sync_dir(Path::new(DIR)));
            let synced = join_all(syncs).await;
            let is_believed = synced.iter().any(Result::is_ok);
            let durable = sim.durable().disk().list_dir(Path::new(DIR)).await;
            let is_durable = durable.is_ok_and(|names| !names.is_empty());
            assert!(is_durable || !is_believed, "seed {seed}: {synced:?}");
        });
    }
}

/// S3: of the directory of all topics, which shards share.
#[test]
fn s3_shards_tell_each_other_of_failed_syncs() {
    let sim = SimDisk::new(1);
    run(async {
        let failed_syncs = FailedSyncs::default();
        let [first, second] = [(); 2].map(|()| sim.disk().sharing(failed_syncs.clone()));
        first.create_dir_all(Path::new("/d/name")).await.expect("made");
        sim.inject(eio());
        first.sync_dir(Path::new(DIR)).await.expect_err("the fault");
        second.sync_dir(Path::new(DIR)).await.expect_err("the other has heard of it");
        sim.disk().sync_dir(Path::new(DIR)).await.expect("another process has not");
    });
}
