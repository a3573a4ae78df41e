use std::io;
use std::path::Path;

use futures::{FutureExt, join};
use pelton_model::limits::BLOCK_BYTES;

use super::*;
use crate::disk::File;

const CREATE: OpenMode = OpenMode { create: true, durable_writes: false };
const DURABLE: OpenMode = OpenMode { create: true, durable_writes: true };
const BLOCK: u64 = BLOCK_BYTES as u64;

/// A disk with a durable directory `/d` and a durable file `/d/f` of `blocks` blocks of ones.
fn bench(seed: u64, blocks: u64, mode: OpenMode) -> (SimDisk, Disk, File) {
    let sim = SimDisk::new(seed);
    let disk = sim.disk();
    let file = run(async {
        disk.create_dir_all(Path::new("/d")).await.expect("create");
        disk.sync_dir(Path::new("/")).await.expect("sync");
        let file = disk.open(Path::new("/d/f"), mode).await.expect("create");
        disk.sync_dir(Path::new("/d")).await.expect("sync");
        if blocks > 0 {
            fill(&disk, &file, 1, 0, blocks).await.expect("write");
            file.sync().await.expect("sync");
        }
        file
    });
    (sim, disk, file)
}

async fn fill(disk: &Disk, file: &File, byte: u8, from: u64, blocks: u64) -> io::Result<()> {
    let mut buffer = disk.allocate_buffer((blocks * BLOCK) as usize);
    buffer.as_mut_slice().fill(byte);
    let bytes = buffer.capacity();
    file.write_at(buffer, bytes, from * BLOCK).await.map(drop)
}

fn f(sim: &SimDisk) -> Vec<u8> {
    sim.contents(Path::new("/d/f")).expect("the file")
}

fn exists(sim: &SimDisk, path: &str) -> bool {
    sim.contents(Path::new(path)).is_ok()
}

#[test]
fn only_what_was_synced_is_promised() {
    run(async {
        let (sim, disk, file) = bench(1, 2, CREATE);
        fill(&disk, &file, 2, 1, 3).await.expect("write");
        assert_eq!(f(&sim.durable()), vec![1; 2 * BLOCK_BYTES]);
        assert_eq!(f(&sim.crash(&mut CrashChoice::keep_all())), f(&sim));
        file.sync().await.expect("sync");
        assert_eq!(f(&sim.durable()), f(&sim));
        assert_eq!(f(&sim).len(), 4 * BLOCK_BYTES);
    });
}

#[test]
fn a_crash_tears_at_sectors() {
    run(async {
        let (sim, disk, file) = bench(1, 2, CREATE);
        fill(&disk, &file, 2, 0, 2).await.expect("write");
        let (mut old, mut new, mut torn) = (0, 0, 0);
        for seed in 0..100 {
            let content = f(&sim.crash(&mut CrashChoice::random(seed)));
            for sector in content.chunks(512) {
                assert!(sector == [1; 512] || sector == [2; 512]);
            }
            match content.iter().filter(|byte| **byte == 2).count() {
                0 => old += 1,
                count if count == content.len() => new += 1,
                _ => torn += 1,
            }
        }
        assert!(old > 10 && new > 10 && torn > 20, "{old} {new} {torn}");
    });
}

#[test]
fn a_seed_decides_a_crash() {
    run(async {
        let (sim, disk, file) = bench(1, 2, CREATE);
        fill(&disk, &file, 2, 0, 5).await.expect("write");
        let crash = |seed| f(&sim.crash(&mut CrashChoice::random(seed)));
        assert_eq!(crash(7), crash(7));
        assert!((0..20).any(|seed| crash(seed) != crash(7)));
    });
}

#[test]
fn a_durable_write_needs_no_sync() {
    run(async {
        let (sim, disk, file) = bench(1, 0, DURABLE);
        file.allocate(4 * BLOCK).await.expect("allocate");
        assert_eq!(f(&sim.durable()), []);
        fill(&disk, &file, 2, 1, 1).await.expect("write");
        for seed in 0..20 {
            // The size changes that came before it are durable with it.
            assert_eq!(f(&sim.crash(&mut CrashChoice::random(seed))), f(&sim));
        }
        assert_eq!(f(&sim).len(), 4 * BLOCK_BYTES);
    });
}

#[test]
fn a_durable_write_survives_above_one_that_is_not() {
    run(async {
        let (sim, disk, file) = bench(1, 2, CREATE);
        let durable = disk.open(Path::new("/d/f"), DURABLE).await.expect("open");
        fill(&disk, &file, 2, 0, 2).await.expect("write");
        fill(&disk, &durable, 3, 1, 1).await.expect("write");
        for seed in 0..50 {
            let content = f(&sim.crash(&mut CrashChoice::random(seed)));
            assert_eq!(content[BLOCK_BYTES..], [3; BLOCK_BYTES]);
        }
    });
}

#[test]
fn a_sync_does_not_cover_a_write_that_is_in_flight() {
    let uncovered = (0..100).filter(|seed| {
        let (sim, disk, file) = bench(*seed, 1, CREATE);
        sim.set_yields_max(3);
        let (written, synced) = run(async { join!(fill(&disk, &file, 2, 0, 1), file.sync()) });
        written.and(synced).expect("no fault");
        assert_eq!(f(&sim), [2; BLOCK_BYTES]);
        f(&sim.durable()) == [1; BLOCK_BYTES]
    });
    // With no yield the write is complete before the sync begins.
    assert!((50..100).contains(&uncovered.count()));
}

#[test]
fn a_crash_amid_a_write_may_leave_it_torn() {
    let (sim, disk, file) = bench(5, 2, DURABLE);
    sim.set_yields_max(1000);
    let mut write = Box::pin(fill(&disk, &file, 2, 0, 2));
    assert!((&mut write).now_or_never().is_none());
    assert_eq!(f(&sim), vec![1; 2 * BLOCK_BYTES]);
    let mixed = (0..50).filter(|seed| {
        let content = f(&sim.crash(&mut CrashChoice::random(*seed)));
        content.contains(&1) && content.contains(&2)
    });
    assert!(mixed.count() > 10);
    run(write).expect("write");
    assert_eq!(f(&sim.durable()), vec![2; 2 * BLOCK_BYTES]);
}

#[test]
fn an_unsynced_truncation_may_be_lost() {
    run(async {
        let (sim, _disk, file) = bench(1, 3, CREATE);
        file.truncate(100).await.expect("truncate");
        let size = |seed| f(&sim.crash(&mut CrashChoice::random(seed))).len();
        assert!((0..20).any(|seed| size(seed) == 100));
        assert!((0..20).any(|seed| size(seed) == 3 * BLOCK_BYTES));
        file.sync().await.expect("sync");
        assert!((0..20).all(|seed| size(seed) == 100));
    });
}

#[test]
fn a_name_is_durable_when_its_directory_is_synced() {
    run(async {
        let (sim, disk, file) = bench(1, 1, CREATE);
        let other = disk.open(Path::new("/d/other"), CREATE).await.expect("create");
        other.sync().await.expect("sync");
        assert!(!exists(&sim.durable(), "/d/other"));
        let kept = |seed| exists(&sim.crash(&mut CrashChoice::random(seed)), "/d/other");
        assert!((0..20).any(kept) && !(0..20).all(kept));
        disk.sync_dir(Path::new("/d")).await.expect("sync");
        assert!((0..20).all(kept));

        disk.rename(Path::new("/d/f"), Path::new("/d/other")).await.expect("rename");
        let renamed = |sim: &SimDisk| !exists(sim, "/d/f");
        for seed in 0..20 {
            let crashed = sim.crash(&mut CrashChoice::random(seed));
            assert!(exists(&crashed, "/d/other"), "a rename is atomic");
            let content = crashed.contents(Path::new("/d/other")).expect("the file");
            assert_eq!(content.len(), if renamed(&crashed) { BLOCK_BYTES } else { 0 });
        }
        disk.sync_dir(Path::new("/d")).await.expect("sync");
        assert!(renamed(&sim.durable()));

        disk.remove_file(Path::new("/d/other")).await.expect("remove");
        assert!(exists(&sim.durable(), "/d/other"));
        disk.sync_dir(Path::new("/d")).await.expect("sync");
        assert!(!exists(&sim.durable(), "/d/other"));
        file.close().await.expect("close");
    });
}

#[test]
fn a_lost_directory_takes_what_is_in_it() {
    run(async {
        let sim = SimDisk::new(1);
        let disk = sim.disk();
        disk.create_dir_all(Path::new("/a/b")).await.expect("create");
        disk.write_file_durably(Path::new("/a/b/f"), b"x").await.expect("write");
        assert!(!exists(&sim.durable(), "/a/b/f"));
        disk.sync_dir(Path::new("/a")).await.expect("sync");
        assert!(!exists(&sim.durable(), "/a/b/f"));
        disk.sync_dir(Path::new("/")).await.expect("sync");
        assert_eq!(sim.durable().contents(Path::new("/a/b/f")).expect("the file"), b"x");
    });
}

#[test]
fn replacing_a_small_file_leaves_the_old_or_the_new() {
    for seed in 0..200 {
        let sim = SimDisk::new(seed);
        let disk = sim.disk();
        let path = Path::new("/meta");
        run(disk.write_file_durably(path, b"old")).expect("write");
        sim.set_yields_max(2);
        let mut replace = Box::pin(disk.write_file_durably(path, b"newer"));
        let mut polls = Random::new(seed).below(20);
        while polls > 0 && (&mut replace).now_or_never().is_none() {
            polls -= 1;
        }
        let crashed = sim.crash(&mut CrashChoice::random(seed));
        let content = crashed.contents(path).expect("the file");
        assert!(content == b"old" || content == b"newer", "seed {seed}: {content:?}");
    }
}

#[test]
fn the_nth_operation_fails_once_or_from_then_on() {
    run(async {
        let (sim, _disk, file) = bench(1, 1, CREATE);
        let eio = FaultError::Errno(libc::EIO);
        sim.inject(Fault::new(Operation::Read, eio).nth(2));
        let mut reads = Vec::new();
        for _ in 0..4 {
            reads.push(file.read_at(0, 10).await.is_ok());
        }
        assert_eq!(reads, [true, false, true, true]);
        sim.inject(
            Fault::new(Operation::Read, FaultError::Kind(io::ErrorKind::TimedOut)).lasting(),
        );
        for _ in 0..3 {
            let error = file.read_at(0, 10).await.expect_err("a lasting fault");
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
        sim.clear_faults();
        sim.inject(Fault::new(Operation::Read, eio).under("/elsewhere"));
        assert!(file.read_at(0, 10).await.is_ok());
    });
}

#[test]
fn a_file_is_not_trusted_after_a_failed_sync() {
    run(async {
        let (sim, disk, file) = bench(1, 1, CREATE);
        fill(&disk, &file, 2, 0, 1).await.expect("write");
        sim.inject(Fault::new(Operation::Sync, FaultError::Errno(libc::EIO)));
        assert!(file.sync().await.is_err());
        let syncs = sim.counters().syncs;
        let error = file.clone().sync().await.expect_err("latched");
        assert_eq!(error.raw_os_error(), Some(libc::EIO));
        assert!(fill(&disk, &file, 3, 0, 1).await.is_err());
        assert!(file.allocate(100).await.is_err());
        assert!(file.truncate(0).await.is_err());
        assert_eq!(sim.counters().syncs, syncs, "nothing reaches the disk");
        assert!(file.read_at(0, 1).await.is_ok());
        // Nor does a sync through another handle bring back what was lost.
        let again = disk.open(Path::new("/d/f"), CREATE).await.expect("open");
        again.sync().await.expect("sync");
        assert_eq!(f(&sim.durable()), [1; BLOCK_BYTES]);
    });
}

#[test]
fn a_failed_write_may_have_happened_in_part() {
    let partial = (0..50).filter(|seed| {
        run(async {
            let (sim, disk, file) = bench(*seed, 1, CREATE);
            sim.inject(Fault::new(Operation::Write, FaultError::Errno(libc::EIO)));
            assert!(fill(&disk, &file, 2, 0, 1).await.is_err());
            assert!(file.sync().await.is_err(), "latched");
            f(&sim).contains(&2)
        })
    });
    assert!((10..45).contains(&partial.count()));
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    run(async {
        let (sim, disk, file) = bench(1, 2, CREATE);
        sim.set_capacity(4 * BLOCK);
        let space = disk.space(Path::new("/d")).await.expect("space");
        assert_eq!(space, Space { free_bytes: 2 * BLOCK, total_bytes: 4 * BLOCK });
        fill(&disk, &file, 2, 1, 2).await.expect("one new block");
        let error = fill(&disk, &file, 3, 2, 3).await.expect_err("two new blocks");
        assert!(is_disk_full(&error));
        assert_eq!(f(&sim).len(), 3 * BLOCK_BYTES);
        assert!(is_disk_full(&file.allocate(5 * BLOCK).await.expect_err("two new blocks")));
        // A removed file takes room until it is closed.
        let other = disk.open(Path::new("/d/other"), CREATE).await.expect("create");
        other.allocate(BLOCK).await.expect("the last block");
        disk.remove_file(Path::new("/d/other")).await.expect("remove");
        assert!(fill(&disk, &file, 3, 3, 1).await.is_err());
        other.close().await.expect("close");
        fill(&disk, &file, 3, 3, 1).await.expect("there is room again, and the file is trusted");
    });
}

#[test]
fn rot_is_durable() {
    run(async {
        let (sim, disk, file) = bench(1, 1, CREATE);
        fill(&disk, &file, 1, 0, 1).await.expect("an unsynced write of the same bytes");
        sim.flip_bit(Path::new("/d/f"), 100, 3).expect("the file");
        for sim in [sim.clone(), sim.durable(), sim.crash(&mut CrashChoice::keep_all())] {
            let content = f(&sim);
            assert_eq!(content[100], 1 ^ 8);
            assert_eq!(content.iter().filter(|byte| **byte != 1).count(), 1);
        }
        assert!(sim.flip_bit(Path::new("/d/absent"), 0, 0).is_err());
    });
}

#[test]
fn operations_are_counted() {
    let (sim, disk, file) = bench(1, 2, CREATE);
    run(async {
        file.read_at(1, 100).await.expect("read");
        disk.list_dir(Path::new("/d")).await.expect("list");
    });
    let expected = Counters {
        opens: 1,
        reads: 1,
        bytes_read: 100,
        writes: 1,
        bytes_written: 2 * BLOCK,
        syncs: 3,
        allocations: 0,
    };
    assert_eq!(sim.counters(), expected);
}

#[test]
#[should_panic(expected = "a deadlock")]
fn waiting_for_nothing_is_noticed() {
    run(std::future::pending::<()>());
}

#[test]
fn a_kill_decides_what_was_under_way_and_keeps_the_rest_volatile() {
    for kept in [false, true] {
        let sim = SimDisk::new(1);
        let path = Path::new("/file");
        run(async {
            let disk = sim.disk();
            let file =
                disk.open(path, OpenMode { create: true, durable_writes: false }).await.unwrap();
            disk.sync_dir(Path::new("/")).await.unwrap();
            let block = |byte| {
                let mut buffer = disk.allocate_buffer(BLOCK_BYTES);
                buffer.as_mut_slice().fill(byte);
                buffer
            };
            file.write_at(block(1), BLOCK_BYTES, 0).await.unwrap();
            sim.set_yields_max(1000);
            let under_way = file.write_at(block(2), BLOCK_BYTES, 0);
            assert!(under_way.now_or_never().is_none());
        });
        sim.kill(&mut if kept { CrashChoice::keep_all() } else { CrashChoice::lose_all() });
        let seen = sim.contents(path).unwrap()[0];
        assert_eq!(seen, if kept { 2 } else { 1 });
        assert!(sim.durable().contents(path).unwrap().is_empty());
    }
}

#[test]
fn a_disk_that_lies_keeps_nothing_through_a_power_cut() {
    for (lie, durable_writes) in [(Lie::SyncsDoNothing, false), (Lie::DurableWritesAreNot, true)] {
        let kept_if = |lie: Option<Lie>| {
            let sim = SimDisk::new(1);
            let path = Path::new("/file");
            run(async {
                let disk = sim.disk();
                let file =
                    disk.open(path, OpenMode { create: true, durable_writes }).await.unwrap();
                disk.sync_dir(Path::new("/")).await.unwrap();
                sim.set_lie(lie);
                let buffer = disk.allocate_buffer(BLOCK_BYTES);
                file.write_at(buffer, BLOCK_BYTES, 0).await.unwrap();
                if !durable_writes {
                    file.sync().await.unwrap();
                }
            });
            sim.durable().contents(path).unwrap().len()
        };
        assert_eq!((kept_if(None), kept_if(Some(lie))), (BLOCK_BYTES, 0), "{lie:?}");
    }
}

#[test]
fn the_names_that_a_failed_sync_was_for_are_not_brought_back_by_a_later_one() {
    run(async {
        let (sim, disk, _file) = bench(1, 0, CREATE);
        let names = |sim: SimDisk| async move {
            let entries = sim.disk().list_dir(Path::new("/d")).await.expect("a directory");
            entries.into_iter().map(|entry| entry.name).collect::<Vec<String>>()
        };
        disk.create_dir_all(Path::new("/d/lost")).await.expect("create");
        sim.inject(Fault::new(Operation::Sync, FaultError::Errno(libc::EIO)));
        disk.sync_dir(Path::new("/d")).await.expect_err("the fault");
        disk.create_dir_all(Path::new("/d/made")).await.expect("create");
        // Of another shard, say, that does not know.
        sim.disk().sync_dir(Path::new("/d")).await.expect("sync");
        assert_eq!(names(sim.durable()).await, ["f", "made"]);
        let kept = sim.crash(&mut CrashChoice::keep_all());
        assert_eq!(names(kept).await, ["f", "lost", "made"]);
        // The directory could not be opened, so the next sync is as good.
        disk.create_dir_all(Path::new("/d/new")).await.expect("create");
        sim.inject(Fault::new(Operation::Sync, FaultError::Errno(libc::EMFILE)));
        let disk = sim.disk();
        disk.sync_dir(Path::new("/d")).await.expect_err("the fault");
        disk.sync_dir(Path::new("/d")).await.expect("sync");
        assert_eq!(names(sim.durable()).await, ["f", "made", "new"]);
    });
}
