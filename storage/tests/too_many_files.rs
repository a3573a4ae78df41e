//! S3: running out of descriptors, which clients can bring about by connecting, is a condition that
//! passes. Nothing was written where a file could not be opened, so nothing is fenced.

mod support;

use std::path::PathBuf;

use pelton_storage::disk::sim::{CrashChoice, Fault, FaultError, Operation, SimDisk, run};
use pelton_storage::{
    Corruptions, Log, ReadError, StorageError, Store, StoreOptions, remove_forgotten_topics,
};
use support::*;

fn run_out_of_files(sim: &SimDisk, operation: Operation, under: PathBuf) {
    for errno in [libc::EMFILE, libc::ENFILE] {
        sim.inject(Fault::new(operation, FaultError::Errno(errno)).under(under.clone()).lasting());
    }
}

fn assert_goes_on(store: &Store, log: &Log) {
    store.journal().check().expect("the shard goes on");
    assert!(log.is_served());
}

#[test]
fn a_state_file_that_cannot_be_opened_now_is_written_later() {
    // The file, and its directory, which is opened for the sync.
    let slots =
        ["state.0.tmp", "state.1.tmp"].map(|name| (Operation::Open, shard_dir().join(name)));
    for cause in [slots.to_vec(), vec![(Operation::Sync, shard_dir())]] {
        let sim = new_disk(1);
        let written = with_store(&sim, SMALL, async |store: Store| {
            let log = place(&store, partition(1, 0)).await;
            let written = append(&store, &log, batch(1, 1_000)).await.1;
            for (operation, under) in cause {
                run_out_of_files(&sim, operation, under);
            }
            let failed = store.checkpoint(|_| roll_at(1 << 30)).await;
            assert_eq!(failed, Err(StorageError::TooManyFiles));
            assert_goes_on(&store, &log);
            sim.clear_faults();
            checkpoint(&store).await;
            written
        });
        with_store(&sim.durable(), SMALL, async |store: Store| {
            assert_eq!(read_all(&store.log(partition(1, 0)).expect("a log")).await, [written]);
        });
    }
}

#[test]
fn a_segment_that_cannot_be_opened_now_is_written_later() {
    let id = partition(1, 0);
    let topic_dir = partition_dir(id).parent().expect("a topic's").to_path_buf();
    for (operation, under) in [
        (Operation::Open, partition_dir(id)),
        (Operation::Sync, partition_dir(id)),
        (Operation::Sync, topic_dir),
        (Operation::Sync, data_dir().join("topics")),
    ] {
        let sim = new_disk(2);
        let options = StoreOptions { direct_flush_bytes: 4_000, ..SMALL };
        let written = with_store(&sim, options, async |store: Store| {
            let log = place(&store, id).await;
            let small = append(&store, &log, batch(1, 1_000)).await.1;
            run_out_of_files(&sim, operation, under.clone());
            assert_eq!(log.carry(roll_at(1 << 30)).await, Err(StorageError::TooManyFiles));
            assert_goes_on(&store, &log);
            // Past the journal, which has it instead.
            let large = append(&store, &log, batch(2, 8_000)).await.1;
            let failed = store.checkpoint(|_| roll_at(1 << 30)).await;
            assert_eq!(failed, Err(StorageError::TooManyFiles));
            assert_goes_on(&store, &log);
            sim.clear_faults();
            checkpoint(&store).await;
            assert_eq!((store.uncarried_bytes(), log.segment_count()), (0, 1));
            [small, large]
        });
        with_store(&sim.durable(), SMALL, async |store: Store| {
            assert_eq!(read_all(&store.log(id).expect("a log")).await, written, "{under:?}");
        });
    }
}

#[test]
fn a_journal_that_cannot_grow_now_waits_for_a_checkpoint() {
    const APPENDS: u8 = 60;
    let sim = new_disk(3);
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        run_out_of_files(&sim, Operation::Open, shard_dir());
        for fill in 0..APPENDS {
            log.append(batch(fill, 5_000), NOW).expect("appended");
        }
        until(|| store.journal().is_starved()).await;
        assert_goes_on(&store, &log);
        sim.clear_faults();
        while log.commit_offset() < log.end_offset() {
            checkpoint(&store).await;
            yield_once().await;
        }
        assert_eq!(read_all(&log).await.len(), usize::from(APPENDS));
    });
}

/// The journal does not wait for it, or a burst of connections would stop the shard; so the journal does
/// not tell the next start of it either.
#[test]
fn files_that_cannot_be_removed_now_are_removed_later() {
    let topics = data_dir().join("topics");
    for is_in_time in [true, false] {
        let sim = new_disk(4);
        let (gone, stays) = (partition(1, 0), partition(2, 0));
        let written = with_store(&sim, SMALL, async |store: Store| {
            let log = place(&store, gone).await;
            append(&store, &log, batch(1, 1_000)).await;
            let other = place(&store, stays).await;
            let written = append(&store, &other, batch(2, 1_000)).await.1;
            checkpoint(&store).await;
            run_out_of_files(&sim, Operation::Remove, partition_dir(gone));
            assert_eq!(store.remove(gone).await, Err(StorageError::TooManyFiles));
            assert_goes_on(&store, &other);
            assert_eq!(store.remove_left_files(gone).await, Err(StorageError::TooManyFiles));
            for _ in 0..3 {
                go_round_the_ring(&store, &other).await;
            }
            sim.clear_faults();
            if is_in_time {
                store.remove_left_files(gone).await.expect("removed");
            }
            store.remove_left_files(stays).await.expect("it is there, and stays");
            written
        });
        let image = sim.crash(&mut CrashChoice::keep_all());
        let is_left = |image: &SimDisk| {
            let entries = run(image.disk().list_dir(&topics)).expect("a directory");
            entries.iter().any(|entry| entry.name == gone.topic.to_string())
        };
        with_store(&image, SMALL, async |store: Store| {
            assert_eq!(read_all(&store.log(stays).expect("a log")).await[0], written);
        });
        assert_eq!(is_left(&image), !is_in_time);
        run(async {
            let disk = image.disk();
            disk.create_dir_all(&topics.join("lost+found")).await.expect("made");
            let removed = remove_forgotten_topics(&disk, &data_dir(), |id| id == stays.topic).await;
            assert_eq!(removed.expect("removed"), usize::from(!is_in_time));
            let left = disk.list_dir(&topics).await.expect("a directory");
            let left: Vec<_> = left.into_iter().map(|entry| entry.name).collect();
            assert_eq!(left, [stays.topic.to_string(), "lost+found".into()]);
        });
        assert!(!is_left(&image));
    }
}

/// Appends more than the ring takes, which needs each of its files to be free again.
async fn go_round_the_ring(store: &Store, log: &Log) {
    for fill in 0..40 {
        append(store, log, batch(fill, 9_000)).await;
        checkpoint(store).await;
    }
}

/// Whoever reads is not told that the records are damaged.
#[test]
fn a_segment_that_cannot_be_opened_now_is_read_later() {
    let (sim, written) = settled();
    with_store(&sim, SMALL, async |store: Store| {
        let log = store.log(partition(1, 0)).expect("a log");
        run_out_of_files(&sim, Operation::Open, partition_dir(log.id()));
        let failed = read(&log, 0, 1_000).await.expect_err("it is not open");
        assert_eq!(failed, ReadError::Storage(StorageError::TooManyFiles));
        assert_eq!(store.stats().corruptions, Corruptions::default());
        sim.clear_faults();
        assert_eq!(read_all(&log).await, written);
    });
}
